//! Compressed data: gzip (RFC 1952), zlib (RFC 1950), and bare deflate (RFC 1951) where `Content-Encoding` says `deflate`.
//!
//! Output is made in small steps. As long as it is short, it is held and becomes a value; a longer one passes by in windows.

use flate2::{Decompress, FlushDecompress, Status};

use super::{Decoder, Method};
use crate::attack::Attack;
use crate::limits::{Overlimit, WINDOW, WINDOW_OVERLAP};
use crate::look::Look;
use crate::parser::Parser;
use crate::point::{PointId, Tag};
use crate::walk::{Mark, Task, Value, Walk};

pub(crate) const DECODER: Decoder = Decoder {
    parser: Some(Parser::Zlib),
    replaces_scan: |_, _| false,
    // A short zlib stream may have ASCII bytes only.
    needs: Look::ANYTHING,
    suits: |_, bytes| Format::of(bytes).is_some(),
    method: Method::Structure { open: open_value },
};

/// Bytes of output that pass by together once there are too many to hold.
const BATCH: usize = 1 << 20;

/// What surrounds the deflated data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Gzip,
    Zlib,
    Bare,
}

impl Format {
    fn of(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [0x1f, 0x8b, 8, ..] => Some(Self::Gzip),
            // Deflate with a window of 32 KiB, and a number that makes both bytes a multiple of 31.
            [0x78, 0x01 | 0x5e | 0x9c | 0xda, ..] => Some(Self::Zlib),
            _ => None,
        }
    }
}

/// Data that is being decompressed.
#[derive(Debug)]
pub(crate) struct Inflate {
    source: Value,
    is_body: bool,
    format: Format,
    point: PointId,
    state: Decompress,
    /// Bytes of the source that were read.
    at: usize,
    /// Where the output begins.
    mark: Mark,
    produced: u64,
    /// Whether the output became too long to be held.
    passes: bool,
    /// Whether the windows of what is held were left to be examined.
    examined: bool,
    ended: bool,
}

fn open_value(walk: &mut Walk, source: Value) {
    if let Some(format) = Format::of(walk.buffers.get(source.bytes)) {
        open(walk, source, format, false);
    }
}

/// Leaves a compressed body to be decompressed; false when it cannot be.
pub(crate) fn open_body(walk: &mut Walk, body: Value) -> bool {
    let format = Format::of(walk.buffers.get(body.bytes)).unwrap_or(Format::Bare);
    open(walk, body, format, true)
}

fn open(walk: &mut Walk, source: Value, format: Format, is_body: bool) -> bool {
    let point = walk.points.tag(source.point, Tag::Gzip);
    if source.compressed >= walk.settings.limits.compressed_in_compressed {
        walk.report(Attack::DataBomb, source.bytes, point);
        return false;
    }
    let at = match format {
        Format::Gzip => gzip_header(walk.buffers.get(source.bytes)),
        Format::Zlib | Format::Bare => Some(0),
    };
    let Some(at) = at else { return false };
    let state = Decompress::new(format == Format::Zlib);
    let (mark, passes) = (walk.mark(), false);
    let inflate =
        Inflate { source, is_body, format, point, state, at, mark, produced: 0, passes, examined: false, ended: false };
    walk.push(Task::Inflate(Box::new(inflate)));
    true
}

/// The length of the header of a gzip member (RFC 1952 §2.3); `None` when it is cut off.
fn gzip_header(bytes: &[u8]) -> Option<usize> {
    const HAS_CHECKSUM: u8 = 2;
    const HAS_EXTRA: u8 = 4;
    const HAS_NAME: u8 = 8;
    const HAS_COMMENT: u8 = 16;
    let flags = *bytes.get(3)?;
    let mut at = 10;
    if flags & HAS_EXTRA != 0 {
        at += 2 + usize::from(u16::from_le_bytes([*bytes.get(at)?, *bytes.get(at + 1)?]));
    }
    for text in [HAS_NAME, HAS_COMMENT] {
        if flags & text != 0 {
            at += bytes.get(at..)?.iter().position(|byte| *byte == 0)? + 1;
        }
    }
    if flags & HAS_CHECKSUM != 0 {
        at += 2;
    }
    (at <= bytes.len()).then_some(at)
}

impl Inflate {
    /// Decompresses a little more, or leaves what is ready to be examined.
    pub(crate) fn advance(mut self: Box<Self>, walk: &mut Walk) -> usize {
        if self.examined {
            let held = walk.since(self.mark).len();
            walk.drop_since(self.mark, held.saturating_sub(WINDOW_OVERLAP));
            self.examined = false;
        }
        if self.ended {
            self.finish(walk);
            return 0;
        }
        let before = self.at;
        let written = self.inflate(walk);
        let cost = self.at - before + written;
        if self.is_bomb(walk) {
            walk.report(Attack::DataBomb, self.source.bytes, self.point);
            walk.release(self.mark);
            return cost;
        }
        let held = walk.since(self.mark).len();
        let most = if self.passes { BATCH } else { walk.settings.limits.structured };
        if held > most {
            self.passes = true;
            self.examined = true;
            let windows = self.value(walk);
            walk.push(Task::Inflate(self));
            walk.push(Task::Windows(windows, 0));
        } else {
            walk.push(Task::Inflate(self));
        }
        cost
    }

    /// Decompresses up to a window of output; its length.
    fn inflate(&mut self, walk: &mut Walk) -> usize {
        let input = self.source.bytes.from(self.at);
        let before = (self.state.total_in(), self.state.total_out());
        let state = &mut self.state;
        let mut result = Ok(Status::BufError);
        walk.buffers.decode(input, |input, output| {
            output.reserve_exact(WINDOW);
            result = state.decompress_vec(input, output, FlushDecompress::None);
            true
        });
        let read = usize::try_from(self.state.total_in() - before.0).unwrap_or(usize::MAX);
        let written = self.state.total_out() - before.1;
        self.at = self.at.saturating_add(read);
        self.produced += written;
        walk.decompressed += written;
        match result {
            Ok(Status::StreamEnd) => self.ended = !self.next_member(walk),
            Ok(Status::Ok | Status::BufError) => self.ended = read == 0 && written == 0,
            // What came out before the break is examined nevertheless.
            Err(_) => self.ended = true,
        }
        if walk.decompressed > walk.settings.limits.decompressed {
            walk.stop(Overlimit::Decompressed);
        }
        usize::try_from(written).unwrap_or(usize::MAX)
    }

    /// Goes on with the gzip member behind this one, if there is one.
    fn next_member(&mut self, walk: &Walk) -> bool {
        const TRAILER: usize = 8;
        let behind = self.at.saturating_add(TRAILER);
        let rest = walk.buffers.get(self.source.bytes.from(behind));
        if self.format != Format::Gzip || Format::of(rest) != Some(Format::Gzip) {
            return false;
        }
        let Some(header) = gzip_header(rest) else { return false };
        self.at = behind + header;
        self.state.reset(false);
        true
    }

    fn is_bomb(&self, walk: &Walk) -> bool {
        let limits = &walk.settings.limits;
        let read = u64::try_from(self.at).unwrap_or(u64::MAX);
        self.produced > limits.ratio_from && self.produced > read.saturating_mul(limits.ratio)
    }

    /// Leaves the rest of the output to be examined.
    fn finish(self, walk: &mut Walk) {
        let value = self.value(walk);
        let nothing = self.produced == 0;
        if self.is_body && nothing {
            // The type of its compression was a lie.
            walk.push(Task::Body(Value { compressed: self.source.compressed + 1, ..self.source }));
        } else if self.passes {
            walk.push(Task::Windows(value, 0));
        } else if self.is_body {
            walk.push(Task::Body(value));
        } else if !nothing {
            walk.push(Task::Value(value));
        }
    }

    fn value(&self, walk: &Walk) -> Value {
        let compressed = self.source.compressed.saturating_add(1);
        Value { compressed, ..self.source.child(walk.since(self.mark), self.point) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_optional_fields_of_a_gzip_header_are_skipped() {
        let plain = b"\x1f\x8b\x08\0\0\0\0\0\0\x03data";
        assert_eq!(gzip_header(plain), Some(10));
        let full = b"\x1f\x8b\x08\x1e\0\0\0\0\0\x03\x02\0xxname\0comment\0ccdata";
        assert_eq!(gzip_header(full), Some(full.len() - 4));
        assert_eq!(gzip_header(&full[..15]), None);
    }

    #[test]
    fn ordinary_text_is_no_compressed_data() {
        for text in [&b"xylophone"[..], b"x", b"", b"\x1f\x8b"] {
            assert_eq!(Format::of(text), None);
        }
    }
}

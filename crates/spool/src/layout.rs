//! The bytes of a segment and of the file of progress. Numbers are little-endian; checksums are CRC-32 as in zlib.
//!
//! A segment is called after the sequence of its first record, `<16 hexadecimal digits>.seg`. It has a header, then records.
//!
//! | Header | Bytes | Content |
//! |---:|---:|---|
//! | 0 | 8 | `wnspool\n` |
//! | 8 | 4 | version of the format, 2; 1 is read |
//! | 12 | 8 | sequence of the first record |
//! | 20 | 4 | checksum of the 20 bytes before |
//!
//! | Record | Bytes | Content |
//! |---:|---:|---|
//! | 0 | 4 | the mark `f5 52 ff c0` |
//! | 4 | 4 | length of the payload, at most [`LONGEST_PAYLOAD`]; the highest bit is set if the entry belongs with the one before |
//! | 8 | 8 | sequence |
//! | 16 | 8 | time of the entry, milliseconds since 1970 |
//! | 24 | 4 | checksum of the 20 bytes after the mark and of the payload |
//! | 28 | n | payload |
//!
//! The mark is no UTF-8: a payload of text never looks like a record. Sequences ascend within a segment, and all of them are lower than
//! the first of the next segment: what a failed write may have left behind is thereby known to be no record. Format 1 did not tell
//! which entries belong together.
//!
//! The file `progress` tells what is done:
//!
//! | Progress | Bytes | Content |
//! |---:|---:|---|
//! | 0 | 8 | `wnsplpr\n` |
//! | 8 | 4 | version of the format, 1 |
//! | 12 | 8 | a sequence that is higher than all that were written |
//! | 20 | 4 | checksum of the 20 bytes before |
//! | 24 | 16 × n | ranges of sequences that are done or lost: from, and up to but not including |
//! | 24 + 16 × n | 4 | checksum of everything before |
//!
//! Later versions of either keep the first 24 bytes, so that an older server can tell them from damage.

use crate::Draft;

/// A kind of file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Format {
    /// How it begins.
    pub magic: [u8; 8],
    /// The version that is written, and the newest that is read.
    pub version: u32,
}

/// That of a segment.
pub const SEGMENT_FORMAT: Format = Format { magic: *b"wnspool\n", version: 2 };
/// That of the file of progress.
pub const PROGRESS_FORMAT: Format = Format { magic: *b"wnsplpr\n", version: 1 };
/// Bytes of a header.
pub const HEADER: usize = 24;
/// Bytes of a record before its payload.
pub const RECORD: usize = 28;
/// How a record begins.
pub const MARK: [u8; 4] = [0xf5, 0x52, 0xff, 0xc0];
/// The longest payload: it bounds the memory that reading takes.
pub const LONGEST_PAYLOAD: usize = 1 << 20;
/// The bit of the length that says that the entry belongs with the one before.
const FOLLOWS: u32 = 1 << 31;

/// What the header of a file says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Header {
    /// It is of a version that can be read, with this sequence.
    Known(u64),
    /// It is of this newer version.
    Newer(u32),
    /// It is no header, or a damaged one.
    Damaged,
}

impl Header {
    /// Writes a header.
    #[must_use]
    pub fn encode(format: Format, sequence: u64) -> [u8; HEADER] {
        let Format { magic, version } = format;
        let mut header = [0; HEADER];
        header[..8].copy_from_slice(&magic);
        header[8..12].copy_from_slice(&version.to_le_bytes());
        header[12..20].copy_from_slice(&sequence.to_le_bytes());
        let checksum = crc32fast::hash(&header[..20]);
        header[20..].copy_from_slice(&checksum.to_le_bytes());
        header
    }

    /// Reads the header at the beginning of `bytes`.
    #[must_use]
    pub fn decode(format: Format, bytes: &[u8]) -> Self {
        let Some(header) = bytes.first_chunk::<HEADER>() else { return Self::Damaged };
        if header[..8] != format.magic || crc32fast::hash(&header[..20]) != u32_at(header, 20) {
            return Self::Damaged;
        }
        match u32_at(header, 8) {
            0 => Self::Damaged,
            newer if newer > format.version => Self::Newer(newer),
            _ => Self::Known(u64_at(header, 12)),
        }
    }
}

/// A record without its payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prefix {
    /// Bytes of the payload.
    pub length: usize,
    /// Its sequence.
    pub sequence: u64,
    /// Its time.
    pub written: u64,
    /// It belongs with the entry before it.
    pub follows: bool,
    checksum: u32,
}

impl Prefix {
    /// Reads what stands before a payload. It may still turn out to be none: only [`Self::fits`] proves a record.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let bytes = bytes.first_chunk::<RECORD>()?;
        let length = (u32_at(bytes, 4) & !FOLLOWS) as usize;
        (bytes[..4] == MARK && length <= LONGEST_PAYLOAD).then(|| Self {
            length,
            sequence: u64_at(bytes, 8),
            written: u64_at(bytes, 16),
            follows: u32_at(bytes, 4) & FOLLOWS != 0,
            checksum: u32_at(bytes, 24),
        })
    }

    /// Whether `record`, which begins with this prefix, is whole.
    #[must_use]
    pub fn fits(&self, record: &[u8]) -> bool {
        record
            .get(RECORD..RECORD + self.length)
            .is_some_and(|payload| checksum(&record[4..24], payload) == self.checksum)
    }
}

/// Bytes that a payload of this length takes as a record.
#[must_use]
pub const fn record_length(payload: usize) -> usize {
    RECORD + payload
}

/// Appends a record.
pub fn encode_record(sequence: u64, entry: Draft<'_>, out: &mut Vec<u8>) {
    let Draft { written, follows, bytes: payload } = entry;
    let mut prefix = [0; RECORD];
    prefix[..4].copy_from_slice(&MARK);
    // Longer payloads have been refused.
    let length = payload.len() as u32 | if follows { FOLLOWS } else { 0 };
    prefix[4..8].copy_from_slice(&length.to_le_bytes());
    prefix[8..16].copy_from_slice(&sequence.to_le_bytes());
    prefix[16..24].copy_from_slice(&written.to_le_bytes());
    let checksum = checksum(&prefix[4..24], payload);
    prefix[24..].copy_from_slice(&checksum.to_le_bytes());
    out.extend_from_slice(&prefix);
    out.extend_from_slice(payload);
}

fn checksum(prefix: &[u8], payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(prefix);
    hasher.update(payload);
    hasher.finalize()
}

/// The name of a segment.
#[must_use]
pub fn segment_name(first: u64) -> String {
    format!("{first:016x}.seg")
}

/// The first sequence of the segment with this name, if it is the name of one.
#[must_use]
pub fn parse_segment_name(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(".seg")?;
    let first = u64::from_str_radix(digits, 16).ok()?;
    // Only the one spelling that is written: no sign, no capitals.
    (segment_name(first) == name).then_some(first)
}

/// The number at `at`, which the caller knows to be there.
pub(crate) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    bytes[at..].first_chunk().map_or(0, |number| u64::from_le_bytes(*number))
}

pub(crate) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes[at..].first_chunk().map_or(0, |number| u32::from_le_bytes(*number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_has_the_bytes_of_the_table() {
        let mut bytes = Vec::new();
        encode_record(0x0102, Draft::alone(0x0304, b"hit"), &mut bytes);
        assert_eq!(bytes[..4], MARK);
        assert_eq!(bytes[4..24], [3, 0, 0, 0, 2, 1, 0, 0, 0, 0, 0, 0, 4, 3, 0, 0, 0, 0, 0, 0]);
        assert_eq!(u32_at(&bytes, 24), crc32fast::hash(&[&bytes[4..24], b"hit"].concat()));
        assert_eq!(bytes[28..], *b"hit");
        assert!(String::from_utf8(MARK.to_vec()).is_err());
    }

    #[test]
    fn a_record_that_belongs_with_the_one_before_has_the_highest_bit_of_its_length_set() {
        let mut bytes = Vec::new();
        encode_record(1, Draft { follows: true, ..Draft::alone(2, b"hit") }, &mut bytes);
        assert_eq!(bytes[4..8], [3, 0, 0, 0x80]);
        let prefix = Prefix::decode(&bytes).unwrap();
        assert!(prefix.follows && prefix.length == 3 && prefix.fits(&bytes));
        // It is under the checksum.
        bytes[7] = 0;
        assert!(!Prefix::decode(&bytes).unwrap().fits(&bytes));
    }

    #[test]
    fn a_header_of_a_newer_version_is_told_from_damage() {
        let newer = Header::encode(Format { version: 3, ..SEGMENT_FORMAT }, 7);
        assert_eq!(Header::decode(SEGMENT_FORMAT, &newer), Header::Newer(3));
        for at in 0..HEADER {
            let mut flipped = newer;
            flipped[at] ^= 1;
            assert_eq!(Header::decode(SEGMENT_FORMAT, &flipped), Header::Damaged, "byte {at}");
        }
        for version in 1..=SEGMENT_FORMAT.version {
            assert_eq!(
                Header::decode(SEGMENT_FORMAT, &Header::encode(Format { version, ..SEGMENT_FORMAT }, 7)),
                Header::Known(7)
            );
        }
        assert_eq!(
            Header::decode(SEGMENT_FORMAT, &Header::encode(Format { version: 0, ..SEGMENT_FORMAT }, 7)),
            Header::Damaged
        );
        assert_eq!(Header::decode(PROGRESS_FORMAT, &Header::encode(SEGMENT_FORMAT, 7)), Header::Damaged);
    }

    #[test]
    fn only_the_name_that_is_written_is_the_name_of_a_segment() {
        assert_eq!(parse_segment_name("0000000100000000.seg"), Some(1 << 32));
        for name in
            ["000000010000000A.seg", "+000000100000000.seg", "100000000.seg", "0000000100000000", ".seg", "progress"]
        {
            assert_eq!(parse_segment_name(name), None, "{name}");
        }
    }
}

//! Protobuf messages without their schema (Protocol Buffers, "Encoding"): fields are known by number. A field of bytes may be
//! text or a message; it is taken for a message when it is well-formed as one and no text.

use crate::point::{PointId, Step, Tag};
use crate::walk::{Task, Value, Walk};

/// A message that is being read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Protobuf {
    message: Value,
    point: PointId,
    at: usize,
}

/// A field: its number, and where its bytes lie; fields of numbers have none.
struct Field {
    number: u64,
    bytes: Option<(usize, usize)>,
    end: usize,
}

impl Protobuf {
    /// The message in a value, whose fields stand below `point`.
    pub(crate) const fn open(message: Value, point: PointId) -> Self {
        Self { message, point, at: 0 }
    }

    /// Whether bytes are well-formed as a message, without a look at the messages in it.
    pub(crate) fn is_message(bytes: &[u8]) -> bool {
        let mut at = 0;
        while at < bytes.len() {
            match read_field(bytes, at) {
                Some(field) => at = field.end,
                None => return false,
            }
        }
        true
    }

    /// Leaves the next field of bytes to be examined.
    pub(crate) fn advance(mut self, walk: &mut Walk) -> usize {
        let start = self.at;
        let bytes = walk.buffers.get(self.message.bytes);
        while let Some(field) = read_field(bytes, self.at) {
            self.at = field.end;
            if let Some((from, to)) = field.bytes {
                self.push_field(walk, field.number, from, to);
                break;
            }
        }
        self.at - start
    }

    fn push_field(self, walk: &mut Walk, number: u64, from: usize, to: usize) {
        walk.push(Task::Protobuf(self));
        let mark = walk.mark();
        walk.push(Task::Release(mark));
        let point = walk.points.tag(self.point, Tag::Hash);
        let point = walk.points.add(point, Step::Number(number));
        let value = self.message.child(self.message.bytes.part(from, to), point);
        let bytes = walk.buffers.get(value.bytes);
        let is_text = !bytes.iter().any(|byte| *byte < b' ' && !byte.is_ascii_whitespace());
        if !is_text && value.depth < walk.settings.limits.depth && Self::is_message(bytes) {
            walk.push(Task::Protobuf(Self::open(value, point)));
        } else {
            walk.push(Task::Value(value));
        }
    }
}

/// The field that begins at `at`; `None` at the end, and for what is no field.
fn read_field(bytes: &[u8], at: usize) -> Option<Field> {
    let (key, start) = varint(bytes, at)?;
    let number = key >> 3;
    let end = match key & 7 {
        0 => varint(bytes, start)?.1,
        1 => start + 8,
        5 => start + 4,
        2 => {
            let (length, from) = varint(bytes, start)?;
            let to = from.checked_add(usize::try_from(length).ok()?).filter(|to| *to <= bytes.len())?;
            return (number > 0).then_some(Field { number, bytes: Some((from, to)), end: to });
        }
        _ => return None,
    };
    (number > 0 && end <= bytes.len()).then_some(Field { number, bytes: None, end })
}

/// The number of seven bits a byte that begins at `at`, and where it ends.
fn varint(bytes: &[u8], at: usize) -> Option<(u64, usize)> {
    let mut number = 0u64;
    for (position, byte) in bytes.get(at..)?.iter().take(10).enumerate() {
        number |= u64::from(byte & 0x7f).checked_shl(u32::try_from(position).ok()? * 7)?;
        if byte & 0x80 == 0 {
            return Some((number, at + position + 1));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_ends_with_a_field() {
        assert!(Protobuf::is_message(b""));
        assert!(Protobuf::is_message(b"\x0a\x02hi\x10\x96\x01"));
        assert!(!Protobuf::is_message(b"\x0a\x03hi"));
        assert!(!Protobuf::is_message(b"\x00\x01"));
        assert!(!Protobuf::is_message(b"hello"));
    }

    #[test]
    fn a_number_without_end_is_refused() {
        assert_eq!(varint(&[0xff; 11], 0), None);
        assert_eq!(varint(b"\x96\x01", 0), Some((150, 2)));
        assert_eq!(varint(b"", 0), None);
    }
}

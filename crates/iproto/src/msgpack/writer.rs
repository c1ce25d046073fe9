//! Appends MessagePack to a buffer, each value in its shortest form unless a name says otherwise.

/// Appends values to a borrowed buffer.
#[derive(Debug)]
pub struct Writer<'a> {
    out: &'a mut Vec<u8>,
}

impl<'a> Writer<'a> {
    /// A writer that appends to `out`.
    pub fn new(out: &'a mut Vec<u8>) -> Self {
        Self { out }
    }

    fn put(&mut self, bytes: &[u8]) -> &mut Self {
        self.out.extend_from_slice(bytes);
        self
    }

    /// nil
    pub fn nil(&mut self) -> &mut Self {
        self.put(&[0xc0])
    }

    /// true or false
    pub fn bool(&mut self, value: bool) -> &mut Self {
        self.put(&[0xc2 + u8::from(value)])
    }

    /// A number that is not negative.
    pub fn uint(&mut self, value: u64) -> &mut Self {
        if let Ok(small) = u8::try_from(value) {
            if small < 0x80 { self.put(&[small]) } else { self.put(&[0xcc, small]) }
        } else if let Ok(short) = u16::try_from(value) {
            self.put(&[0xcd]).put(&short.to_be_bytes())
        } else if let Ok(word) = u32::try_from(value) {
            self.uint32(word)
        } else {
            self.uint64(value)
        }
    }

    /// A number in the form that always takes five bytes.
    pub fn uint32(&mut self, value: u32) -> &mut Self {
        self.put(&[0xce]).put(&value.to_be_bytes())
    }

    /// A number in the form that always takes nine bytes.
    pub fn uint64(&mut self, value: u64) -> &mut Self {
        self.put(&[0xcf]).put(&value.to_be_bytes())
    }

    /// A number that may be negative.
    pub fn int(&mut self, value: i64) -> &mut Self {
        if let Ok(positive) = u64::try_from(value) {
            self.uint(positive)
        } else if let Ok(small) = i8::try_from(value) {
            // Down to -32 the number is its own marker.
            if small >= -32 { self.put(&small.to_be_bytes()) } else { self.put(&[0xd0]).put(&small.to_be_bytes()) }
        } else if let Ok(short) = i16::try_from(value) {
            self.put(&[0xd1]).put(&short.to_be_bytes())
        } else if let Ok(word) = i32::try_from(value) {
            self.put(&[0xd2]).put(&word.to_be_bytes())
        } else {
            self.put(&[0xd3]).put(&value.to_be_bytes())
        }
    }

    /// A number in 64-bit floating point.
    pub fn float(&mut self, value: f64) -> &mut Self {
        self.put(&[0xcb]).put(&value.to_be_bytes())
    }

    /// A string. Bytes beyond 4 GiB cannot be said in MessagePack and are left out.
    pub fn str(&mut self, value: &[u8]) -> &mut Self {
        let value = &value[..value.len().min(u32::MAX as usize)];
        let length = (value.len() as u32).to_be_bytes();
        match value.len() {
            0..=31 => self.put(&[0xa0 | length[3]]),
            32..=0xff => self.put(&[0xd9, length[3]]),
            0x100..=0xffff => self.put(&[0xda, length[2], length[3]]),
            _ => self.put(&[0xdb]).put(&length),
        };
        self.put(value)
    }

    /// The beginning of an array; `length` values must follow.
    pub fn array(&mut self, length: u32) -> &mut Self {
        self.container(length, 0x90, 0xdc)
    }

    /// The beginning of a map; `length` pairs of values must follow.
    pub fn map(&mut self, length: u32) -> &mut Self {
        self.container(length, 0x80, 0xde)
    }

    fn container(&mut self, length: u32, fix: u8, wide: u8) -> &mut Self {
        let bytes = length.to_be_bytes();
        match length {
            0..=15 => self.put(&[fix | bytes[3]]),
            16..=0xffff => self.put(&[wide, bytes[2], bytes[3]]),
            _ => self.put(&[wide + 1]).put(&bytes),
        }
    }

    /// A string that `write` appends in pieces. It takes the form with a length of four bytes, filled in afterwards, so that
    /// nothing has to be measured or collected before.
    pub fn str_in_pieces(&mut self, write: impl FnOnce(&mut Text<'_>)) -> &mut Self {
        self.filled_in(0xdb, |writer| {
            let start = writer.out.len();
            write(&mut Text { out: &mut *writer.out, start });
            writer.out.len() - start
        })
    }

    /// A string which `change` may alter, not resize, after it was copied.
    pub fn str_changed(&mut self, value: &[u8], change: impl FnOnce(&mut [u8])) -> &mut Self {
        self.str(value);
        let start = self.out.len().saturating_sub(value.len());
        change(&mut self.out[start..]);
        self
    }

    /// An array whose values `write` appends, and says how many it appended. Its length takes four bytes, as above.
    pub fn array_counted(&mut self, write: impl FnOnce(&mut Writer<'_>) -> u32) -> &mut Self {
        self.filled_in(0xdd, |writer| write(writer) as usize)
    }

    /// A map whose pairs `write` appends, and says how many pairs it appended. Its length takes four bytes, as above.
    pub fn map_counted(&mut self, write: impl FnOnce(&mut Writer<'_>) -> u32) -> &mut Self {
        self.filled_in(0xdf, |writer| write(writer) as usize)
    }

    /// The form that begins with `marker` and four bytes of length, with the length that `write` gives.
    fn filled_in(&mut self, marker: u8, write: impl FnOnce(&mut Writer<'_>) -> usize) -> &mut Self {
        self.put(&[marker, 0, 0, 0, 0]);
        let start = self.out.len();
        // A value beyond 4 GiB cannot be said in MessagePack; frames end long before, see `frame::MAX_LENGTH`.
        let length = write(&mut Writer { out: &mut *self.out }) as u32;
        self.out[start - 4..start].copy_from_slice(&length.to_be_bytes());
        self
    }

    /// Values that are MessagePack already.
    pub fn raw(&mut self, values: &[u8]) -> &mut Self {
        self.put(values)
    }
}

/// The inside of a string that grows in pieces.
#[derive(Debug)]
pub struct Text<'a> {
    out: &'a mut Vec<u8>,
    start: usize,
}

impl Text<'_> {
    /// Appends `piece` to the string.
    pub fn push(&mut self, piece: &[u8]) {
        self.out.extend_from_slice(piece);
    }

    /// What was pushed so far, to be altered in place.
    pub fn written(&mut self) -> &mut [u8] {
        &mut self.out[self.start..]
    }
}

#[cfg(test)]
mod tests {
    use crate::msgpack::{MAX_DEPTH, Reader, Scalar, Writer};

    #[test]
    fn what_is_counted_while_it_is_written_reads_back() {
        let mut out = Vec::new();
        Writer::new(&mut out).map_counted(|writer| {
            writer.str(b"list").array_counted(|writer| {
                writer.uint(7).nil();
                2
            });
            writer.str(b"text").str_in_pieces(|text| {
                text.push(b"two ");
                text.push(b"PIECES");
                text.written()[4..].make_ascii_lowercase();
            });
            writer.str(b"mask").str_changed(b"secret", |value| value.fill(b'*'));
            3
        });
        let mut reader = Reader::new(&out);
        assert_eq!((reader.map_len(), reader.str()), (Ok(3), Ok(&b"list"[..])));
        assert_eq!(reader.clone().raw(MAX_DEPTH), Ok(&b"\xdd\x00\x00\x00\x02\x07\xc0"[..]));
        reader.raw(MAX_DEPTH).unwrap();
        assert_eq!(reader.str(), Ok(&b"text"[..]));
        assert_eq!(reader.scalar(), Ok(Scalar::Str(b"two pieces")));
        assert_eq!((reader.str(), reader.str()), (Ok(&b"mask"[..]), Ok(&b"******"[..])));
        assert_eq!(reader.finish(), Ok(()));
    }

    #[test]
    fn numbers_of_every_size_and_sign_read_back_in_their_shortest_form() {
        let sizes = [
            (0, 1),
            (127, 1),
            (-1, 1),
            (-32, 1),
            (-33, 2),
            (-128, 2),
            (-129, 3),
            (-32_768, 3),
            (-32_769, 5),
            (i64::from(i32::MIN), 5),
            (i64::from(i32::MIN) - 1, 9),
            (i64::MIN, 9),
            (i64::MAX, 9),
        ];
        for (value, size) in sizes {
            let mut out = Vec::new();
            Writer::new(&mut out).int(value);
            let expected = u64::try_from(value).map_or(Scalar::Int(value), Scalar::Uint);
            assert_eq!((Reader::new(&out).scalar(), out.len()), (Ok(expected), size), "{value}");
        }
    }

    #[test]
    fn what_is_empty_has_length_0() {
        let mut out = Vec::new();
        Writer::new(&mut out).str_in_pieces(|_| {}).array_counted(|_| 0);
        assert_eq!(out, b"\xdb\x00\x00\x00\x00\xdd\x00\x00\x00\x00");
    }
}

//! A reader over bytes that a peer sent: it borrows, it is bounded, it does not recurse.

/// Arrays and maps may stand inside each other this deep, the outermost included.
pub const MAX_DEPTH: usize = 32;

/// What was sent is not the MessagePack that was expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The input ends inside a value.
    #[error("the value ends after the data")]
    Truncated,
    /// The byte 0xc1 or another one that begins no value that may stand here.
    #[error("expected {expected}, found the type byte {found:#04x}")]
    Unexpected {
        /// What should stand here.
        expected: &'static str,
        /// The byte that stands here.
        found: u8,
    },
    /// Arrays and maps are nested deeper than [`MAX_DEPTH`].
    #[error("arrays and maps are nested deeper than {MAX_DEPTH} levels")]
    TooDeep,
    /// Something follows the last value.
    #[error("unexpected data after the value")]
    Trailing,
    /// A text is not UTF-8.
    #[error("the string is not UTF-8")]
    NotUtf8,
    /// A map lacks a key without which it means nothing.
    #[error("the {0} is missing")]
    Missing(&'static str),
}

/// A value that contains no other one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Scalar<'a> {
    /// nil
    Nil,
    /// true, false
    Bool(bool),
    /// A number that is not negative.
    Uint(u64),
    /// A negative number.
    Int(i64),
    /// A number in floating point, 32 or 64 bits on the wire.
    Float(f64),
    /// A string; MessagePack does not promise that it is UTF-8.
    Str(&'a [u8]),
    /// Bytes.
    Bin(&'a [u8]),
}

/// Reads values one after another from borrowed bytes.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// A reader at the beginning of `input`.
    #[must_use]
    pub fn new(input: &'a [u8]) -> Self {
        Self { rest: input }
    }

    /// What has not been read yet.
    #[must_use]
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Checks that everything has been read.
    ///
    /// # Errors
    ///
    /// [`DecodeError::Trailing`] if not.
    pub fn finish(&self) -> Result<(), DecodeError> {
        if self.rest.is_empty() { Ok(()) } else { Err(DecodeError::Trailing) }
    }

    fn byte(&mut self) -> Result<u8, DecodeError> {
        let (first, rest) = self.rest.split_first().ok_or(DecodeError::Truncated)?;
        self.rest = rest;
        Ok(*first)
    }

    fn bytes(&mut self, length: usize) -> Result<&'a [u8], DecodeError> {
        let (bytes, rest) = self.rest.split_at_checked(length).ok_or(DecodeError::Truncated)?;
        self.rest = rest;
        Ok(bytes)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let (bytes, rest) = self.rest.split_first_chunk::<N>().ok_or(DecodeError::Truncated)?;
        self.rest = rest;
        Ok(*bytes)
    }

    fn be8(&mut self) -> Result<usize, DecodeError> {
        Ok(usize::from(self.byte()?))
    }

    fn be16(&mut self) -> Result<usize, DecodeError> {
        Ok(usize::from(u16::from_be_bytes(self.array()?)))
    }

    fn be32(&mut self) -> Result<usize, DecodeError> {
        Ok(u32::from_be_bytes(self.array()?) as usize)
    }

    /// An unsigned number of any width.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] if something else stands here.
    #[inline]
    pub fn uint(&mut self) -> Result<u64, DecodeError> {
        let marker = self.byte()?;
        // Most are small.
        if marker < 0x80 { Ok(u64::from(marker)) } else { self.long_uint(marker) }
    }

    fn long_uint(&mut self, marker: u8) -> Result<u64, DecodeError> {
        match marker {
            0xcc => Ok(u64::from(self.byte()?)),
            0xcd => Ok(u64::from(u16::from_be_bytes(self.array()?))),
            0xce => Ok(u64::from(u32::from_be_bytes(self.array()?))),
            0xcf => Ok(u64::from_be_bytes(self.array()?)),
            found => Err(DecodeError::Unexpected { expected: "an unsigned integer", found }),
        }
    }

    /// The bytes of a string of any width.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] if something else stands here.
    #[inline]
    pub fn str(&mut self) -> Result<&'a [u8], DecodeError> {
        let marker = self.byte()?;
        // Most are short.
        if marker & 0xe0 == 0xa0 { self.bytes(usize::from(marker & 0x1f)) } else { self.long_str(marker) }
    }

    fn long_str(&mut self, marker: u8) -> Result<&'a [u8], DecodeError> {
        let length = match marker {
            0xd9 => self.be8()?,
            0xda => self.be16()?,
            0xdb => self.be32()?,
            found => {
                return Err(DecodeError::Unexpected { expected: "a string", found });
            }
        };
        self.bytes(length)
    }

    /// Steps over `text`, of at most 31 bytes and in its shortest form, if it stands here; says whether it did.
    ///
    /// Where the order of names is known this takes a fraction of the time of reading any name.
    #[inline]
    pub fn next_is<const LENGTH: usize>(&mut self, text: &[u8; LENGTH]) -> bool {
        const { assert!(LENGTH < 32, "longer texts begin with their length") };
        let next = self.rest.split_first().filter(|(marker, _)| **marker == 0xa0 | LENGTH as u8);
        let next = next.and_then(|(_, rest)| rest.split_first_chunk::<LENGTH>()).filter(|(bytes, _)| *bytes == text);
        if let Some((_, rest)) = next {
            self.rest = rest;
        }
        next.is_some()
    }

    /// Steps over nil if it stands here; says whether it did.
    #[inline]
    pub fn next_is_nil(&mut self) -> bool {
        let next = self.rest.strip_prefix(&[0xc0]);
        self.rest = next.unwrap_or(self.rest);
        next.is_some()
    }

    /// The number of elements of an array; they follow as values.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] if something else stands here.
    pub fn array_len(&mut self) -> Result<usize, DecodeError> {
        match self.byte()? {
            marker @ 0x90..=0x9f => Ok(usize::from(marker & 0x0f)),
            0xdc => self.be16(),
            0xdd => self.be32(),
            found => Err(DecodeError::Unexpected { expected: "an array", found }),
        }
    }

    /// The number of entries of a map; they follow as key, value, key, value.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] if something else stands here.
    pub fn map_len(&mut self) -> Result<usize, DecodeError> {
        match self.byte()? {
            marker @ 0x80..=0x8f => Ok(usize::from(marker & 0x0f)),
            0xde => self.be16(),
            0xdf => self.be32(),
            found => Err(DecodeError::Unexpected { expected: "a map", found }),
        }
    }

    /// A value that contains no other one.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] if an array, a map or an extension stands here.
    pub fn scalar(&mut self) -> Result<Scalar<'a>, DecodeError> {
        Ok(match self.rest.first().copied().ok_or(DecodeError::Truncated)? {
            0x00..=0x7f | 0xcc..=0xcf => Scalar::Uint(self.uint()?),
            0xa0..=0xbf | 0xd9..=0xdb => Scalar::Str(self.str()?),
            found => {
                self.byte()?;
                match found {
                    0xc0 => Scalar::Nil,
                    0xc2 => Scalar::Bool(false),
                    0xc3 => Scalar::Bool(true),
                    0xc4 => Scalar::Bin(self.be8().and_then(|length| self.bytes(length))?),
                    0xc5 => Scalar::Bin(self.be16().and_then(|length| self.bytes(length))?),
                    0xc6 => Scalar::Bin(self.be32().and_then(|length| self.bytes(length))?),
                    0xca => Scalar::Float(f64::from(f32::from_be_bytes(self.array()?))),
                    0xcb => Scalar::Float(f64::from_be_bytes(self.array()?)),
                    0xd0 => int(i64::from(i8::from_be_bytes(self.array()?))),
                    0xd1 => int(i64::from(i16::from_be_bytes(self.array()?))),
                    0xd2 => int(i64::from(i32::from_be_bytes(self.array()?))),
                    0xd3 => int(i64::from_be_bytes(self.array()?)),
                    0xe0..=0xff => int(i64::from(i8::from_be_bytes([found]))),
                    _ => {
                        return Err(DecodeError::Unexpected { expected: "a plain value", found });
                    }
                }
            }
        })
    }

    /// Checks the value that stands here, however deep, steps over it and gives its bytes.
    ///
    /// `depth` says how many levels of arrays and maps it may have, at most [`MAX_DEPTH`]. A claimed length costs nothing:
    /// every element needs at least a byte of input, so work is bounded by the input.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] if the value is broken, cut or too deep.
    pub fn raw(&mut self, depth: usize) -> Result<&'a [u8], DecodeError> {
        let start = self.rest;
        self.rest = behind(start, 1, depth.min(MAX_DEPTH))?;
        Ok(&start[..start.len() - self.rest.len()])
    }
}

/// Why there is no way over a value. As small as it is, it is returned in a register.
#[derive(Clone, Copy)]
enum Obstacle {
    Truncated,
    TooDeep,
    NoMarker(u8),
}

impl From<Obstacle> for DecodeError {
    #[cold]
    fn from(obstacle: Obstacle) -> Self {
        match obstacle {
            Obstacle::Truncated => Self::Truncated,
            Obstacle::TooDeep => Self::TooDeep,
            Obstacle::NoMarker(found) => Self::Unexpected { expected: "a value", found },
        }
    }
}

/// How many bytes a number and the like takes, by its marker; 0 for texts, where the bytes behind the marker say it, and where other values
/// are inside.
const PLAIN: [u8; 256] = {
    let mut sizes = [0; 256];
    let mut marker = 0;
    while marker < 256 {
        sizes[marker] = match marker as u8 {
            0x00..=0x7f | 0xe0..=0xff | 0xc0 | 0xc2 | 0xc3 => 1,
            0xcc | 0xd0 => 2,
            0xcd | 0xd1 => 3,
            0xca | 0xce | 0xd2 => 5,
            0xcb | 0xcf | 0xd3 => 9,
            // Extensions: one byte of type before the data.
            extension @ 0xd4..=0xd8 => 2 + (1 << (extension - 0xd4)),
            _ => 0,
        };
        marker += 1;
    }
    sizes
};

/// What stands behind so many values and all that is inside of them, which may be so deep.
fn behind(mut rest: &[u8], values: u64, depth: usize) -> Result<&[u8], Obstacle> {
    for _ in 0..values {
        let (&marker, tail) = rest.split_first().ok_or(Obstacle::Truncated)?;
        let plain = PLAIN[usize::from(marker)];
        let size = match marker {
            // Not from the table: this is what most values are, and which bytes come next depends on it.
            0xa0..=0xbf => usize::from(marker & 0x1f),
            0xd9 => 1 + usize::from(*tail.first().ok_or(Obstacle::Truncated)?),
            _ if plain > 0 => usize::from(plain) - 1,
            _ => {
                rest = behind_large(marker, tail, depth)?;
                continue;
            }
        };
        rest = tail.get(size..).ok_or(Obstacle::Truncated)?;
    }
    Ok(rest)
}

/// What stands behind any other value, and all that is inside of it.
fn behind_large(marker: u8, tail: &[u8], depth: usize) -> Result<&[u8], Obstacle> {
    let (values, rest) = match marker {
        0x80..=0x8f => (2 * u64::from(marker & 0x0f), tail),
        0x90..=0x9f => (u64::from(marker & 0x0f), tail),
        0xdc => told::<2>(tail)?,
        0xdd => told::<4>(tail)?,
        0xde => told::<2>(tail).map(|(entries, rest)| (2 * entries, rest))?,
        0xdf => told::<4>(tail).map(|(entries, rest)| (2 * entries, rest))?,
        _ => {
            let (length, rest) = match marker {
                0xc4 => told::<1>(tail)?,
                0xc5 | 0xda => told::<2>(tail)?,
                0xc6 | 0xdb => told::<4>(tail)?,
                // Extensions: one byte of type before the data.
                0xc7 => told::<1>(tail).map(|(length, rest)| (length + 1, rest))?,
                0xc8 => told::<2>(tail).map(|(length, rest)| (length + 1, rest))?,
                0xc9 => told::<4>(tail).map(|(length, rest)| (length + 1, rest))?,
                _ => return Err(Obstacle::NoMarker(marker)),
            };
            let length = usize::try_from(length).map_err(|_| Obstacle::Truncated)?;
            return rest.get(length..).ok_or(Obstacle::Truncated);
        }
    };
    // It comes back to itself no more than MAX_DEPTH times.
    behind(rest, values, depth.checked_sub(1).ok_or(Obstacle::TooDeep)?)
}

/// A number of so many bytes, and what stands behind it.
#[inline]
fn told<const WIDTH: usize>(bytes: &[u8]) -> Result<(u64, &[u8]), Obstacle> {
    let (bytes, rest) = bytes.split_first_chunk::<WIDTH>().ok_or(Obstacle::Truncated)?;
    Ok((bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)), rest))
}

/// Signed forms may carry numbers that are not negative; those are the same numbers as in unsigned form.
fn int(value: i64) -> Scalar<'static> {
    u64::try_from(value).map_or(Scalar::Int(value), Scalar::Uint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unsigned_numbers_of_every_width_are_one_number() {
        for bytes in [&[7][..], &[0xcc, 7], &[0xcd, 0, 7], &[0xce, 0, 0, 0, 7], &[0xcf, 0, 0, 0, 0, 0, 0, 0, 7]] {
            assert_eq!(Reader::new(bytes).uint(), Ok(7));
        }
    }

    #[test]
    fn depth_32_passes_and_33_does_not() {
        let nested = |levels: usize| [vec![0x91; levels], vec![0xc0]].concat();
        assert_eq!(Reader::new(&nested(32)).raw(MAX_DEPTH).map(<[u8]>::len), Ok(33));
        assert_eq!(Reader::new(&nested(33)).raw(MAX_DEPTH), Err(DecodeError::TooDeep));
        assert_eq!(Reader::new(&nested(1_000_000)).raw(MAX_DEPTH), Err(DecodeError::TooDeep));
        assert_eq!(Reader::new(&nested(0)).raw(0), Ok(&[0xc0][..]));
    }

    #[test]
    fn a_claimed_length_of_4_billion_elements_is_only_a_claim() {
        for bomb in
            [&[0xdd, 0xff, 0xff, 0xff, 0xff][..], &[0xdf, 0xff, 0xff, 0xff, 0xff, 1], &[0xdb, 0xff, 0xff, 0xff, 0xff]]
        {
            assert_eq!(Reader::new(bomb).raw(MAX_DEPTH), Err(DecodeError::Truncated));
        }
    }

    #[test]
    fn extensions_carry_a_type_byte() {
        assert_eq!(Reader::new(&[0xd4, 1, 2, 3]).raw(0), Ok(&[0xd4, 1, 2][..]));
        assert_eq!(Reader::new(&[0xc7, 2, 1, 2, 3, 4]).raw(0), Ok(&[0xc7, 2, 1, 2, 3][..]));
        assert_eq!(Reader::new(&[0xc9, 0xff, 0xff, 0xff, 0xff, 1]).raw(0), Err(DecodeError::Truncated));
    }

    #[test]
    fn c1_begins_no_value() {
        let expected = DecodeError::Unexpected { expected: "a value", found: 0xc1 };
        assert_eq!(Reader::new(&[0xc1]).raw(MAX_DEPTH), Err(expected));
    }

    #[test]
    fn a_text_is_next_if_all_of_it_stands_here_in_its_shortest_form() {
        let mut reader = Reader::new(b"\xa4time\xa7time_us\xc0\xd9\x04time");
        assert!(!reader.next_is(b"time_us") && !reader.next_is(b"tim") && !reader.next_is_nil());
        assert!(reader.next_is(b"time") && !reader.next_is(b"time") && reader.next_is(b"time_us"));
        assert!(reader.next_is_nil() && !reader.next_is(b"time"));
        assert_eq!(reader.str(), Ok(&b"time"[..]));
        assert!(!reader.next_is(b"") && !reader.next_is_nil());
        assert!(!Reader::new(b"\xa4tim").next_is(b"time"));
    }

    #[test]
    fn positive_numbers_in_signed_form_are_unsigned() {
        assert_eq!(Reader::new(&[0xd0, 5]).scalar(), Ok(Scalar::Uint(5)));
        assert_eq!(Reader::new(&[0xff]).scalar(), Ok(Scalar::Int(-1)));
    }
}

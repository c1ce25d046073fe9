//! One object of a view state: the token that says its type, and what follows it.
//!
//! Source: the format that `System.Web.UI.ObjectStateFormatter` of .NET 4.8 reads, which its published reference source shows. Numbers
//! and lengths have seven bits a byte, the lowest first, as `BinaryReader.Read7BitEncodedInt` reads them.

/// Bytes of a document, from one offset up to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) from: usize,
    pub(super) to: usize,
}

/// What holds further objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Container {
    Pair,
    Triplet,
    /// A typed array or a list.
    Array,
    /// An array of strings, which stand there without tokens.
    Strings,
    /// A dictionary: keys and values take turns.
    Dictionary,
    /// An array of which only some elements are there, each behind its position.
    SparseArray,
}

/// What an object is, as far as it can hold anything of interest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// A number, a date, a reference to an earlier string, or nothing at all.
    Plain,
    /// Text, or an object that another formatter wrote (`BinaryFormatter`).
    Bytes(Span),
    /// So many objects, which come next.
    Objects(Container, usize),
}

/// An object without the objects in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Object {
    /// The name of a .NET type, where one stands.
    pub(super) type_name: Option<Span>,
    pub(super) content: Content,
    /// Where it ends.
    pub(super) end: usize,
}

/// The object that begins at `at`; `None` when there is none, or when it is cut off.
pub(super) fn read(document: &[u8], at: usize) -> Option<Object> {
    let mut reader = Reader { document, at };
    let token = reader.byte()?;
    let type_name = if has_type(token) { reader.type_name()? } else { None };
    let content = match token {
        STRING | INDEXED_STRING_ADD | STRING_FORMATTED => Content::Bytes(reader.text()?),
        BINARY_SERIALIZED => Content::Bytes(reader.serialized()?),
        PAIR => Content::Objects(Container::Pair, 2),
        TRIPLET => Content::Objects(Container::Triplet, 3),
        ARRAY | ARRAY_LIST => Content::Objects(Container::Array, reader.number()?),
        STRING_ARRAY => Content::Objects(Container::Strings, reader.number()?),
        HASHTABLE | HYBRID_DICTIONARY => Content::Objects(Container::Dictionary, reader.number()?.saturating_mul(2)),
        SPARSE_ARRAY => {
            let _length = reader.number()?;
            Content::Objects(Container::SparseArray, reader.number()?)
        }
        _ => {
            reader.plain(token)?;
            Content::Plain
        }
    };
    Some(Object { type_name, content, end: reader.at })
}

/// The text without a token that begins at `at`.
pub(super) fn read_text(document: &[u8], at: usize) -> Option<Object> {
    let mut reader = Reader { document, at };
    let content = Content::Bytes(reader.text()?);
    Some(Object { type_name: None, content, end: reader.at })
}

/// The number that begins at `at`, and where it ends.
pub(super) fn read_number(document: &[u8], at: usize) -> Option<(usize, usize)> {
    let mut reader = Reader { document, at };
    Some((reader.number()?, reader.at))
}

const INT16: u8 = 1;
const INT32: u8 = 2;
const BYTE: u8 = 3;
const CHAR: u8 = 4;
const STRING: u8 = 5;
const DATE_TIME: u8 = 6;
const DOUBLE: u8 = 7;
const SINGLE: u8 = 8;
const COLOR: u8 = 9;
const KNOWN_COLOR: u8 = 10;
const INT_ENUM: u8 = 11;
const EMPTY_COLOR: u8 = 12;
const PAIR: u8 = 15;
const TRIPLET: u8 = 16;
const ARRAY: u8 = 20;
const STRING_ARRAY: u8 = 21;
const ARRAY_LIST: u8 = 22;
const HASHTABLE: u8 = 23;
const HYBRID_DICTIONARY: u8 = 24;
const TYPE: u8 = 25;
const UNIT: u8 = 27;
const EMPTY_UNIT: u8 = 28;
const EVENT_VALIDATION_STORE: u8 = 29;
const INDEXED_STRING_ADD: u8 = 30;
const INDEXED_STRING: u8 = 31;
const STRING_FORMATTED: u8 = 40;
const TYPE_REF_ADD: u8 = 41;
const TYPE_REF_ADD_LOCAL: u8 = 42;
const TYPE_REF: u8 = 43;
const BINARY_SERIALIZED: u8 = 50;
const SPARSE_ARRAY: u8 = 60;
const NULL: u8 = 100;
const EMPTY_STRING: u8 = 101;
const ZERO: u8 = 102;
const TRUE: u8 = 103;
const FALSE: u8 = 104;

/// Whether a type follows the token.
const fn has_type(token: u8) -> bool {
    matches!(token, INT_ENUM | ARRAY | TYPE | STRING_FORMATTED | SPARSE_ARRAY)
}

/// Reads a document from one place on. Each method is `None` when that ends too soon.
struct Reader<'a> {
    document: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn byte(&mut self) -> Option<u8> {
        let byte = *self.document.get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    fn bytes(&mut self, count: usize) -> Option<Span> {
        let to = self.at.checked_add(count).filter(|to| *to <= self.document.len())?;
        let span = Span { from: self.at, to };
        self.at = to;
        Some(span)
    }

    /// A number or length; negative ones are none.
    fn number(&mut self) -> Option<usize> {
        const MOST_BYTES: u32 = 5;
        let mut number = 0u32;
        for position in 0..MOST_BYTES {
            let byte = self.byte()?;
            number |= u32::from(byte & 0x7f) << (7 * position);
            if byte & 0x80 == 0 {
                return i32::try_from(number).ok().and_then(|number| usize::try_from(number).ok());
            }
        }
        None
    }

    fn text(&mut self) -> Option<Span> {
        let length = self.number()?;
        self.bytes(length)
    }

    /// A serialized object. One whose length goes beyond the end is read up to there, as .NET does.
    fn serialized(&mut self) -> Option<Span> {
        let length = self.number()?;
        self.bytes(length.min(self.document.len() - self.at))
    }

    /// A type: its name, or none when it refers to an earlier one. The outer `None` is for what is no type.
    fn type_name(&mut self) -> Option<Option<Span>> {
        match self.byte()? {
            TYPE_REF_ADD | TYPE_REF_ADD_LOCAL => self.text().map(Some),
            TYPE_REF => self.number().map(|_| None),
            _ => None,
        }
    }

    /// What follows the token of an object that holds nothing of interest.
    fn plain(&mut self, token: u8) -> Option<()> {
        let count = match token {
            EMPTY_COLOR | TYPE | EMPTY_UNIT | NULL | EMPTY_STRING | ZERO | TRUE | FALSE => 0,
            BYTE | INDEXED_STRING => 1,
            INT16 => 2,
            SINGLE | COLOR => 4,
            DOUBLE | DATE_TIME => 8,
            UNIT => 12,
            CHAR => character_length(*self.document.get(self.at)?),
            INT32 | KNOWN_COLOR | INT_ENUM => return self.any_number(),
            EVENT_VALIDATION_STORE => {
                const HASH: usize = 16;
                let _version = self.byte()?;
                self.number()?.saturating_mul(HASH)
            }
            _ => return None,
        };
        self.bytes(count).map(drop)
    }

    /// A number, be it negative.
    fn any_number(&mut self) -> Option<()> {
        while self.byte()? & 0x80 != 0 {}
        Some(())
    }
}

/// Bytes of the UTF-8 character that begins with `first`.
const fn character_length(first: u8) -> usize {
    match first {
        0..0xc0 => 1,
        0xc0..0xe0 => 2,
        0xe0..0xf0 => 3,
        0xf0.. => 4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_object_ends_where_the_next_one_begins() {
        for object in [
            &b"\x01ab"[..],
            b"\x02\x96\x01",
            b"\x02\xff\xff\xff\xff\x0f",
            b"\x03a",
            b"\x04\xc3\xa9",
            b"\x05\x02ab",
            b"\x06abcdefgh",
            b"\x07abcdefgh",
            b"\x08abcd",
            b"\x09abcd",
            b"\x0a\x23",
            b"\x0b\x2b\x00\x01",
            b"\x0c",
            b"\x0f",
            b"\x10",
            b"\x14\x2a\x01T\x02",
            b"\x15\x02",
            b"\x16\x02",
            b"\x17\x02",
            b"\x18\x02",
            b"\x19\x29\x02Ty",
            b"\x1babcdefghijkl",
            b"\x1c",
            b"\x1d\0\x01abcdefghijklmnop",
            b"\x1e\x02ab",
            b"\x1f\x00",
            b"\x28\x2b\x01\x02ab",
            b"\x32\x02ab",
            b"\x3c\x2b\x00\x08\x02",
            b"\x64",
            b"\x65",
            b"\x66",
            b"\x67",
            b"\x68",
        ] {
            let end = |document: &[u8]| read(document, 0).map(|object| object.end);
            assert_eq!(end(&[object, &[NULL; 20]].concat()), Some(object.len()), "{object:x?}");
            if object.first() != Some(&BINARY_SERIALIZED) {
                assert_eq!(end(&object[..object.len() - 1]), None, "{object:x?} without its last byte");
            }
        }
    }

    #[test]
    fn what_has_no_known_token_is_no_object() {
        for document in [&b""[..], b"\x00", b"\x1a\x64", b"\x29\x01T", b"\xff\x01", b"\x14\x64\x00"] {
            assert_eq!(read(document, 0), None, "{document:x?}");
        }
    }

    #[test]
    fn a_negative_length_is_none() {
        assert_eq!(read(b"\x05\xff\xff\xff\xff\x0f text", 0), None);
        assert_eq!(read(b"\x16\xff\xff\xff\xff\xff\x01", 0), None);
    }

    #[test]
    fn a_serialized_object_that_claims_more_bytes_than_there_are_is_read_to_the_end() {
        let content = Content::Bytes(Span { from: 2, to: 6 });
        assert_eq!(read(b"\x32\x7fblob", 0), Some(Object { type_name: None, content, end: 6 }));
    }
}

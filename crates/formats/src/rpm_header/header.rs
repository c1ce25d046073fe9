//! A header: an index of entries, and a store that holds their values.
//!
//! ```text
//! 8 bytes   magic 8e ad e8 01, four reserved
//! 4 + 4     number of entries, size of the store (all numbers big-endian)
//! 16 each   entries: tag, type, offset into the store, number of values
//!           the store
//! ```

use std::io::Read;

use super::{Error, Tag};

/// Begins every header.
pub(super) const MAGIC: [u8; 8] = [0x8e, 0xad, 0xe8, 0x01, 0, 0, 0, 0];
/// Magic and the two counts.
pub(super) const INTRO_LEN: usize = 16;
/// Length of an index entry, and of a region's trailer in the store.
pub(super) const ENTRY_LEN: usize = 16;

/// How much of a header is accepted; rpm's own figures (`lib/header.c`, `lib/signature.c`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// What the header is called in errors.
    pub part: &'static str,
    /// Number of entries.
    pub entries: u32,
    /// Size of the store in bytes.
    pub store: u32,
}

impl Limits {
    /// A signature header on reading: rpm since 4.16 takes 64 MiB, since signatures of files may be there.
    pub const SIGNATURE: Self = Self { part: "signature header", entries: 32, store: 64 << 20 };
    /// A signature header on writing: what rpm 4.11 and 4.14 take.
    pub const SIGNATURE_EL7: Self = Self { part: "signature header", entries: 32, store: 8192 };
    /// A main header.
    pub const MAIN: Self = Self { part: "main header", entries: 0xffff, store: 0x0fff_ffff };
}

/// The type of an entry's values, by rpm's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u32)]
pub enum Kind {
    /// No value.
    Null = 0,
    /// Bytes, one a value.
    Char = 1,
    /// Bytes, one a value.
    Int8 = 2,
    /// Two bytes a value.
    Int16 = 3,
    /// Four bytes a value.
    Int32 = 4,
    /// Eight bytes a value.
    Int64 = 5,
    /// One text that ends with a zero byte.
    Text = 6,
    /// Raw bytes.
    Bin = 7,
    /// Texts, each ending with a zero byte.
    TextArray = 8,
    /// Texts, one a locale.
    I18nText = 9,
}

impl Kind {
    const ALL: [Self; 10] = [
        Self::Null,
        Self::Char,
        Self::Int8,
        Self::Int16,
        Self::Int32,
        Self::Int64,
        Self::Text,
        Self::Bin,
        Self::TextArray,
        Self::I18nText,
    ];

    fn from_number(number: u32) -> Option<Self> {
        Self::ALL.get(usize::try_from(number).ok()?).copied()
    }

    /// Bytes a value, for kinds whose values are all equally long; also what offsets are aligned to.
    pub(super) const fn width(self) -> Option<usize> {
        match self {
            Self::Char | Self::Int8 | Self::Bin => Some(1),
            Self::Int16 => Some(2),
            Self::Int32 => Some(4),
            Self::Int64 => Some(8),
            Self::Null | Self::Text | Self::TextArray | Self::I18nText => None,
        }
    }
}

/// An index entry whose values were found to lie within the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// Under which number.
    pub tag: Tag,
    /// Of which type.
    pub kind: Kind,
    /// Number of values.
    pub count: u32,
    /// First byte in the store.
    begin: usize,
    /// First byte after.
    end: usize,
}

/// A parsed header. It keeps the bytes that it came from, since digests and signatures are made over those.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    raw: Vec<u8>,
    entries: Vec<Entry>,
}

impl Header {
    /// Reads one header, and not one byte more.
    ///
    /// # Errors
    /// [`Error::Magic`], [`Error::Truncated`], [`Error::Limit`], [`Error::Entry`], [`Error::Io`].
    pub fn read(from: &mut impl Read, limits: &Limits) -> Result<Self, Error> {
        let mut raw = Vec::with_capacity(INTRO_LEN);
        read_exactly(from, &mut raw, INTRO_LEN, limits.part)?;
        if raw[..8] != MAGIC {
            return Err(Error::Magic { part: limits.part });
        }
        let (entries, store) = (u32_at(&raw, 8), u32_at(&raw, 12));
        let over = |what, found: u32, max: u32| Error::Limit { what, found: found.into(), max: max.into() };
        if entries > limits.entries {
            return Err(over("entries", entries, limits.entries));
        }
        if store > limits.store {
            return Err(over("bytes of values", store, limits.store));
        }
        let rest = entries as usize * ENTRY_LEN + store as usize;
        read_exactly(from, &mut raw, rest, limits.part)?;
        Self::index(raw, entries as usize)
    }

    /// Parses bytes that hold one header and nothing else.
    ///
    /// # Errors
    /// As [`Header::read`]; [`Error::Limit`] when bytes are left over.
    pub fn parse(bytes: &[u8], limits: &Limits) -> Result<Self, Error> {
        let mut rest = bytes;
        let header = Self::read(&mut rest, limits)?;
        match rest.len() as u64 {
            0 => Ok(header),
            found => Err(Error::Limit { what: "bytes after the header", found, max: 0 }),
        }
    }

    /// Checks every entry. Values must follow each other in the order of the index, as rpm since 4.14 demands; that also keeps the
    /// work linear when a hostile index points many entries at one place.
    fn index(raw: Vec<u8>, count: usize) -> Result<Self, Error> {
        let store = &raw[INTRO_LEN + count * ENTRY_LEN..];
        let mut entries = Vec::with_capacity(count);
        let mut free_from = 0;
        for (position, record) in raw[INTRO_LEN..].chunks_exact(ENTRY_LEN).take(count).enumerate() {
            let entry = locate(record, store)?;
            let region = [Tag::HEADER_SIGNATURES, Tag::HEADER_IMMUTABLE].contains(&entry.tag);
            if region && position == 0 {
                check_region(&entry, store, count)?;
            } else if region || entry.tag < Tag::HEADER_I18N_TABLE {
                return Err(Error::Entry { tag: entry.tag, why: "has no meaning there" });
            } else if entry.begin < free_from {
                return Err(Error::Entry { tag: entry.tag, why: "overlaps the values of another" });
            } else {
                free_from = entry.end;
            }
            entries.push(entry);
        }
        Ok(Self { raw, entries })
    }

    /// The whole header as it stands in the file: what digests and signatures cover.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.raw
    }

    /// All entries in the order of the index, the region first.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Entries with their values as the file has them.
    pub(crate) fn raw_values(&self) -> impl Iterator<Item = (&Entry, &[u8])> {
        self.entries.iter().map(|entry| (entry, &self.store()[entry.begin..entry.end]))
    }

    /// Size of the store in bytes.
    #[must_use]
    pub fn store_len(&self) -> usize {
        self.store().len()
    }

    /// Whether the tag is there.
    #[must_use]
    pub fn contains(&self, tag: Tag) -> bool {
        self.entry(tag).is_some()
    }

    /// The text of a tag; of several (locales) the first.
    ///
    /// # Errors
    /// [`Error::Type`] when the tag holds no text, [`Error::Text`] when it is not UTF-8.
    pub fn string(&self, tag: Tag) -> Result<Option<&str>, Error> {
        let Some((_, bytes)) = self.texts(tag)? else {
            return Ok(None);
        };
        split_texts(bytes, tag).next().transpose()
    }

    /// The texts of a tag, empty if it is not there.
    ///
    /// # Errors
    /// As [`Header::string`].
    pub fn strings(&self, tag: Tag) -> Result<Vec<&str>, Error> {
        let Some((entry, bytes)) = self.texts(tag)? else {
            return Ok(Vec::new());
        };
        split_texts(bytes, tag).take(entry.count as usize).collect()
    }

    /// The 16-bit numbers of a tag, empty if it is not there.
    ///
    /// # Errors
    /// [`Error::Type`].
    pub fn u16s(&self, tag: Tag) -> Result<Vec<u16>, Error> {
        let bytes = self.values(tag, Kind::Int16, "16-bit numbers")?.unwrap_or_default();
        Ok(bytes.chunks_exact(2).map(|b| u16::from_be_bytes([b[0], b[1]])).collect())
    }

    /// The 32-bit numbers of a tag, empty if it is not there.
    ///
    /// # Errors
    /// [`Error::Type`].
    pub fn u32s(&self, tag: Tag) -> Result<Vec<u32>, Error> {
        let bytes = self.values(tag, Kind::Int32, "32-bit numbers")?.unwrap_or_default();
        Ok(bytes.chunks_exact(4).map(|b| u32_at(b, 0)).collect())
    }

    /// The 64-bit numbers of a tag, empty if it is not there.
    ///
    /// # Errors
    /// [`Error::Type`].
    pub fn u64s(&self, tag: Tag) -> Result<Vec<u64>, Error> {
        let bytes = self.values(tag, Kind::Int64, "64-bit numbers")?.unwrap_or_default();
        Ok(bytes.chunks_exact(8).map(|b| u64::from(u32_at(b, 0)) << 32 | u64::from(u32_at(b, 4))).collect())
    }

    /// The first 32-bit number of a tag.
    ///
    /// # Errors
    /// [`Error::Type`].
    pub fn u32(&self, tag: Tag) -> Result<Option<u32>, Error> {
        Ok(self.values(tag, Kind::Int32, "32-bit numbers")?.map(|bytes| u32_at(bytes, 0)))
    }

    /// The raw bytes of a tag.
    ///
    /// # Errors
    /// [`Error::Type`].
    pub fn bin(&self, tag: Tag) -> Result<Option<&[u8]>, Error> {
        self.values(tag, Kind::Bin, "raw bytes")
    }

    fn entry(&self, tag: Tag) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.tag == tag)
    }

    fn store(&self) -> &[u8] {
        &self.raw[INTRO_LEN + self.entries.len() * ENTRY_LEN..]
    }

    fn texts(&self, tag: Tag) -> Result<Option<(&Entry, &[u8])>, Error> {
        match self.entry(tag) {
            None => Ok(None),
            Some(entry) if matches!(entry.kind, Kind::Text | Kind::TextArray | Kind::I18nText) => {
                Ok(Some((entry, &self.store()[entry.begin..entry.end])))
            }
            Some(entry) => Err(Error::Type { tag, expected: "text", found: entry.kind }),
        }
    }

    fn values(&self, tag: Tag, kind: Kind, expected: &'static str) -> Result<Option<&[u8]>, Error> {
        match self.entry(tag) {
            None => Ok(None),
            Some(entry) if entry.kind == kind => Ok(Some(&self.store()[entry.begin..entry.end])),
            Some(entry) => Err(Error::Type { tag, expected, found: entry.kind }),
        }
    }
}

/// Finds where the values of one index record lie.
fn locate(record: &[u8], store: &[u8]) -> Result<Entry, Error> {
    let tag = Tag(u32_at(record, 0));
    let bad = |why| Error::Entry { tag, why };
    let kind = Kind::from_number(u32_at(record, 4)).ok_or_else(|| bad("has an unknown type"))?;
    let begin = u32_at(record, 8) as usize;
    let count = u32_at(record, 12);
    let rest = store.get(begin..).ok_or_else(|| bad("points behind the values"))?;
    if count == 0 {
        return Err(bad("has no values"));
    }
    let len = match (kind, kind.width()) {
        (_, Some(width)) if !begin.is_multiple_of(width) => return Err(bad("is not aligned")),
        (_, Some(width)) => (count as usize).checked_mul(width),
        (Kind::Null, _) => return Err(bad("has no type")),
        (Kind::Text, _) if count != 1 => return Err(bad("has several texts where one belongs")),
        _ => texts_len(rest, count),
    };
    match len {
        Some(len) if len <= rest.len() => Ok(Entry { tag, kind, count, begin, end: begin + len }),
        _ => Err(bad("reaches behind the values")),
    }
}

/// Length of the first `count` zero-terminated texts.
fn texts_len(bytes: &[u8], count: u32) -> Option<usize> {
    let mut end = 0;
    for _ in 0..count {
        end += bytes[end..].iter().position(|&byte| byte == 0)? + 1;
    }
    Some(end)
}

fn split_texts(bytes: &[u8], tag: Tag) -> impl Iterator<Item = Result<&str, Error>> {
    bytes
        .split(|&byte| byte == 0)
        .map(move |text| std::str::from_utf8(text).map_err(|_| Error::Text { tag, why: "is not UTF-8" }))
}

/// A region's value is a trailer in the store: an entry again, whose offset is the length of the index, negated.
fn check_region(entry: &Entry, store: &[u8], count: usize) -> Result<(), Error> {
    let bad = |why| Err(Error::Entry { tag: entry.tag, why });
    if entry.kind != Kind::Bin || entry.count as usize != ENTRY_LEN {
        return bad("is no region");
    }
    let trailer = &store[entry.begin..entry.end];
    let span = u32_at(trailer, 8).wrapping_neg() as usize;
    let same = u32_at(trailer, 0) == entry.tag.0 && u32_at(trailer, 4) == Kind::Bin as u32;
    if !same || u32_at(trailer, 12) as usize != ENTRY_LEN {
        return bad("has a malformed trailer");
    }
    if !span.is_multiple_of(ENTRY_LEN) || span / ENTRY_LEN > count {
        return bad("spans more entries than there are");
    }
    Ok(())
}

/// Reads `len` bytes more, growing as they arrive: a file that lies about its length costs no memory.
pub(super) fn read_exactly(
    from: &mut impl Read,
    into: &mut Vec<u8>,
    len: usize,
    within: &'static str,
) -> Result<(), Error> {
    let got = from.take(len as u64).read_to_end(into).map_err(Error::io("read"))?;
    if got == len { Ok(()) } else { Err(Error::Truncated { within }) }
}

/// Callers index within a length they have checked.
fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

//! Writes a header: entries sorted by tag, aligned values, a region over all of it.

use std::collections::BTreeMap;

use super::header::{ENTRY_LEN, MAGIC};
use super::{Error, Header, Kind, Limits, Tag};

/// Collects values, then lays them out. A value given twice replaces the first.
#[derive(Debug, Clone)]
pub struct HeaderBuilder {
    region: Tag,
    values: BTreeMap<Tag, Value>,
}

#[derive(Debug, Clone)]
struct Value {
    kind: Kind,
    count: usize,
    bytes: Vec<u8>,
}

impl HeaderBuilder {
    /// `region` is [`Tag::HEADER_SIGNATURES`] or [`Tag::HEADER_IMMUTABLE`].
    #[must_use]
    pub const fn new(region: Tag) -> Self {
        Self { region, values: BTreeMap::new() }
    }

    /// Starts from what a header holds, to change some of it.
    #[must_use]
    pub fn from_header(header: &Header) -> Self {
        let mut builder = Self::new(Tag::HEADER_IMMUTABLE);
        for (entry, bytes) in header.raw_values() {
            if entry.tag < Tag::HEADER_I18N_TABLE {
                builder.region = entry.tag;
            } else {
                builder.put(entry.tag, entry.kind, entry.count as usize, bytes.to_vec());
            }
        }
        builder
    }

    /// Leaves a tag out.
    pub fn remove(&mut self, tag: Tag) -> &mut Self {
        self.values.remove(&tag);
        self
    }

    /// One text.
    ///
    /// # Errors
    /// [`Error::Text`] when it holds a zero byte.
    pub fn string(&mut self, tag: Tag, text: &str) -> Result<&mut Self, Error> {
        self.texts(tag, Kind::Text, &[text])
    }

    /// Several texts.
    ///
    /// # Errors
    /// [`Error::Text`] when one holds a zero byte.
    pub fn strings(&mut self, tag: Tag, texts: &[&str]) -> Result<&mut Self, Error> {
        self.texts(tag, Kind::TextArray, texts)
    }

    /// One text for the only locale, `C`.
    ///
    /// # Errors
    /// [`Error::Text`] when it holds a zero byte.
    pub fn i18n(&mut self, tag: Tag, text: &str) -> Result<&mut Self, Error> {
        self.texts(Tag::HEADER_I18N_TABLE, Kind::TextArray, &["C"])?;
        self.texts(tag, Kind::I18nText, &[text])
    }

    /// 16-bit numbers.
    pub fn u16s(&mut self, tag: Tag, numbers: &[u16]) -> &mut Self {
        let bytes = numbers.iter().flat_map(|n| n.to_be_bytes()).collect();
        self.put(tag, Kind::Int16, numbers.len(), bytes)
    }

    /// 32-bit numbers.
    pub fn u32s(&mut self, tag: Tag, numbers: &[u32]) -> &mut Self {
        let bytes = numbers.iter().flat_map(|n| n.to_be_bytes()).collect();
        self.put(tag, Kind::Int32, numbers.len(), bytes)
    }

    /// 64-bit numbers.
    pub fn u64s(&mut self, tag: Tag, numbers: &[u64]) -> &mut Self {
        let bytes = numbers.iter().flat_map(|n| n.to_be_bytes()).collect();
        self.put(tag, Kind::Int64, numbers.len(), bytes)
    }

    /// Raw bytes.
    pub fn bin(&mut self, tag: Tag, bytes: &[u8]) -> &mut Self {
        self.put(tag, Kind::Bin, bytes.len(), bytes.to_vec())
    }

    fn texts(&mut self, tag: Tag, kind: Kind, texts: &[&str]) -> Result<&mut Self, Error> {
        if texts.iter().any(|text| text.contains('\0')) {
            return Err(Error::Text { tag, why: "holds a zero byte" });
        }
        let bytes = texts.iter().flat_map(|text| text.bytes().chain([0])).collect();
        Ok(self.put(tag, kind, texts.len(), bytes))
    }

    fn put(&mut self, tag: Tag, kind: Kind, count: usize, bytes: Vec<u8>) -> &mut Self {
        // An entry without values is not allowed; an empty array is an absent tag.
        if count > 0 {
            self.values.insert(tag, Value { kind, count, bytes });
        }
        self
    }

    /// Lays the header out and reads it back through the checks of a reader.
    ///
    /// # Errors
    /// [`Error::Limit`] when it exceeds `limits`.
    pub fn build(&self, limits: &Limits) -> Result<Header, Error> {
        let entries = self.values.len() + 1;
        let (mut index, mut store) = (Vec::new(), Vec::new());
        for (tag, value) in &self.values {
            store.resize(store.len().next_multiple_of(value.kind.width().unwrap_or(1)), 0);
            push_entry(&mut index, *tag, value.kind, store.len(), value.count);
            store.extend_from_slice(&value.bytes);
        }
        let mut region = Vec::new();
        push_entry(&mut region, self.region, Kind::Bin, store.len(), ENTRY_LEN);
        let span = (entries * ENTRY_LEN).wrapping_neg();
        push_entry(&mut store, self.region, Kind::Bin, span, ENTRY_LEN);

        let mut raw = MAGIC.to_vec();
        raw.extend(low_bits(entries).to_be_bytes());
        raw.extend(low_bits(store.len()).to_be_bytes());
        raw.extend(region);
        raw.extend(index);
        raw.extend(store);
        Header::parse(&raw, limits)
    }
}

fn push_entry(into: &mut Vec<u8>, tag: Tag, kind: Kind, offset: usize, count: usize) {
    for number in [tag.0, kind as u32, low_bits(offset), low_bits(count)] {
        into.extend(number.to_be_bytes());
    }
}

/// A region's span is negative, in two's complement; everything else is far below 32 bits or refused by the limits.
#[expect(clippy::cast_possible_truncation, reason = "the low 32 bits are what is asked for")]
const fn low_bits(number: usize) -> u32 {
    number as u32
}

//! The compressed forms of pieces, by the SHA-256 of their text.

use std::collections::HashMap;
use std::fs::File;
use std::path::Path;

use sha2::{Digest as _, Sha256};

use super::cache_file::{self, Keeper};
use super::record::{self, Fields, FieldsError, Record};
use super::xz::Block;
use crate::sorted::At;

/// First line of the file; the number rises when the compressors' settings change.
const MAGIC: &[u8] = b"wallarm-node repository: compressed pieces, 2\n";

/// A piece in its compressed forms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Packed {
    /// A gzip member.
    pub(crate) gzip: Vec<u8>,
    /// A block of an xz stream, where that is wanted.
    pub(crate) xz: Option<Block>,
}

/// What names a piece.
pub(crate) type Key = [u8; 32];

/// The name of a piece with this text.
pub(crate) fn key(text: &[u8]) -> Key {
    Sha256::digest(text).into()
}

/// What an earlier run has compressed, and what this one has.
pub(crate) struct PieceCache {
    old: Option<File>,
    /// Where the record of a piece begins.
    places: HashMap<Key, u64>,
    new: Keeper,
}

impl PieceCache {
    /// Opens the cache at `path`; without one, and without a cache of an earlier run, everything is compressed anew.
    pub(crate) fn open(path: Option<&Path>) -> Self {
        let (old, places) = path.and_then(read_places).unzip();
        Self { old, places: places.unwrap_or_default(), new: Keeper::begin(path, MAGIC) }
    }

    /// The compressed forms of a piece, if they are known.
    pub(crate) fn get(&self, key: &Key, with_xz: bool) -> Option<Packed> {
        let place = *self.places.get(key)?;
        let mut at = At { file: self.old.as_ref()?, place };
        let record = record::next(&mut at)?;
        let (found, packed) = parse(record.fields()).ok()?;
        (found == *key && packed.xz.is_some() == with_xz).then_some(packed)
    }

    /// Keeps a piece for the next run.
    pub(crate) fn keep(&mut self, key: &Key, packed: &Packed) {
        let mut record = Record::default();
        record.text(key);
        record.text(&packed.gzip);
        if let Some(block) = &packed.xz {
            record.text(&block.bytes);
            record.number(block.unpadded);
            record.number(block.unpacked);
        }
        self.new.put(&mut record);
    }

    /// Puts what was kept in the place of the old cache.
    pub(crate) fn finish(self) {
        self.new.finish();
    }
}

fn read_places(path: &Path) -> Option<(File, HashMap<Key, u64>)> {
    let file = File::open(path).ok()?;
    let mut from = cache_file::open(path, MAGIC)?;
    let mut places = HashMap::new();
    let mut place = MAGIC.len() as u64;
    while let Some(record) = record::next(&mut from) {
        let Ok(key) = parse_key(&mut record.fields()) else { break };
        places.insert(key, place);
        place += record.length();
    }
    Some((file, places))
}

fn parse_key(fields: &mut Fields<'_>) -> Result<Key, FieldsError> {
    fields.bytes()?.try_into().map_err(|_| FieldsError)
}

fn parse(mut fields: Fields<'_>) -> Result<(Key, Packed), FieldsError> {
    let key = parse_key(&mut fields)?;
    let gzip = fields.bytes()?.to_owned();
    let xz = match fields.0 {
        [] => None,
        _ => Some(Block { bytes: fields.bytes()?.to_owned(), unpadded: fields.number()?, unpacked: fields.number()? }),
    };
    Ok((key, Packed { gzip, xz }))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn packed(text: &[u8], with_xz: bool) -> Packed {
        Packed { gzip: crate::index::gzip::member(text).unwrap(), xz: with_xz.then(|| Block::compress(text).unwrap()) }
    }

    #[test]
    fn a_piece_is_found_by_the_next_run_and_forgotten_by_the_one_after() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/pieces");
        let mut first = PieceCache::open(Some(&path));
        assert_eq!(first.get(&key(b"one"), true), None);
        first.keep(&key(b"one"), &packed(b"one", true));
        first.keep(&key(b"two"), &packed(b"two", false));
        first.finish();
        let second = PieceCache::open(Some(&path));
        assert_eq!(second.get(&key(b"one"), true), Some(packed(b"one", true)));
        assert_eq!(second.get(&key(b"one"), false), None);
        assert_eq!(second.get(&key(b"two"), false), Some(packed(b"two", false)));
        second.finish();
        assert_eq!(PieceCache::open(Some(&path)).get(&key(b"one"), true), None);
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn a_damaged_cache_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pieces");
        let mut first = PieceCache::open(Some(&path));
        first.keep(&key(b"one"), &packed(b"one", true));
        first.finish();
        let mut bytes = fs::read(&path).unwrap();
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        fs::write(&path, &bytes).unwrap();
        assert_eq!(PieceCache::open(Some(&path)).get(&key(b"one"), true), None);
    }
}

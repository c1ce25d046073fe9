//! What was read of packages, kept by the size, times and inode of their files.
//!
//! The file is in the order of the packages, as a run is: both are walked side by side, and a new cache is written on the way,
//! so neither is ever in memory.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use super::cache_file::{self, Keeper};
use super::record::{self, Fields, FieldsError, Record, Sealed};
use super::{Entry, Stamp};

/// First line of the file; the number rises when entries change.
const MAGIC: &[u8] = b"wallarm-node repository: what was read of packages, 2\n";

/// A package that an earlier run has read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Known {
    /// The file that was read.
    pub(crate) source: Stamp,
    /// The file in the repository that got its content, as it is across a rename.
    pub(crate) placed: Option<Stamp>,
    /// What else the entry depends on.
    pub(crate) circumstances: String,
    /// What was read.
    pub(crate) entry: Entry,
}

impl Known {
    fn write(&self, record: &mut Record) {
        // First of all the file name: a record that is not asked for is not read any further.
        self.entry.write(record);
        record.text(&self.circumstances);
        self.source.write(record);
        record.number(u64::from(self.placed.is_some()));
        if let Some(placed) = self.placed {
            placed.write(record);
        }
    }

    fn read(mut fields: Fields<'_>) -> Result<Self, FieldsError> {
        let entry = Entry::read(&mut fields)?;
        let circumstances = fields.text()?.to_owned();
        let source = Stamp::read(&mut fields)?;
        let placed = match fields.number()? {
            0 => None,
            _ => Some(Stamp::read(&mut fields)?),
        };
        Ok(Self { source, placed, circumstances, entry })
    }
}

/// A package in the words of an earlier run.
#[derive(Debug)]
pub(crate) struct Remembered(Sealed);

impl Remembered {
    /// What the words mean; `None` when another version of this program wrote them.
    pub(crate) fn known(&self) -> Option<Known> {
        Known::read(self.0.fields()).ok()
    }

    fn file_name(&self) -> Option<&str> {
        self.0.fields().text().ok()
    }
}

/// The cache of one repository during a run.
pub(crate) struct EntryCache {
    old: Option<BufReader<File>>,
    next: Option<Remembered>,
    new: Keeper,
    record: Record,
}

impl EntryCache {
    /// Opens the cache at `path`; without one every package is read.
    pub(crate) fn open(path: Option<&Path>) -> Self {
        let old = path.and_then(|path| cache_file::open(path, MAGIC));
        let mut this = Self { old, next: None, new: Keeper::begin(path, MAGIC), record: Record::default() };
        this.advance();
        this
    }

    /// What is remembered of the package with this file name. Names have to be asked for in rising order.
    pub(crate) fn take(&mut self, file_name: &str) -> Option<Remembered> {
        while self.next.as_ref().is_some_and(|next| next.file_name().is_some_and(|name| name < file_name)) {
            self.advance();
        }
        let found = self.next.take_if(|next| next.file_name() == Some(file_name));
        if found.is_some() {
            self.advance();
        }
        found
    }

    /// Keeps a package for the next run. Names have to come in rising order.
    pub(crate) fn keep(&mut self, known: &Known) {
        known.write(&mut self.record);
        self.new.put(&mut self.record);
    }

    /// Keeps a package as it is remembered.
    pub(crate) fn keep_as_it_was(&mut self, remembered: &Remembered) {
        self.new.put_again(&remembered.0);
    }

    /// Puts what was kept in the place of the old cache.
    pub(crate) fn finish(self) {
        self.new.finish();
    }

    fn advance(&mut self) {
        self.next = self.old.as_mut().and_then(record::next).map(Remembered);
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::Digests;

    fn known(file_name: &str, folder: &Path) -> Known {
        fs::write(folder.join(file_name), file_name).unwrap();
        let digests = Digests::of(file_name.as_bytes());
        let source = Stamp::of(&folder.join(file_name)).unwrap();
        Known {
            source,
            placed: (file_name > "b").then_some(source.across_rename()),
            circumstances: "signed by somebody".to_owned(),
            entry: Entry {
                file_name: file_name.to_owned(),
                name: "name".to_owned(),
                version: "1.0-1".to_owned(),
                architecture: "amd64".to_owned(),
                summary: "made up".to_owned(),
                size: digests.size,
                sha256: digests.sha256,
                sha512: (file_name > "b").then_some(digests.sha512),
                parts: vec![format!("Package: {file_name}\n"), String::new()],
            },
        }
    }

    #[test]
    fn packages_are_found_again_and_those_that_went_are_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cache/entries");
        let all = ["a", "b", "c", "d"].map(|name| known(name, folder.path()));
        let mut first = EntryCache::open(Some(&path));
        all.iter().for_each(|one| first.keep(one));
        first.finish();
        let mut second = EntryCache::open(Some(&path));
        let found = ["a0", "b", "c0", "d", "e"].map(|name| second.take(name).and_then(|found| found.known()));
        assert_eq!(found, [None, Some(all[1].clone()), None, Some(all[3].clone()), None]);
    }

    #[test]
    fn what_is_kept_as_it_was_is_known_to_the_next_run_too() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cache/entries");
        let all = ["a", "b"].map(|name| known(name, folder.path()));
        let mut first = EntryCache::open(Some(&path));
        all.iter().for_each(|one| first.keep(one));
        first.finish();
        let written = fs::read(&path).unwrap();
        let mut second = EntryCache::open(Some(&path));
        for name in ["a", "b"] {
            let remembered = second.take(name).unwrap();
            second.keep_as_it_was(&remembered);
        }
        second.finish();
        assert_eq!(fs::read(&path).unwrap(), written);
    }

    #[test]
    fn without_a_cache_all_that_would_be_kept_lay_in_memory_until_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let one = known("a", folder.path());
        let mut cache = EntryCache::open(None);
        let memory = allocation_counter::measure(|| (0..1000).for_each(|_| cache.keep(&one)));
        assert!(memory.bytes_max < 10_000, "{} bytes", memory.bytes_max);
    }

    #[test]
    fn a_run_that_fails_leaves_the_cache_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cache/entries");
        let mut first = EntryCache::open(Some(&path));
        first.keep(&known("a", folder.path()));
        first.finish();
        drop(EntryCache::open(Some(&path)));
        assert!(EntryCache::open(Some(&path)).take("a").is_some());
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn a_cache_that_is_cut_off_knows_what_is_before_the_cut() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cache/entries");
        let mut first = EntryCache::open(Some(&path));
        ["a", "b"].iter().for_each(|name| first.keep(&known(name, folder.path())));
        first.finish();
        let bytes = fs::read(&path).unwrap();
        fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
        let mut cut = EntryCache::open(Some(&path));
        assert!(cut.take("a").is_some());
        assert!(cut.take("b").is_none());
    }
}

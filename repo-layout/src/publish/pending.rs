//! The note about what a publisher is doing, in the state folder while it renames.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, BufWriter, Write as _};
use std::path::Path;

use serde::ser::{Error as _, SerializeMap as _, SerializeSeq as _};
use serde::{Deserialize, Serialize, Serializer};

use super::STATE_FOLDER;
use super::plan::LOAD;
use crate::destination::make_parent;
use crate::sorted::{Sheet, Sorter};
use crate::{Error, Sha256Hex};

/// A note that an interrupted run has left.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub(crate) struct Pending {
    /// SHA-256 of every file which is being put into place, by path; several when several runs were interrupted.
    pub(crate) put: BTreeMap<String, BTreeSet<String>>,
    /// Files that are going to be removed.
    pub(crate) remove: BTreeSet<String>,
}

impl Pending {
    pub(super) const FILE: &str = "pending.json";

    /// The note of an interrupted run, if there is one.
    pub(crate) fn load(root: &Path) -> Option<Self> {
        let bytes = fs::read(root.join(STATE_FOLDER).join(Self::FILE)).ok()?;
        serde_json::from_slice(&bytes).ok()
    }
}

/// The note of this run on its way.
pub(super) struct Note {
    /// A path and a digest each.
    put: Sorter,
    remove: Sorter,
}

impl Note {
    /// Begins one; what memory does not hold is put into `workspace`.
    pub(super) fn new(workspace: &Path) -> Self {
        Self { put: Sorter::new(workspace, LOAD), remove: Sorter::new(workspace, LOAD) }
    }

    /// A file which is going to be put into place.
    pub(super) fn put(&mut self, path: &str, sha256: &Sha256Hex) -> Result<(), Error> {
        self.put.push(format!("{path} {sha256}"))
    }

    /// Writes it to `aside`, with the files that are going to be removed and what an earlier interrupted run has left half done.
    pub(super) fn write(&mut self, aside: &Path, removable: &Sheet, earlier: Pending) -> Result<(), Error> {
        for (path, digests) in earlier.put {
            digests.iter().try_for_each(|sha256| self.put.push(format!("{path} {sha256}")))?;
        }
        earlier.remove.into_iter().try_for_each(|path| self.remove.push(path))?;
        removable.lines().try_for_each(|path| self.remove.push(path?))?;
        let text = Text { put: Puts(self.put.sheet()?), remove: Removes(self.remove.sheet()?) };
        make_parent(aside)?;
        let mut to = BufWriter::new(File::create(aside).map_err(Error::io("write", aside))?);
        let written = serde_json::to_writer_pretty(&mut to, &text).map_err(io::Error::from);
        written.and_then(|()| to.flush()).map_err(Error::io("write", aside))
    }
}

/// What [`Pending`] reads.
#[derive(Serialize)]
struct Text {
    put: Puts,
    remove: Removes,
}

struct Puts(Sheet);

impl Serialize for Puts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        let mut of_one: (String, BTreeSet<String>) = Default::default();
        for line in self.0.lines() {
            let line = line.map_err(S::Error::custom)?;
            let (path, sha256) = line.split_once(' ').unwrap_or((&line, ""));
            if of_one.0 != path {
                if !of_one.1.is_empty() {
                    map.serialize_entry(&of_one.0, &of_one.1)?;
                }
                of_one = (path.to_owned(), BTreeSet::new());
            }
            of_one.1.insert(sha256.to_owned());
        }
        if !of_one.1.is_empty() {
            map.serialize_entry(&of_one.0, &of_one.1)?;
        }
        map.end()
    }
}

struct Removes(Sheet);

impl Serialize for Removes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut seq = serializer.serialize_seq(None)?;
        for line in self.0.lines() {
            seq.serialize_element(&line.map_err(S::Error::custom)?)?;
        }
        seq.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_says_what_this_run_does_and_what_an_earlier_one_did() {
        let folder = tempfile::tempdir().unwrap();
        let digest = |text: &str| Sha256Hex::of(text.as_bytes());
        let note = |put: &[(&str, &str)], remove: &[&str], earlier: Pending| {
            let mut note = Note::new(folder.path());
            put.iter().for_each(|(path, text)| note.put(path, &digest(text)).unwrap());
            let mut removable = Sorter::new(folder.path(), LOAD);
            remove.iter().for_each(|path| removable.push((*path).to_owned()).unwrap());
            let aside = folder.path().join(STATE_FOLDER).join(Pending::FILE);
            note.write(&aside, &removable.sheet().unwrap(), earlier).unwrap();
            Pending::load(folder.path()).unwrap()
        };
        let first = note(&[("b", "1"), ("a", "1")], &["c"], Pending::default());
        assert_eq!(first.put.keys().collect::<Vec<_>>(), ["a", "b"]);
        let second = note(&[("b", "2")], &["d"], first);
        let digests: Vec<usize> = second.put.values().map(BTreeSet::len).collect();
        assert_eq!(digests, [1, 2]);
        assert!(second.put["b"].contains(digest("2").as_str()));
        assert_eq!(second.remove.into_iter().collect::<Vec<_>>(), ["c", "d"]);
    }
}

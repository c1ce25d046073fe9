//! Who published what: a file an entry, each with the digest of the one before and signed by the repository's key.
//!
//! ```text
//! .wallarm-repo/journal/<number>.json     one line of JSON, then the armoured signature of that line
//! ```
//!
//! Nothing is ever changed or removed here: to take an entry out, or to put one in between, every later one would have to
//! be signed again.

use std::io::BufReader;
use std::path::Path;
use std::time::{Duration, SystemTime};

use serde::ser::{Error as _, SerializeSeq as _};
use serde::{Deserialize, Serialize, Serializer};
use signing::Keyring;

use super::generation::{self, Generation};
use super::{FileRecord, Publisher, STATE_FOLDER};
use crate::destination::{Condition, Content, Destination};
use crate::sorted::{Sheet, SheetWriter, join};
use crate::{Checksum, Error, Sha256Hex, TreePath};

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Counts up from 1.
    pub number: u64,
    /// Digest of the whole file of the entry before; `None` for the first.
    pub previous: Option<Sha256Hex>,
    /// When it was published, in Unix seconds by the destination's clock.
    pub time: u64,
    /// Who published it.
    pub publisher: String,
    /// Which repository.
    pub repository: TreePath,
    /// Which generation of it.
    pub generation: u64,
    /// Packages that came, by file name.
    pub added: Vec<String>,
    /// Packages that went.
    pub removed: Vec<String>,
}

/// An entry that is going to be written: as [`Entry`], but its packages are not held in memory.
#[derive(Serialize)]
struct NewEntry<'a> {
    number: u64,
    previous: Option<Sha256Hex>,
    time: u64,
    publisher: &'a str,
    repository: &'a TreePath,
    generation: u64,
    added: Names,
    removed: Names,
}

/// Names, a line each.
struct Names(Sheet);

impl Serialize for Names {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut seq = serializer.serialize_seq(None)?;
        for line in self.0.lines() {
            seq.serialize_element(&line.map_err(S::Error::custom)?)?;
        }
        seq.end()
    }
}

/// What an entry is about.
#[derive(Deserialize)]
struct Subject {
    repository: TreePath,
    generation: u64,
}

/// A journal and what is wrong with it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Journal {
    /// The entries that can be read, in order.
    pub entries: Vec<Entry>,
    /// What is wrong, a sentence each.
    pub faults: Vec<String>,
}

/// Reads the journal. With keys, each signature and the whole chain is checked as well.
///
/// # Errors
/// Those of the destination; what is wrong with the journal itself is in [`Journal::faults`].
pub fn journal(destination: &dyn Destination, keys: Option<&Keyring>, now: SystemTime) -> Result<Journal, Error> {
    let mut journal = Journal::default();
    let mut previous = None;
    let numbers = numbers(destination)?;
    for (expected, number) in (1..).zip(&numbers) {
        if *number != expected {
            journal.faults.push(format!("entry {expected} is missing"));
            break;
        }
        let path = path(*number)?;
        let Some(found) = destination.read(&path)? else { continue };
        match Entry::read(&found.bytes, keys, now) {
            Ok(entry) => {
                if entry.number != *number || entry.previous != previous {
                    journal.faults.push(format!("{path} does not follow the entry before it"));
                }
                journal.entries.push(entry);
            }
            Err(why) => journal.faults.push(format!("{path}: {why}")),
        }
        previous = Some(Sha256Hex::of(&found.bytes));
    }
    Ok(journal)
}

/// Enters a generation, and those before it whose publishers did not come to it. Entered already, nothing happens. Names of packages are
/// put into `workspace`: the first entry of a repository has them all.
pub(super) fn enter(
    destination: &dyn Destination,
    publisher: &Publisher<'_>,
    current: &Generation,
    workspace: &Path,
) -> Result<(), Error> {
    for attempt in 0.. {
        let numbers = numbers(destination)?;
        let known = last_entered(destination, &numbers, &current.repository)?;
        let Some(next) = first_after(destination, current, known)? else { return Ok(()) };
        let last = numbers.last().copied().unwrap_or(0);
        let previous = match last {
            0 => None,
            last => digest(destination, &path(last)?)?,
        };
        let (added, removed) = changes(destination, &next, workspace)?;
        let entry = NewEntry {
            number: last + 1,
            previous,
            time: next.published,
            publisher: &next.publisher,
            repository: &next.repository,
            generation: next.number,
            added,
            removed,
        };
        let bytes = entry.write(publisher)?;
        let written = destination.put(&path(entry.number)?, &Content::Bytes(&bytes), &Condition::Absent)?.is_some();
        if !written {
            super::backoff(attempt);
        } else if next.number == current.number {
            return Ok(());
        }
    }
    Ok(())
}

impl NewEntry<'_> {
    /// The line and its signature. The line is held whole, since it is signed whole.
    fn write(&self, publisher: &Publisher<'_>) -> Result<Vec<u8>, Error> {
        let state = |source: Box<dyn std::error::Error + Send + Sync>| Error::State {
            path: format!("{STATE_FOLDER}/journal/{}.json", self.number),
            source,
        };
        // A name has a line feed in its sheet, two quotation marks and a comma here.
        let names = 3 * (self.added.0.bytes() + self.removed.0.bytes()) / 2;
        let mut line = Vec::with_capacity(usize::try_from(names).unwrap_or(0) + 4096);
        serde_json::to_writer(&mut line, self).map_err(|source| state(source.into()))?;
        line.push(b'\n');
        let when = SystemTime::UNIX_EPOCH + Duration::from_secs(self.time);
        let signature = publisher.key.sign_detached_armored(&line, when);
        line.extend(signature.map_err(|source| state(source.into()))?.into_bytes());
        Ok(line)
    }
}

impl Entry {
    fn read(bytes: &[u8], keys: Option<&Keyring>, now: SystemTime) -> Result<Self, String> {
        let end = bytes.iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |at| at + 1);
        let (line, signature) = bytes.split_at(end);
        if let Some(keys) = keys {
            let verified = keys.verify_detached(line, signature, now).map_err(|error| error.to_string())?;
            if !verified.exact {
                return Err("holds bytes that the signature does not protect".to_owned());
            }
        }
        serde_json::from_slice(line).map_err(|error| error.to_string())
    }
}

/// The oldest generation on the way to `current` that is not entered yet.
fn first_after(
    destination: &dyn Destination,
    current: &Generation,
    known: Option<u64>,
) -> Result<Option<Generation>, Error> {
    let known = known.unwrap_or(0);
    let mut next = (current.number > known).then(|| current.clone());
    while let Some(parent) = next.as_ref().and_then(|one| one.parent).filter(|parent| *parent > known) {
        match generation::read(destination, &current.repository, parent)? {
            Some(parent) => next = Some(parent),
            None => break,
        }
    }
    Ok(next)
}

/// The newest generation of a repository that is in the journal.
fn last_entered(destination: &dyn Destination, numbers: &[u64], repository: &TreePath) -> Result<Option<u64>, Error> {
    for number in numbers.iter().rev() {
        let Some(found) = destination.open(&path(*number)?)? else { continue };
        let mut found = serde_json::Deserializer::from_reader(BufReader::new(found));
        match Subject::deserialize(&mut found) {
            Ok(subject) if subject.repository == *repository => return Ok(Some(subject.generation)),
            Err(error) if error.is_io() => {
                return Err(Error::State { path: path(*number)?.to_string(), source: error.into() });
            }
            // What is wrong with an entry is for its readers to say.
            _ => {}
        }
    }
    Ok(None)
}

/// File names of the packages that came and went with a generation.
fn changes(destination: &dyn Destination, new: &Generation, workspace: &Path) -> Result<(Names, Names), Error> {
    let old = match new.parent {
        Some(parent) => generation::read(destination, &new.repository, parent)?,
        None => None,
    };
    let old = old.map(|old| old.files_if_any(destination)).transpose()?.flatten();
    let (mut added, mut removed) = (SheetWriter::new(workspace), SheetWriter::new(workspace));
    for pair in join(packages(old.into_iter().flatten()), packages(new.files(destination)?)) {
        match pair? {
            (None, Some(new)) => added.push(new.path.file_name())?,
            (Some(old), None) => removed.push(old.path.file_name())?,
            _ => {}
        }
    }
    Ok((Names(added.finish()?), Names(removed.finish()?)))
}

fn packages(files: impl Iterator<Item = Result<FileRecord, Error>>) -> impl Iterator<Item = Result<FileRecord, Error>> {
    files.filter(|file| file.as_ref().map_or(true, FileRecord::is_package))
}

fn digest(destination: &dyn Destination, path: &TreePath) -> Result<Option<Sha256Hex>, Error> {
    let Some(found) = destination.open(path)? else { return Ok(None) };
    Ok(Some(Checksum::read(found).map_err(Error::io("read", Path::new(path.as_str())))?.sha256))
}

fn numbers(destination: &dyn Destination) -> Result<Vec<u64>, Error> {
    let listed = destination.list(&TreePath::new(format!("{STATE_FOLDER}/journal"))?)?;
    let number = |path: &TreePath| path.file_name().strip_suffix(".json")?.parse().ok();
    let mut numbers: Vec<u64> = listed.iter().filter_map(|one| number(&one.path)).collect();
    numbers.sort_unstable();
    Ok(numbers)
}

fn path(number: u64) -> Result<TreePath, Error> {
    TreePath::new(format!("{STATE_FOLDER}/journal/{number}.json"))
}

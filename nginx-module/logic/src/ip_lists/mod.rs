//! Lists of addresses: who is let through unchecked, who is blocked, and whose attacks are blocked in mode `safe_blocking`.
//!
//! They stand in one file (`wallarm_ip_lists_path`), which a job or an operator writes; no file is no lists. At start the master
//! process loads it and workers inherit it; while it runs, each worker looks at it as it looks at rulesets, and reads it in a
//! thread: [`IpLists::due`] hands out a [`Job`], [`IpLists::finish`] takes the [`Outcome`] back. A file that is broken leaves the
//! loaded lists as they are.

mod document;
mod entry;
mod table;

use std::hash::{DefaultHasher, Hasher};
use std::path::{Path, PathBuf};

pub use document::{Document, DocumentError, MOST_ENTRIES};
pub use entry::{Entry, List, Network, NoNetwork};
pub use table::Table;

use crate::watched_file::{self, ReadError, Stamp};

/// Bytes of the longest file.
const LONGEST: u64 = 64 << 20;

/// The lists of a configuration.
#[derive(Debug)]
pub struct IpLists {
    path: PathBuf,
    table: Option<Table>,
    /// Tells whether a file that was written again says anything new.
    digest: u64,
    /// The file when it was last read; none if it was not there.
    seen: Option<Stamp>,
    /// The last complaint, so that one that lasts is logged once.
    complaint: String,
    /// Whether the last attempt succeeded.
    settled: bool,
}

/// Why lists cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum ListsError {
    /// The file cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// It is longer than lists may be.
    #[error(
        "{} has {size} bytes, and lists of addresses may have {LONGEST}; name networks instead of addresses, or shorten the reasons",
        path.display()
    )]
    TooLong {
        /// The file.
        path: PathBuf,
        /// Its bytes.
        size: u64,
    },
    /// It does not hold what it should.
    #[error("{}: {source}; correct the file, or remove it to do without lists", path.display())]
    Broken {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: DocumentError,
    },
}

/// Something that belongs into the error log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Lists came or went while running.
    Replaced(String),
    /// They work, but perhaps not as they were meant.
    Warning(String),
    /// They could not be loaded.
    Error(String),
}

/// Reading the lists: what a thread may do, since it shares nothing.
#[derive(Debug)]
pub struct Job {
    path: PathBuf,
}

/// What came of a [`Job`].
#[derive(Debug)]
pub struct Outcome {
    seen: Option<Stamp>,
    result: Result<Option<Loaded>, ListsError>,
}

#[derive(Debug)]
struct Loaded {
    table: Table,
    unknown: Option<String>,
    digest: u64,
}

impl Job {
    /// Does the work. It blocks, and for long if there are many entries.
    #[must_use]
    pub fn run(self) -> Outcome {
        // The stamp comes first: a file that is replaced meanwhile is read again at the next check.
        let seen = Stamp::of(&self.path);
        Outcome { seen, result: load(&self.path) }
    }
}

fn load(path: &Path) -> Result<Option<Loaded>, ListsError> {
    let contents = match watched_file::read(path, LONGEST) {
        Err(error) if error.is_absent() => return Ok(None),
        read => read?,
    };
    if contents.size > LONGEST {
        return Err(ListsError::TooLong { path: path.to_owned(), size: contents.size });
    }
    let document = Document::parse(&contents.bytes);
    let document = document.map_err(|source| ListsError::Broken { path: path.to_owned(), source })?;
    let mut hasher = DefaultHasher::new();
    hasher.write(&contents.bytes);
    let table = Table::new(document.revision, &document.entries);
    Ok(Some(Loaded { table, unknown: document.unknown, digest: hasher.finish() }))
}

impl IpLists {
    /// The lists of a file, which is read by [`Self::load`].
    #[must_use]
    pub fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), table: None, digest: 0, seen: None, complaint: String::new(), settled: false }
    }

    /// Reads the file. Blocks, so it is for the start.
    pub fn load(&mut self) -> Option<Event> {
        let outcome = self.job().run();
        match self.finish(outcome) {
            // At a start it is no news that there are lists.
            Some(Event::Replaced(_)) => None,
            event => event,
        }
    }

    /// The entries; none without a file.
    #[must_use]
    pub const fn table(&self) -> Option<&Table> {
        self.table.as_ref()
    }

    /// What is to be done if the file changed, or the last attempt failed. Costs a look-up in the file system.
    #[must_use]
    pub fn due(&self) -> Option<Job> {
        (!self.settled || Stamp::of(&self.path) != self.seen).then(|| self.job())
    }

    fn job(&self) -> Job {
        Job { path: self.path.clone() }
    }

    /// Takes up what a job brought. Lists that could not be loaded change nothing but the log.
    pub fn finish(&mut self, outcome: Outcome) -> Option<Event> {
        self.seen = outcome.seen;
        self.settled = outcome.result.is_ok();
        match outcome.result {
            Ok(loaded) => {
                self.complaint.clear();
                self.replace(loaded)
            }
            Err(error) => {
                let in_use = if self.table.is_some() { "the loaded lists stay in use" } else { "no lists are in use" };
                let complaint = error.to_string();
                let event =
                    (self.complaint != complaint).then(|| Event::Error(format!("{complaint}; {in_use} until then")));
                self.complaint = complaint;
                event
            }
        }
    }

    fn replace(&mut self, loaded: Option<Loaded>) -> Option<Event> {
        let path = self.path.display();
        let Some(Loaded { table, unknown, digest }) = loaded else {
            let gone = self.table.take();
            return gone.map(|_| Event::Replaced(format!("the lists of addresses are gone with {path}")));
        };
        let (entries, revision) = (table.entries, table.revision);
        let old = self.table.replace(table);
        if std::mem::replace(&mut self.digest, digest) == digest && old.is_some() {
            return None;
        }
        let loaded = format!("lists of addresses loaded from {path}: revision {revision}, {entries} entries");
        Some(match unknown {
            None => Event::Replaced(loaded),
            Some(name) => Event::Warning(format!("{loaded}; the field {name:?} is unknown and has no effect")),
        })
    }

    /// Whether the file can be read by this process: what a worker checks when it starts, since the master that loaded it usually is
    /// root.
    #[must_use]
    pub fn check_access(&self) -> Option<Event> {
        match watched_file::read(&self.path, 0) {
            Err(error) if error.is_denied() => {
                Some(Event::Error(format!("{error}; updates of this file will not be taken up")))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;

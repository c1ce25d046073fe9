//! A queue on disk: entries are appended, handed out oldest first, and forgotten once they are done.
//!
//! It is a log in segments. Each record has its own checksum, so that damage costs the records that it touches and no other; a
//! segment is deleted when all of it is done. Nothing is ever changed in place, and nothing half-written precedes good data.
//!
//! | Module | Holds |
//! |---|---|
//! | [`layout`] | the bytes of a segment and of the file of progress |
//! | [`scan`] | finding whole records in a file, whatever happened to it |
//! | `recovery` | from a folder to what is known of each segment |
//! | `segment` | what is known of one segment |
//! | `writer` | appending to a segment, and cutting back what failed |
//! | `reader` | handing out |
//! | `groups` | counting things of several entries, of which some gave way |
//! | `progress`, `ranges` | which entries are done |
//! | `lock` | one server a folder |
//! | `spool` | the queue made of these |
//! | `error` | what can go wrong, with the file's name |
//!
//! Promises:
//!
//! * What [`Spool::write`] has acknowledged is on disk. What it refused is not, and may be given again.
//! * Every entry that is not done is handed out once an opening, in the order of writing. After a crash some of those that were
//!   done since the progress was last saved come again: at least once.
//! * Sequences ascend and never repeat, also across openings and losses: each opening begins a new block of them.
//! * Whatever was done to the files, the log opens, unless a newer server wrote them.

mod error;
mod groups;
pub mod layout;
mod lock;
mod progress;
mod ranges;
mod reader;
mod recovery;
pub mod scan;
mod segment;
mod spool;
mod writer;

use std::path::PathBuf;

pub use error::{OpenError, ReadError, WriteError};
pub use recovery::{Damage, Recovery};
pub use spool::{Spool, State, Written};

/// Bytes of a segment, unless told otherwise.
pub const SEGMENT: u64 = 4 << 20;

/// Where a spool is and how big it may get.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Its folder, which is made if its parent exists.
    pub directory: PathBuf,
    /// Bytes that all segments may take; the oldest give way.
    pub limit: u64,
    /// Bytes of a segment. A batch that is larger has a larger one to itself.
    pub segment: u64,
}

/// The number of an entry. Later entries have higher ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sequence(pub u64);

impl Sequence {
    /// No entry has this number or a higher one: callers may name other things by them.
    pub const END: u64 = 1 << 63;
}

/// What is to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Draft<'a> {
    /// Its time, in milliseconds since 1970.
    pub written: u64,
    /// It belongs with the entry before it: the two are parts of one thing.
    pub follows: bool,
    /// Its content.
    pub bytes: &'a [u8],
}

impl<'a> Draft<'a> {
    /// An entry that begins a thing, which may be all of it.
    #[must_use]
    pub fn alone(written: u64, bytes: &'a [u8]) -> Self {
        Self { written, follows: false, bytes }
    }
}

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its number, by which it is reported as done.
    pub sequence: Sequence,
    /// The time that was given with it, in milliseconds since 1970.
    pub written: u64,
    /// Its content.
    pub bytes: Vec<u8>,
}

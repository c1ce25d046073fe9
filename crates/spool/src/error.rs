//! What can go wrong. Each error names the file and, where the reader can do something, what.

use std::io;
use std::path::{Path, PathBuf};

use crate::layout::{Format, LONGEST_PAYLOAD};

/// A spool cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The folder, or a file that must be had, cannot be used.
    #[error("{}: cannot open the spool: {source}", path.display())]
    Unusable {
        /// The folder or file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another server is at work in the folder.
    #[error("{}: another server{} uses this spool: stop it, or give this one a folder of its own", path.display(), process.map(|id| format!(" (process {id})")).unwrap_or_default())]
    InUse {
        /// The lock.
        path: PathBuf,
        /// The process that has it, if it left its number.
        process: Option<u32>,
    },
    /// A newer server wrote a file.
    #[error("{}: the spool has format {version} and this server reads up to {known}: install the newer server again, or move the folder away to begin without its entries", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        version: u32,
        /// The newest that can be read.
        known: u32,
    },
    /// A file has so high a number that none are left.
    #[error("{}: no sequences are left after this file: move it away", path.display())]
    Exhausted {
        /// The file.
        path: PathBuf,
    },
}

impl OpenError {
    pub(crate) fn newer(path: PathBuf, version: u32, format: Format) -> Self {
        Self::Newer { path, version, known: format.version }
    }
}

/// A batch was not written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// An entry is too long; nothing was written.
    #[error("{}: an entry of {bytes} bytes is too long, {LONGEST_PAYLOAD} is the most", path.display())]
    TooLong {
        /// The folder.
        path: PathBuf,
        /// Its length.
        bytes: usize,
    },
    /// The batch alone exceeds the limit.
    #[error("{}: a batch of {bytes} bytes does not fit into a spool of {limit}", path.display())]
    TooLarge {
        /// The folder.
        path: PathBuf,
        /// Bytes of the batch.
        bytes: u64,
        /// Bytes that the spool may take.
        limit: u64,
    },
    /// A segment could not be made.
    #[error("{}: cannot make a segment of the spool: {source}", path.display())]
    Make {
        /// The segment.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file could not be written.
    #[error("{}: cannot write to the spool: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// What was written could not be brought to the disk.
    #[error("{}: cannot bring the spool to the disk: {source}", path.display())]
    Sync {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A segment that had to give way could not be deleted.
    #[error("{}: cannot delete the oldest segment of a full spool: {source}", path.display())]
    Delete {
        /// The segment.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl WriteError {
    /// The file or folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        match self {
            Self::TooLong { path, .. } | Self::TooLarge { path, .. } => path,
            Self::Make { path, .. }
            | Self::Write { path, .. }
            | Self::Sync { path, .. }
            | Self::Delete { path, .. } => path,
        }
    }
}

/// A segment cannot be read any more. What was left of it is not handed out again before the next opening.
#[derive(Debug, thiserror::Error)]
#[error("{}: cannot read the spool, {entries} entries are left out until the next start: {source}", path.display())]
pub struct ReadError {
    /// The segment.
    pub path: PathBuf,
    /// Entries that were left in it.
    pub entries: u64,
    /// Why.
    pub source: io::Error,
}

//! Reading a file that others replace while NGINX runs, and telling whether it changed.

mod identity;

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

/// What tells one version of a file from another without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    modified: (i64, i64),
    size: u64,
    inode: u64,
}

/// A file's content.
#[derive(Debug)]
pub(crate) struct Contents {
    pub(crate) bytes: Vec<u8>,
    /// Bytes.
    pub(crate) size: u64,
    /// Unix time.
    pub(crate) modified: i64,
}

/// Why a file cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It is not there.
    #[error("{} does not exist (is the node registered, and was it synchronised?)", path.display())]
    Absent {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// This process may not read it.
    #[error("{} cannot be read by user {user}, group {group}{owner}; let that group read it", path.display())]
    Denied {
        /// The file.
        path: PathBuf,
        /// Who tried.
        user: String,
        /// The group of who tried.
        group: String,
        /// Whose file it is, as far as that can be seen.
        owner: String,
        /// What the system says.
        source: io::Error,
    },
    /// Anything else.
    #[error("{} cannot be read: {source}", path.display())]
    Other {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

impl ReadError {
    fn new(path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        match source.kind() {
            io::ErrorKind::NotFound => Self::Absent { path, source },
            io::ErrorKind::PermissionDenied => {
                let (user, group) = identity::of_this_process();
                let owner = identity::of_file(&path).map(|owner| format!(" (it belongs to {owner})"));
                Self::Denied { path, user, group, owner: owner.unwrap_or_default(), source }
            }
            _ => Self::Other { path, source },
        }
    }

    pub(crate) const fn is_absent(&self) -> bool {
        matches!(self, Self::Absent { .. })
    }

    pub(crate) const fn is_denied(&self) -> bool {
        matches!(self, Self::Denied { .. })
    }
}

impl Stamp {
    /// None when the file is not there.
    pub(crate) fn of(path: &Path) -> Option<Self> {
        path.metadata().ok().map(|metadata| Self {
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            size: metadata.size(),
            inode: metadata.ino(),
        })
    }
}

/// Reads a file, but no more than `most` bytes of it: `size` is its whole length, and tells whether something is missing.
pub(crate) fn read(path: &Path, most: u64) -> Result<Contents, ReadError> {
    open(path).map_err(|source| ReadError::new(path, source)).and_then(|(file, metadata)| {
        let mut bytes = Vec::new();
        file.take(most).read_to_end(&mut bytes).map_err(|source| ReadError::new(path, source))?;
        // A file that grows while it is read must not count for less than what was read.
        let size = metadata.size().max(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        Ok(Contents { bytes, size, modified: metadata.mtime() })
    })
}

fn open(path: &Path) -> io::Result<(File, Metadata)> {
    // Without O_NONBLOCK, opening a pipe would wait for a writer, and NGINX would not start.
    let flags = i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or_default();
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    Ok((file, metadata))
}

//! Appending to a segment. What fails is cut back, so that nothing half-written precedes good data.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::error::WriteError;
use crate::segment;

/// What the writer asks of the system, so that tests can let it fail.
#[derive(Clone, Copy, Debug)]
pub struct Calls {
    /// Writes all bytes at a place.
    pub write: fn(&File, &[u8], u64) -> io::Result<()>,
    /// Brings content to the disk.
    pub sync: fn(&File) -> io::Result<()>,
    /// Cuts a file to a length.
    pub cut: fn(&File, u64) -> io::Result<()>,
    /// Deletes a file.
    pub delete: fn(&Path) -> io::Result<()>,
}

impl Calls {
    /// The system itself.
    pub const SYSTEM: Self = Self {
        write: FileExt::write_all_at,
        sync: File::sync_data,
        cut: File::set_len,
        delete: |path| fs::remove_file(path),
    };
}

/// The segment that grows.
#[derive(Debug)]
pub struct Active {
    /// Its first sequence.
    pub first: u64,
    path: PathBuf,
    file: File,
    /// Bytes that are acknowledged.
    length: u64,
}

/// What a failed write leaves behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aftermath {
    /// All is as it was before.
    Clean,
    /// The segment is as it was, as far as anybody knows; nothing may be appended to it any more.
    Closed,
    /// A file of the name stays behind: its sequences must not be given again.
    Remains,
}

impl Active {
    /// Makes a segment with its first batch; `bytes` begin with the header.
    pub fn create(directory: &Path, first: u64, bytes: &[u8], calls: &Calls) -> Result<Self, (WriteError, Aftermath)> {
        let path = segment::path(directory, first);
        let file = match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
            Ok(file) => file,
            Err(source) => {
                let taken = source.kind() == io::ErrorKind::AlreadyExists;
                let aftermath = if taken { Aftermath::Remains } else { Aftermath::Clean };
                return Err((WriteError::Make { path, source }, aftermath));
            }
        };
        let mut active = Self { first, path, file, length: 0 };
        let written = active.put(bytes, calls).and_then(|()| {
            let folder = File::open(directory).and_then(|folder| folder.sync_all());
            folder.map_err(|source| WriteError::Sync { path: directory.to_owned(), source })
        });
        match written {
            Ok(()) => {
                active.length = bytes.len() as u64;
                Ok(active)
            }
            Err(error) => {
                let deleted = (calls.delete)(&active.path).is_ok();
                Err((error, if deleted { Aftermath::Clean } else { Aftermath::Remains }))
            }
        }
    }

    /// Appends a batch.
    pub fn append(&mut self, bytes: &[u8], calls: &Calls) -> Result<(), (WriteError, Aftermath)> {
        let Err(error) = self.put(bytes, calls) else {
            self.length += bytes.len() as u64;
            return Ok(());
        };
        let cut = (calls.cut)(&self.file, self.length).is_ok();
        // After a failed sync the system may have dropped what it could not write, and say nothing of it the next time.
        let trusted = cut && matches!(error, WriteError::Write { .. });
        Err((error, if trusted { Aftermath::Clean } else { Aftermath::Closed }))
    }

    fn put(&self, bytes: &[u8], calls: &Calls) -> Result<(), WriteError> {
        let path = || self.path.clone();
        (calls.write)(&self.file, bytes, self.length).map_err(|source| WriteError::Write { path: path(), source })?;
        (calls.sync)(&self.file).map_err(|source| WriteError::Sync { path: path(), source })
    }
}

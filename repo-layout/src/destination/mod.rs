//! Where a tree is published: a folder, or the storage of objects in a cloud.
//!
//! | Module | Is |
//! |---|---|
//! | `folder` | a folder of this machine: files are staged aside, synced and renamed |
//! | `object` | S3 and what speaks like it, Google Cloud Storage, Azure Blob Storage |
//! | `headers` | the content type and cache rule of each kind of file |
//!
//! A destination knows nothing of repositories. What it promises is little enough that every object storage keeps it:
//! a file appears whole or not at all, it can be written only if nobody else has changed it meanwhile, and a write that
//! was answered is seen by every later read.

mod folder;
mod headers;
#[cfg(test)]
pub(crate) mod memory;
mod object;

use std::io::Read;
use std::path::Path;
use std::time::SystemTime;

pub use folder::Folder;
pub(crate) use folder::{make_parent, write_aside};
pub use headers::{Headers, headers};
pub use object::{ObjectStorage, Settings};

use crate::{Checksum, Error, Sha256Hex, TreePath};

/// What a file shall hold.
#[derive(Debug, Clone, Copy)]
pub enum Content<'a> {
    /// These bytes.
    Bytes(&'a [u8]),
    /// A copy of this file, whose checksum is known.
    Copy {
        /// Where it lies on this machine.
        source: &'a Path,
        /// What it holds.
        checksum: &'a Checksum,
    },
    /// This file, which the publisher has written aside for the purpose; it may be linked to instead of copied.
    Aside {
        /// Where it lies on this machine.
        file: &'a Path,
        /// What it holds.
        checksum: &'a Checksum,
    },
}

impl Content<'_> {
    /// Its size in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Copy { checksum, .. } | Self::Aside { checksum, .. } => checksum.size,
        }
    }

    /// Its digest.
    #[must_use]
    pub fn sha256(&self) -> Sha256Hex {
        match self {
            Self::Bytes(bytes) => Sha256Hex::of(bytes),
            Self::Copy { checksum, .. } | Self::Aside { checksum, .. } => checksum.sha256.clone(),
        }
    }
}

/// Tells one state of a file from another. It means something to the destination that gave it, and to no other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag {
    pub(crate) e_tag: Option<String>,
    pub(crate) version: Option<String>,
}

/// When a file may be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// In any case.
    Always,
    /// If there is none of that name.
    Absent,
    /// If it is still the one that had this tag.
    Unchanged(Tag),
}

impl Condition {
    /// Still the one that was read, or still none.
    #[must_use]
    pub fn still(read: Option<&Tag>) -> Self {
        read.map_or(Self::Absent, |tag| Self::Unchanged(tag.clone()))
    }
}

/// A small file, read whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Versioned {
    /// What it holds.
    pub bytes: Vec<u8>,
    /// Which state of it that is.
    pub tag: Tag,
}

/// What is known of a file without reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stat {
    /// Its size in bytes.
    pub size: u64,
    /// The digest that its publisher noted beside it, if the destination keeps such notes.
    pub sha256: Option<Sha256Hex>,
    /// When it was written, by the destination's clock.
    pub modified: SystemTime,
}

/// A file of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Where it is.
    pub path: TreePath,
    /// Its size in bytes.
    pub size: u64,
    /// When it was written, by the destination's clock.
    pub modified: SystemTime,
}

/// A place that trees are published to.
pub trait Destination: Send + Sync {
    /// How people write it: a path or an address.
    fn name(&self) -> String;

    /// The folder that it is, where it is one: only there can files be locked, staged and renamed.
    fn as_folder(&self) -> Option<&Folder> {
        None
    }

    /// The time by the clock that [`Stat::modified`] goes by. All publishers agree on it, whatever theirs say.
    ///
    /// # Errors
    /// When the destination cannot be asked.
    fn now(&self) -> Result<SystemTime, Error>;

    /// Reads a small file whole; `None` when there is none.
    ///
    /// # Errors
    /// When it cannot be read to its end.
    fn read(&self, path: &TreePath) -> Result<Option<Versioned>, Error>;

    /// Opens a file of any size; `None` when there is none.
    ///
    /// # Errors
    /// When the destination cannot be asked.
    fn open(&self, path: &TreePath) -> Result<Option<Box<dyn Read + Send>>, Error>;

    /// Looks at a file; `None` when there is none.
    ///
    /// # Errors
    /// When the destination cannot be asked.
    fn stat(&self, path: &TreePath) -> Result<Option<Stat>, Error>;

    /// Shows every file below a folder, in whatever order; none when there is no such folder.
    ///
    /// # Errors
    /// When the destination cannot be asked; that of `show`, after which it is shown no more.
    fn each(&self, folder: &TreePath, show: &mut dyn FnMut(Listed) -> Result<(), Error>) -> Result<(), Error>;

    /// The same, by path: where memory may hold them all.
    ///
    /// # Errors
    /// When the destination cannot be asked.
    fn list(&self, folder: &TreePath) -> Result<Vec<Listed>, Error> {
        let mut listed = Vec::new();
        self.each(folder, &mut |one| {
            listed.push(one);
            Ok(())
        })?;
        listed.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(listed)
    }

    /// Writes a file, and gives its new tag; `None` when the condition does not hold, and nothing was written.
    ///
    /// # Errors
    /// When it cannot be written, or, for [`Content::Copy`], when the source is no longer what its checksum says.
    fn put(&self, path: &TreePath, content: &Content<'_>, condition: &Condition) -> Result<Option<Tag>, Error>;

    /// Copies a file within the destination, over what is there.
    ///
    /// # Errors
    /// When there is no such file, or it cannot be copied.
    fn copy(&self, from: &TreePath, to: &TreePath) -> Result<(), Error>;

    /// Removes a file. It is no error that there is none.
    ///
    /// # Errors
    /// When the destination refuses.
    fn remove(&self, path: &TreePath) -> Result<(), Error>;
}

/// Opens the destination that a person names: a folder, or `s3://bucket/prefix`, `gs://…`, `az://container/…`, `file:///…`.
///
/// # Errors
/// [`Error::Address`] when the address is none of these, or lacks what the environment should say.
pub fn open(address: &str) -> Result<Box<dyn Destination>, Error> {
    match address.split_once("://") {
        None => Ok(Box::new(Folder::new(address))),
        Some(("file", path)) if path.starts_with('/') => Ok(Box::new(Folder::new(path))),
        Some(("file", _)) => Err(Error::Address {
            address: address.to_owned(),
            reason: "a file address has three slashes and an absolute path".to_owned(),
        }),
        Some(_) => Ok(Box::new(ObjectStorage::open(address, &Settings::from_environment())?)),
    }
}

//! A folder of this machine.

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use walkdir::WalkDir;

use super::{Condition, Content, Destination, Listed, Stat, Tag, Versioned};
use crate::{Error, STATE_FOLDER, Sha256Hex, TreePath, digest, pool};

/// A folder. Conditions hold as long as every writer has the lock of the tree: a folder has no conditional write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder {
    root: PathBuf,
}

impl Folder {
    /// The folder at this path, which need not be there yet.
    #[must_use]
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// Where it is.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// A name for a file on its way that no other one has.
    fn aside(&self) -> PathBuf {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        self.root.join(STATE_FOLDER).join("single").join(format!("{}-{count}", std::process::id()))
    }

    fn holds(&self, target: &Path, condition: &Condition) -> Result<bool, Error> {
        Ok(match condition {
            Condition::Always => true,
            Condition::Absent => !target.exists(),
            Condition::Unchanged(tag) => read_whole(target)?.is_some_and(|bytes| tag_of(&bytes) == *tag),
        })
    }
}

impl Destination for Folder {
    fn name(&self) -> String {
        self.root.display().to_string()
    }

    fn as_folder(&self) -> Option<&Folder> {
        Some(self)
    }

    fn now(&self) -> Result<SystemTime, Error> {
        Ok(SystemTime::now())
    }

    fn read(&self, path: &TreePath) -> Result<Option<Versioned>, Error> {
        let bytes = read_whole(&path.under(&self.root))?;
        Ok(bytes.map(|bytes| Versioned { tag: tag_of(&bytes), bytes }))
    }

    fn open(&self, path: &TreePath) -> Result<Option<Box<dyn Read + Send>>, Error> {
        let path = path.under(&self.root);
        match fs::symlink_metadata(&path) {
            Ok(_) => Ok(Some(Box::new(BufReader::with_capacity(1 << 16, pool::open_regular(&path)?)))),
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(Error::io("read", &path)(error)),
        }
    }

    fn stat(&self, path: &TreePath) -> Result<Option<Stat>, Error> {
        let path = path.under(&self.root);
        match fs::symlink_metadata(&path) {
            Ok(found) if found.is_file() => Ok(Some(Stat {
                size: found.len(),
                sha256: None,
                modified: found.modified().map_err(Error::io("look at", &path))?,
            })),
            Ok(_) => Ok(None),
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(Error::io("look at", &path)(error)),
        }
    }

    fn each(&self, folder: &TreePath, show: &mut dyn FnMut(Listed) -> Result<(), Error>) -> Result<(), Error> {
        let top = folder.under(&self.root);
        if !top.exists() {
            return Ok(());
        }
        for entry in WalkDir::new(&top) {
            let entry = entry.map_err(|error| {
                let path = error.path().unwrap_or(&top).to_owned();
                Error::io("list", &path)(error.into())
            })?;
            let Ok(relative) = entry.path().strip_prefix(&self.root) else { continue };
            // What is no file of a tree, a link or an odd name, is the verifier's to report.
            let Ok(path) = TreePath::new(relative.to_string_lossy()) else { continue };
            if !entry.file_type().is_file() {
                continue;
            }
            let found = entry.metadata().map_err(|error| Error::io("look at", entry.path())(error.into()))?;
            let modified = found.modified().map_err(Error::io("look at", entry.path()))?;
            show(Listed { path, size: found.len(), modified })?;
        }
        Ok(())
    }

    fn put(&self, path: &TreePath, content: &Content<'_>, condition: &Condition) -> Result<Option<Tag>, Error> {
        let target = path.under(&self.root);
        if !self.holds(&target, condition)? {
            return Ok(None);
        }
        let aside = self.aside();
        let written = write_synced(&aside, content).and_then(|sha256| {
            make_parent(&target)?;
            fs::rename(&aside, &target).map_err(Error::io("put into place", &target))?;
            sync_parent(&target)?;
            Ok(sha256)
        });
        if written.is_err() {
            // Whatever stands in the way of removing it, the error to tell of is the first one.
            let _ = fs::remove_file(&aside);
        }
        Ok(Some(Tag { e_tag: Some(written?.as_str().to_owned()), version: None }))
    }

    fn copy(&self, from: &TreePath, to: &TreePath) -> Result<(), Error> {
        let (source, target, aside) = (from.under(&self.root), to.under(&self.root), self.aside());
        make_parent(&aside)?;
        make_parent(&target)?;
        fs::copy(&source, &aside).map_err(Error::io("copy", &source))?;
        fs::rename(&aside, &target).map_err(Error::io("put into place", &target))?;
        sync_parent(&target)
    }

    fn remove(&self, path: &TreePath) -> Result<(), Error> {
        let path = path.under(&self.root);
        match fs::remove_file(&path) {
            Err(error) if !is_absent(&error) => Err(Error::io("remove", &path)(error)),
            _ => Ok(()),
        }
    }
}

fn tag_of(bytes: &[u8]) -> Tag {
    Tag { e_tag: Some(Sha256Hex::of(bytes).as_str().to_owned()), version: None }
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

fn read_whole(path: &Path) -> Result<Option<Vec<u8>>, Error> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if is_absent(&error) => Ok(None),
        Err(error) => Err(Error::io("read", path)(error)),
    }
}

/// Writes a file that nobody sees yet, to the disk itself. A copy must turn out to be what its checksum says.
fn write_synced(aside: &Path, content: &Content<'_>) -> Result<Sha256Hex, Error> {
    let written = write_aside(aside, content)?;
    File::open(aside).and_then(|file| file.sync_all()).map_err(Error::io("sync", aside))?;
    Ok(written)
}

/// The same, perhaps not on the disk yet.
pub(crate) fn write_aside(aside: &Path, content: &Content<'_>) -> Result<Sha256Hex, Error> {
    make_parent(aside)?;
    let fail = |what| Error::io(what, aside);
    match content {
        Content::Bytes(bytes) => {
            fs::write(aside, bytes).map_err(fail("write"))?;
            Ok(Sha256Hex::of(bytes))
        }
        Content::Copy { source, checksum } => {
            let from = pool::open_regular(source)?;
            let mut file = BufWriter::new(File::create(aside).map_err(fail("write"))?);
            // One byte more than there was shows a file that grew.
            let copied =
                digest::copy_hashed(from.take(checksum.size.saturating_add(1)), &mut file).map_err(fail("write"))?;
            file.flush().map_err(fail("write"))?;
            if copied != **checksum {
                return Err(Error::Changed { path: source.to_path_buf() });
            }
            Ok(copied.sha256)
        }
        Content::Aside { file, checksum } => {
            fs::hard_link(file, aside).or_else(|_| fs::copy(file, aside).map(drop)).map_err(fail("write"))?;
            Ok(checksum.sha256.clone())
        }
    }
}

pub(crate) fn make_parent(path: &Path) -> Result<(), Error> {
    let Some(parent) = path.parent() else { return Ok(()) };
    fs::create_dir_all(parent).map_err(Error::io("make the folder", parent))
}

/// A rename is safe on disk once the folder that it changed is synced.
fn sync_parent(path: &Path) -> Result<(), Error> {
    let Some(parent) = path.parent() else { return Ok(()) };
    File::open(parent).and_then(|open| open.sync_all()).map_err(Error::io("sync", parent))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> TreePath {
        TreePath::new(text).unwrap()
    }

    #[test]
    fn a_folder_does_what_every_destination_does() {
        let folder = tempfile::tempdir().unwrap();
        super::super::memory::behaves(&Folder::new(folder.path()));
    }

    #[test]
    fn a_link_is_neither_read_nor_listed() {
        let root = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("/etc/passwd", root.path().join("link")).unwrap();
        let folder = Folder::new(root.path());
        assert!(folder.open(&path("link")).is_err());
        assert_eq!(folder.stat(&path("link")).unwrap(), None);
    }
}

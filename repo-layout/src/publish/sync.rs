//! Waiting until files are on disk.

use std::collections::{BTreeSet, HashSet};
use std::fs::{self, File};
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;

use crate::{Error, pool};

/// Threads that wait for the disk: the file system writes what they ask for together.
const SYNCS: usize = 16;

/// Files that are waited for together: many more than threads, and few to hold in memory.
const TOGETHER: usize = 1024;

/// Waits for files, however many.
pub(super) fn sync_all(files: impl Iterator<Item = Result<PathBuf, Error>>) -> Result<(), Error> {
    let mut some = Vec::new();
    for file in files {
        some.push(file?);
        if some.len() == TOGETHER {
            sync_files(&some)?;
            some.clear();
        }
    }
    sync_files(&some)
}

/// Each once, under however many names it was written.
fn sync_files(files: &[PathBuf]) -> Result<(), Error> {
    let (mut seen, mut once) = (HashSet::new(), Vec::new());
    for path in files {
        let found = fs::metadata(path).map_err(Error::io("sync", path))?;
        if seen.insert((found.dev(), found.ino())) {
            once.push(path);
        }
    }
    pool::on_threads(SYNCS, &once, |path| {
        File::open(path).and_then(|file| file.sync_all()).map_err(Error::io("sync", path))
    })?;
    Ok(())
}

/// A rename is safe on disk once the folder that it changed is synced.
pub(super) fn sync_folders(folders: &mut BTreeSet<PathBuf>) -> Result<(), Error> {
    let folders: Vec<PathBuf> = std::mem::take(folders).into_iter().collect();
    sync_files(&folders)
}

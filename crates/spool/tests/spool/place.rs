//! A folder with a spool in it.

use std::fs;
use std::path::{Path, PathBuf};

use spool::{Draft, Entry, OpenError, Options, Recovery, Spool, Written};
use tempfile::TempDir;

/// A folder that is gone after the test.
pub struct Place {
    folder: TempDir,
    /// Bytes of a segment.
    pub segment: u64,
    /// Bytes of the spool.
    pub limit: u64,
}

impl Place {
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), segment: 512, limit: 1 << 20 }
    }

    pub fn path(&self) -> PathBuf {
        self.folder.path().join("spool")
    }

    pub fn options(&self) -> Options {
        Options { directory: self.path(), limit: self.limit, segment: self.segment }
    }

    pub fn try_open(&self) -> Result<(Spool, Recovery), OpenError> {
        Spool::open(self.options())
    }

    pub fn open(&self) -> (Spool, Recovery) {
        self.try_open().unwrap()
    }

    /// The segments, oldest first.
    pub fn segments(&self) -> Vec<PathBuf> {
        let mut paths: Vec<PathBuf> = fs::read_dir(self.path()).unwrap().map(|file| file.unwrap().path()).collect();
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "seg"));
        paths.sort();
        paths
    }

    /// Another folder with the same content.
    pub fn copy(&self) -> Self {
        let copy = Self { folder: tempfile::tempdir().unwrap(), ..*self };
        fs::create_dir(copy.path()).unwrap();
        for file in fs::read_dir(self.path()).unwrap() {
            let file = file.unwrap();
            fs::copy(file.path(), copy.path().join(file.file_name())).unwrap();
        }
        copy
    }
}

/// Writes texts as one batch, each with its length as its time.
pub fn write(spool: &mut Spool, texts: &[&str]) -> Written {
    let batch: Vec<_> = texts.iter().map(|text| Draft::alone(text.len() as u64, text.as_bytes())).collect();
    spool.write(&batch).unwrap()
}

/// Everything that is handed out, a few at a time.
pub fn all(spool: &mut Spool) -> Vec<Entry> {
    let mut entries = Vec::new();
    loop {
        let some = spool.next(3).unwrap();
        if some.is_empty() {
            return entries;
        }
        entries.extend(some);
    }
}

pub fn texts(entries: &[Entry]) -> Vec<String> {
    entries.iter().map(|entry| String::from_utf8(entry.bytes.clone()).unwrap()).collect()
}

/// The bytes of a file that `change` has changed.
pub fn change(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).unwrap();
    change(&mut bytes);
    fs::write(path, bytes).unwrap();
}

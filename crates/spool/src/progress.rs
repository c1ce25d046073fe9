//! The file that remembers what is done, replaced by rename. Losing it means that entries are handed out again.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::error::OpenError;
use crate::layout::{HEADER, Header, PROGRESS_FORMAT, u32_at, u64_at};
use crate::ranges::Ranges;

/// Its name.
const NAME: &str = "progress";
/// Its name while it is being written.
const NEW_NAME: &str = "progress.new";
/// A longer file is none of ours.
const LONGEST: u64 = 64 << 20;

/// What was remembered.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Higher than all sequences that were written before it was saved.
    pub next: u64,
    /// Sequences that are done, or known to be lost.
    pub done: Ranges,
}

impl Progress {
    /// Reads the file in `directory`; none if it is missing or damaged.
    ///
    /// # Errors
    ///
    /// A newer server wrote it.
    pub fn read(directory: &Path) -> Result<Option<Self>, OpenError> {
        let path = directory.join(NAME);
        let mut bytes = Vec::new();
        // Whatever keeps it from being read: entries that come again are the smaller harm.
        let read = File::open(&path).and_then(|file| file.take(LONGEST).read_to_end(&mut bytes));
        match (read, Header::decode(PROGRESS_FORMAT, &bytes)) {
            (Ok(_), Header::Known(next)) => Ok(decode_ranges(&bytes).map(|done| Self { next, done })),
            (Ok(_), Header::Newer(version)) => Err(OpenError::newer(path, version, PROGRESS_FORMAT)),
            _ => Ok(None),
        }
    }
}

fn decode_ranges(bytes: &[u8]) -> Option<Ranges> {
    let (content, checksum) = bytes.split_at_checked(bytes.len().checked_sub(4)?)?;
    let (ranges, []) = content.get(HEADER..)?.as_chunks::<16>() else { return None };
    if crc32fast::hash(content) != u32_at(checksum, 0) {
        return None;
    }
    let mut done = Ranges::default();
    ranges.iter().for_each(|range| done.insert(u64_at(range, 0)..u64_at(range, 8)));
    Some(done)
}

fn encode(next: u64, done: &Ranges) -> Vec<u8> {
    let mut bytes = Header::encode(PROGRESS_FORMAT, next).to_vec();
    for range in done.iter() {
        bytes.extend_from_slice(&range.start.to_le_bytes());
        bytes.extend_from_slice(&range.end.to_le_bytes());
    }
    let checksum = crc32fast::hash(&bytes);
    bytes.extend_from_slice(&checksum.to_le_bytes());
    bytes
}

/// Replaces the file in `directory`. It is brought to the disk when `sync` is set; otherwise it survives the end of this
/// process, and the system brings it there in its own time.
pub fn save(directory: &Path, next: u64, done: &Ranges, sync: bool) -> Result<(), (PathBuf, io::Error)> {
    let new = directory.join(NEW_NAME);
    let write = || {
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
        file.write_all(&encode(next, done))?;
        if sync { file.sync_data() } else { Ok(()) }
    };
    if let Err(error) = write() {
        // What is half-written is in nobody's way, but takes room on a disk that may be full.
        let _ = fs::remove_file(&new);
        return Err((new, error));
    }
    let path = directory.join(NAME);
    fs::rename(&new, &path).map_err(|error| (path, error))?;
    if sync {
        File::open(directory).and_then(|folder| folder.sync_all()).map_err(|error| (directory.to_owned(), error))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn saved() -> (tempfile::TempDir, Ranges) {
        let place = tempfile::tempdir().unwrap();
        let mut done = Ranges::default();
        done.insert(0..5);
        done.insert(9..u64::MAX);
        save(place.path(), 12, &done, true).unwrap();
        (place, done)
    }

    #[test]
    fn what_is_saved_can_be_read() {
        let (place, done) = saved();
        assert_eq!(Progress::read(place.path()).unwrap(), Some(Progress { next: 12, done }));
        assert!(!place.path().join(NEW_NAME).exists());
    }

    #[test]
    fn any_damage_to_it_means_that_nothing_is_known() {
        let (place, _) = saved();
        let path = place.path().join(NAME);
        let bytes = fs::read(&path).unwrap();
        for at in 0..bytes.len() {
            let mut flipped = bytes.clone();
            flipped[at] ^= 0x10;
            fs::write(&path, &flipped).unwrap();
            assert_eq!(Progress::read(place.path()).unwrap(), None, "byte {at}");
            fs::write(&path, &bytes[..at]).unwrap();
            assert_eq!(Progress::read(place.path()).unwrap(), None, "cut at {at}");
        }
    }
}

//! One publisher at a time.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Seek as _, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use crate::Error;

/// How often a waiting publisher looks whether the lock is free.
const PAUSE: Duration = Duration::from_millis(20);

/// An advisory lock on a tree. The system lets go of it when the process ends, however it ends.
#[derive(Debug)]
pub(crate) struct Lock {
    file: File,
    path: PathBuf,
}

impl Lock {
    /// Takes the lock, waiting so long for it at most, or says who has it. The file stays for good: removing it would let
    /// two processes lock two files.
    pub(crate) fn take(folder: &Path, wait: Duration) -> Result<Self, Error> {
        fs::create_dir_all(folder).map_err(Error::io("make the folder", folder))?;
        let path: PathBuf = folder.join("lock");
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(Error::io("open the lock", &path))?;
        let begun = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::Error(error)) => return Err(Error::io("lock", &path)(error)),
                Err(TryLockError::WouldBlock) if begun.elapsed() < wait => thread::sleep(PAUSE),
                Err(TryLockError::WouldBlock) => return Err(Error::Locked { holder: holder(&path), path }),
            }
        }
        let write = |file: &mut File| {
            file.set_len(0)?;
            file.rewind()?;
            writeln!(file, "{}", std::process::id())
        };
        write(&mut file).map_err(Error::io("write the lock", &path))?;
        Ok(Self { file, path })
    }
}

impl Lock {
    /// An error when somebody has put another file in its place: who locks that one is at work, too.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let ours = self.file.metadata().map_err(Error::io("look at", &self.path))?;
        match fs::metadata(&self.path) {
            Ok(found) if (found.dev(), found.ino()) == (ours.dev(), ours.ino()) => Ok(()),
            _ => Err(Error::State {
                path: self.path.display().to_string(),
                source:
                    "it was removed or replaced while it was locked; nothing was published: leave it alone, run again"
                        .into(),
            }),
        }
    }
}

fn holder(path: &Path) -> String {
    match fs::read_to_string(path).unwrap_or_default().trim() {
        "" => "another process".to_owned(),
        pid => format!("process {pid}"),
    }
}

impl Drop for Lock {
    /// Leaves an empty file, the same after every run. When that fails, a later holder overwrites it anyway.
    ///
    /// Closing the file is not enough to let go: a child process that was just begun shares it until it becomes another program.
    fn drop(&mut self) {
        let _ = self.file.set_len(0);
        let _ = self.file.unlock();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_publisher_is_told_who_is_at_work() {
        let folder = tempfile::tempdir().unwrap();
        let first = Lock::take(folder.path(), Duration::ZERO).unwrap();
        let refused = Lock::take(folder.path(), Duration::ZERO).unwrap_err().to_string();
        assert!(refused.contains(&format!("process {}", std::process::id())), "{refused}");
        drop(first);
        Lock::take(folder.path(), Duration::ZERO).unwrap();
    }

    #[test]
    fn a_tree_is_free_again_though_a_new_child_still_shares_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let lock = Lock::take(folder.path(), Duration::ZERO).unwrap();
        // What a child has between fork and exec.
        let shared = lock.file.try_clone().unwrap();
        drop(lock);
        Lock::take(folder.path(), Duration::ZERO).unwrap();
        drop(shared);
    }

    #[test]
    fn a_lock_that_somebody_removed_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let first = Lock::take(folder.path(), Duration::ZERO).unwrap();
        first.check().unwrap();
        fs::remove_file(folder.path().join("lock")).unwrap();
        assert!(first.check().unwrap_err().to_string().contains("lock"));
        let second = Lock::take(folder.path(), Duration::ZERO).unwrap();
        assert!(first.check().is_err());
        second.check().unwrap();
    }

    #[test]
    fn a_patient_publisher_gets_the_lock_when_it_is_free() {
        let folder = tempfile::tempdir().unwrap();
        let first = Lock::take(folder.path(), Duration::ZERO).unwrap();
        thread::scope(|scope| {
            let second = scope.spawn(|| Lock::take(folder.path(), Duration::from_secs(60)));
            drop(first);
            second.join().unwrap().unwrap();
        });
    }
}

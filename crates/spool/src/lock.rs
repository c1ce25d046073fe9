//! One server a folder.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::error::OpenError;

/// Name of the file that is locked.
const NAME: &str = "lock";

/// The right to work in a folder. The system takes it back when the process ends, however it ends.
#[derive(Debug)]
pub struct Lock {
    file: File,
}

impl Lock {
    /// Takes the lock of a folder, and leaves the number of this process in it.
    pub fn take(directory: &Path) -> Result<Self, OpenError> {
        let path = directory.join(NAME);
        let unusable = |source| OpenError::Unusable { path: path.clone(), source };
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(unusable)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(OpenError::InUse { path, process: process(&mut file) }),
            Err(TryLockError::Error(source)) => return Err(unusable(source)),
        }
        // The number only helps a reader. A full disk, which may take none, is no reason not to start.
        let _ = file.set_len(0).and_then(|()| file.write_all(format!("{}\n", std::process::id()).as_bytes()));
        Ok(Self { file })
    }
}

impl Drop for Lock {
    /// Closing the file is not enough: a child process that was just begun shares it until it becomes another program, and would keep
    /// the next opening out for that moment.
    fn drop(&mut self) {
        let _ = self.file.unlock();
    }
}

fn process(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.take(16).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_free_again_though_a_new_child_still_shares_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let lock = Lock::take(folder.path()).unwrap();
        // What a child has between fork and exec.
        let shared = lock.file.try_clone().unwrap();
        assert!(Lock::take(folder.path()).is_err());
        drop(lock);
        Lock::take(folder.path()).unwrap();
        drop(shared);
    }
}

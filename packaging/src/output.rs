//! Files that appear whole or not at all: written beside their place, synced, renamed.

use std::fs::{File, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

/// Begins the names of files that are not finished. A run that was killed leaves one behind; it is nobody's package.
pub const PARTIAL_PREFIX: &str = ".partial-";

/// A package that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// Where it stands.
    pub path: PathBuf,
    /// Its size in bytes.
    pub size: u64,
}

/// Lets `write` fill a new file, then puts it at `path` in one step. On an error nothing stays.
///
/// # Errors
/// What `write` says; an I/O error, mapped by `io_error`, when the folder cannot be written or the disk is full.
pub fn write_whole<E>(
    path: &Path,
    io_error: impl Fn(io::Error) -> E,
    write: impl FnOnce(&mut File) -> Result<(), E>,
) -> Result<Written, E> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut partial = tempfile::Builder::new().prefix(PARTIAL_PREFIX).tempfile_in(folder).map_err(&io_error)?;
    write(partial.as_file_mut())?;
    let size = place(partial, folder, path).map_err(io_error)?;
    Ok(Written { path: path.to_owned(), size })
}

/// Removes what a killed run left unfinished in `folder`, and tells how many files that were. No other run may write there
/// meanwhile.
///
/// # Errors
/// When the folder cannot be read or a file cannot be removed.
pub fn remove_partials(folder: &Path) -> io::Result<usize> {
    let mut removed = 0;
    for entry in folder.read_dir()? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(PARTIAL_PREFIX) {
            std::fs::remove_file(entry.path())?;
            removed += 1;
        }
    }
    Ok(removed)
}

fn place(partial: NamedTempFile, folder: &Path, path: &Path) -> io::Result<u64> {
    let file = partial.as_file();
    // A temporary file is private; a package is for everybody.
    file.set_permissions(Permissions::from_mode(0o644))?;
    file.sync_all()?;
    let size = file.metadata()?.len();
    partial.persist(path).map_err(io::Error::from)?;
    // The new name is on disk only once the folder is.
    File::open(folder)?.sync_all()?;
    Ok(size)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::io::Write;

    #[test]
    fn a_file_is_replaced_in_one_step_and_readable_by_all() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.deb");
        fs::write(&path, "old").unwrap();
        let written = write_whole(&path, |e| e, |file| file.write_all(b"newer")).unwrap();
        assert_eq!((fs::read(&path).unwrap(), written.size), (b"newer".to_vec(), 5));
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o644);
    }

    #[test]
    fn a_failure_leaves_the_old_file_and_nothing_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.deb");
        fs::write(&path, "old").unwrap();
        let fail = |file: &mut File| file.write_all(b"half").and(Err(io::ErrorKind::StorageFull.into()));
        write_whole(&path, |e| e, fail).unwrap_err();
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_a_killed_run_left_is_removed_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(".partial-x7Yz"), "half").unwrap();
        fs::write(folder.path().join("a.deb"), "whole").unwrap();
        assert_eq!(remove_partials(folder.path()).unwrap(), 1);
        assert!(folder.path().join("a.deb").exists());
    }
}

//! Files that appear whole or not at all: written beside their place, synced, renamed.

use std::fs::{File, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

/// Begins the names of files that are not finished. A run that was killed leaves one behind; it is nobody's package, and
/// whoever owns the folder clears it away before the next run.
const PARTIAL_PREFIX: &str = ".partial-";

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
}

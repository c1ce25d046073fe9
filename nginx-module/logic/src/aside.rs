//! Files that appear whole or not at all.

use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Whether the disk must have the content before the file appears.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sync {
    /// It must: the file outlives a power cut.
    Yes,
    /// It need not: nobody waits for the disk.
    No,
}

/// Writes a file aside and renames it. Others may write to the folder, and the writer may be root, so the file aside is always a new one:
/// a link that lies in its place, or in that of the file, is removed and not followed.
///
/// # Errors
///
/// What the system says.
pub fn write(path: &Path, mode: u32, sync: Sync, bytes: &[u8]) -> io::Result<()> {
    let mut aside: OsString = path.into();
    aside.push(".new");
    match fs::remove_file(&aside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&aside)?;
    file.write_all(bytes)?;
    if sync == Sync::Yes {
        file.sync_all()?;
    }
    fs::rename(&aside, path)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt, symlink};

    use super::*;

    #[test]
    fn a_link_in_the_way_is_replaced_and_what_it_leads_to_stays() {
        let folder = tempfile::tempdir().unwrap();
        let (path, other) = (folder.path().join("kept"), folder.path().join("other"));
        fs::write(&other, "untouched").unwrap();
        symlink(&other, &path).unwrap();
        symlink(&other, folder.path().join("kept.new")).unwrap();
        write(&path, 0o600, Sync::No, b"new").unwrap();
        assert_eq!(fs::read_to_string(&other).unwrap(), "untouched");
        let metadata = fs::symlink_metadata(&path).unwrap();
        assert_eq!((metadata.is_file(), metadata.mode() & 0o777), (true, 0o600));
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
    }
}

//! What a file system says of a file without reading it.

use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use super::record::{Fields, FieldsError, Record};

/// Device, inode, size and times of a regular file. Two equal stamps of one path mean: nobody wrote to it in between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp([i64; 7]);

impl Stamp {
    /// Of a regular file; `None` for anything else, links included.
    pub(crate) fn of(path: &Path) -> Option<Self> {
        fs::symlink_metadata(path).ok().as_ref().and_then(Self::from_metadata)
    }

    /// From what was asked already.
    pub(crate) fn from_metadata(file: &Metadata) -> Option<Self> {
        let whole = |number: u64| i64::from_ne_bytes(number.to_ne_bytes());
        file.is_file().then(|| {
            Self([
                whole(file.dev()),
                whole(file.ino()),
                whole(file.size()),
                file.mtime(),
                file.mtime_nsec(),
                file.ctime(),
                file.ctime_nsec(),
            ])
        })
    }

    /// Without the time of the last change of the inode: a rename sets that, and leaves everything else.
    pub(crate) fn across_rename(self) -> Self {
        let [device, inode, size, seconds, nanoseconds, ..] = self.0;
        Self([device, inode, size, seconds, nanoseconds, 0, 0])
    }

    /// Writes it into a record.
    pub(crate) fn write(self, record: &mut Record) {
        self.0.iter().for_each(|number| record.number(u64::from_ne_bytes(number.to_ne_bytes())));
    }

    /// Reads what [`Stamp::write`] has written.
    pub(crate) fn read(fields: &mut Fields<'_>) -> Result<Self, FieldsError> {
        let mut stamp = [0; 7];
        for number in &mut stamp {
            *number = i64::from_ne_bytes(fields.number()?.to_ne_bytes());
        }
        Ok(Self(stamp))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_was_written_again_has_another_stamp() {
        let folder = tempfile::tempdir().unwrap();
        let (one, two) = (folder.path().join("one"), folder.path().join("two"));
        fs::write(&one, "abc").unwrap();
        let before = Stamp::of(&one).unwrap();
        assert_eq!(Stamp::of(&one), Some(before));
        // Same size and, set back by whoever wrote it, same time: the inode and the time of its change tell.
        let time = fs::metadata(&one).unwrap().modified().unwrap();
        fs::write(&two, "abd").unwrap();
        fs::File::options().write(true).open(&two).unwrap().set_modified(time).unwrap();
        fs::rename(&two, &one).unwrap();
        assert_ne!(Stamp::of(&one), Some(before));
    }

    #[test]
    fn a_link_has_no_stamp() {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink("/etc/passwd", &link).unwrap();
        assert_eq!(Stamp::of(&link), None);
    }

    #[test]
    fn a_renamed_file_is_known_again() {
        let folder = tempfile::tempdir().unwrap();
        let (one, two) = (folder.path().join("one"), folder.path().join("two"));
        fs::write(&one, "abc").unwrap();
        let before = Stamp::of(&one).unwrap().across_rename();
        fs::rename(&one, &two).unwrap();
        assert_eq!(Stamp::of(&two).map(Stamp::across_rename), Some(before));
    }
}

//! One file of a generation.

use serde::{Deserialize, Serialize};

use crate::sorted::{Keyed, Sheet};
use crate::{Error, Sha256Hex, TreePath};

/// A file as it was published.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileRecord {
    /// Where it lies in the tree.
    pub path: TreePath,
    /// Its size in bytes.
    pub size: u64,
    /// Its digest.
    pub sha256: Sha256Hex,
}

impl FileRecord {
    /// Whether it is a package in the place of packages: copies outside of the pool are none.
    #[must_use]
    pub fn is_package(&self) -> bool {
        let kind = [("/pool/", ".deb"), ("/Packages/", ".rpm")];
        kind.iter().any(|(folder, end)| self.path.as_str().contains(folder) && self.path.as_str().ends_with(end))
    }

    /// As a line to be sorted.
    pub(super) fn line(&self) -> String {
        format!("{} {} {}", self.path, self.size, self.sha256)
    }

    /// Reads what [`FileRecord::line`] has written; more may stand behind it.
    pub(super) fn of_line(line: &str) -> Result<Self, Error> {
        let mut fields = line.split(' ');
        let mut read = || {
            let path = TreePath::new(fields.next()?).ok()?;
            Some(Self { path, size: fields.next()?.parse().ok()?, sha256: Sha256Hex::parse(fields.next()?)? })
        };
        read().ok_or_else(|| Error::State { path: line.to_owned(), source: "this is no line about a file".into() })
    }

    /// The files of a sheet of such lines.
    pub(super) fn of_sheet(sheet: &Sheet) -> impl Iterator<Item = Result<Self, Error>> + use<> {
        sheet.lines().map(|line| Self::of_line(&line?))
    }
}

impl Keyed for FileRecord {
    fn key(&self) -> &str {
        self.path.as_str()
    }
}

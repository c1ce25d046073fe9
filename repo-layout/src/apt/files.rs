//! The files of a package, as an index lists them.

use std::collections::BTreeSet;
use std::path::Path;

use formats::contents;

use crate::Error;

/// The paths of the files with these names in the package at `package`, sorted, each with a line feed behind it.
pub(crate) fn list(names: &[Vec<u8>], package: &Path) -> Result<String, Error> {
    let mut paths = BTreeSet::new();
    for name in names {
        let wrong =
            |source| Error::FileName { path: package.to_owned(), name: name.escape_ascii().to_string(), source };
        paths.insert(contents::path(name).map_err(wrong)?);
    }
    let mut list = String::with_capacity(paths.iter().map(|path| path.len() + 1).sum());
    for path in paths {
        list.push_str(path);
        list.push('\n');
    }
    Ok(list)
}

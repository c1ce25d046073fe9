//! The files that a sequence takes in, by rising file name.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::destination::Destination;
use crate::index::Family;
use crate::sorted::{Merged, Sorter};
use crate::{Error, pool};

/// Names that are held in memory, bytes.
const LOAD: usize = 1 << 20;

/// Files, those of one name together.
pub(super) struct Files<'a> {
    /// How many names there are.
    pub(super) count: usize,
    from: From<'a>,
    next: Option<(String, Vec<PathBuf>)>,
}

/// Where they are from.
enum From<'a> {
    /// Somebody has named them.
    Named(std::vec::IntoIter<&'a Path>),
    /// They lie in the repository's own folder.
    InPlace(PathBuf, Merged),
}

impl<'a> Files<'a> {
    /// Those that somebody has named.
    pub(super) fn named(paths: &'a [PathBuf]) -> Self {
        let mut paths: Vec<&Path> = paths.iter().map(PathBuf::as_path).collect();
        paths.sort_by_key(|path| pool::file_name(path));
        let count = paths.chunk_by(|a, b| pool::file_name(a) == pool::file_name(b)).count();
        let mut this = Self { count, from: From::Named(paths.into_iter()), next: None };
        this.next = this.of_next_name();
        this
    }

    /// Those that lie in the repository's own folder. What memory does not hold of their names is put into `workspace`.
    pub(super) fn in_place<F: Family>(
        family: &F,
        destination: &dyn Destination,
        workspace: &Path,
    ) -> Result<Self, Error> {
        let Some(root) = destination.as_folder() else {
            let reason = "packages that lie there already are indexed in a folder only".to_owned();
            return Err(Error::Address { address: destination.name(), reason });
        };
        let place = family.folder()?.join(F::PACKAGES)?;
        let folder = place.under(root.root());
        let (mut count, mut names) = (0, Sorter::new(workspace, LOAD));
        match fs::read_dir(&folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(Error::io("list", &folder)(error)),
            Ok(entries) => {
                for entry in entries {
                    let path = entry.map_err(Error::io("list", &folder))?.path();
                    let name = pool::file_name(&path);
                    if name.ends_with(F::EXTENSION) {
                        place.join(name)?;
                        names.push(name.to_owned())?;
                        count += 1;
                    }
                }
            }
        }
        let mut this = Self { count, from: From::InPlace(folder, names.finish(None)?), next: None };
        this.advance()?;
        Ok(this)
    }

    /// The name that comes next.
    pub(super) fn peek(&self) -> Option<&str> {
        self.next.as_ref().map(|(name, _)| name.as_str())
    }

    /// The next name and its files.
    pub(super) fn take(&mut self) -> Result<Option<(String, Vec<PathBuf>)>, Error> {
        let taken = self.next.take();
        self.advance()?;
        Ok(taken)
    }

    fn advance(&mut self) -> Result<(), Error> {
        self.next = match &mut self.from {
            From::Named(_) => self.of_next_name(),
            From::InPlace(folder, names) => names.next().transpose()?.map(|name| {
                let path = folder.join(&name);
                (name, vec![path])
            }),
        };
        Ok(())
    }

    /// The same file given twice is one.
    fn of_next_name(&mut self) -> Option<(String, Vec<PathBuf>)> {
        let From::Named(paths) = &mut self.from else { return None };
        let name = pool::file_name(paths.as_slice().first()?);
        let mut same: Vec<PathBuf> = Vec::new();
        while let Some(path) = paths.as_slice().first().filter(|path| pool::file_name(path) == name) {
            if !same.iter().any(|one| one == path) {
                same.push(path.to_path_buf());
            }
            paths.next();
        }
        Some((name.to_owned(), same))
    }
}

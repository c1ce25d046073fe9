//! What a repository is going to have beside what a generation of it has, file by file.

use super::file_record::FileRecord;
use super::generation::Generation;
use super::plan::{Part, is_immutable};
use crate::destination::Destination;
use crate::sorted::{Sheet, Sieve, join};
use crate::{Error, Sha256Hex};

/// A file that would take the place of another one whose name promises that it never changes.
pub(super) struct Replaced {
    /// As the generation has it.
    pub(super) old: FileRecord,
    /// The digest that it would have.
    pub(super) new: Sha256Hex,
}

impl Replaced {
    pub(super) fn error(self) -> Error {
        Error::Replaced { path: self.old.path, published: self.old.sha256, given: self.new }
    }
}

/// Whether a generation is just that.
pub(super) fn is_same(destination: &dyn Destination, part: &Part, old: &Generation) -> Result<bool, Error> {
    if old.entry.sha256 != part.entry.sha256 {
        return Ok(false);
    }
    for pair in join(FileRecord::of_sheet(&part.files), old.files(destination)?) {
        let (new, old) = pair?;
        if new != old {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The first file of a generation that would be replaced, and those of the `removable` paths that the generation does not need.
pub(super) fn compare(
    destination: &dyn Destination,
    part: &Part,
    old: &Generation,
    removable: &Sheet,
) -> Result<(Option<Replaced>, Sheet), Error> {
    let mut unneeded = Sieve::new(removable)?;
    let mut replaced = None;
    for pair in join(old.files(destination)?, FileRecord::of_sheet(&part.files)) {
        let (Some(old), new) = pair? else { continue };
        if !is_immutable(&old.path) {
            continue;
        }
        unneeded.meet(old.path.as_str())?;
        if replaced.is_none()
            && let Some(new) = new.filter(|new| new.sha256 != old.sha256)
        {
            replaced = Some(Replaced { old, new: new.sha256 });
        }
    }
    Ok((replaced, unneeded.finish()?))
}

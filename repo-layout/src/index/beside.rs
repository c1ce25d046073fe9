//! Indexes that are in another order than the packages, beside the documents of a family.

use std::collections::BTreeSet;

use super::{Entry, Remembered};
use crate::{Error, TreePath};

/// What else is made of the packages while they pass.
pub(crate) trait Beside: Sync {
    /// Before any package: the names of those of which one goes that was published.
    fn begin(&mut self, gone: &BTreeSet<String>);

    /// Adds to a published entry what only its package can tell, where that is needed. `remembered` is what an earlier run has read under
    /// its file name, `at` is where it lies.
    fn complete(&self, entry: &mut Entry, remembered: Option<&Remembered>, at: &TreePath) -> Result<(), Error>;

    /// A package that the repository will have; they come by rising file name.
    fn package(&mut self, entry: &Entry) -> Result<(), Error>;
}

/// Nothing else.
impl Beside for () {
    fn begin(&mut self, _: &BTreeSet<String>) {}

    fn complete(&self, _: &mut Entry, _: Option<&Remembered>, _: &TreePath) -> Result<(), Error> {
        Ok(())
    }

    fn package(&mut self, _: &Entry) -> Result<(), Error> {
        Ok(())
    }
}

//! Leaving lines out of a sheet.

use super::{Lines, Sheet, SheetWriter, path_of};
use crate::Error;

/// Lets those lines of a sheet through whose paths are not met.
pub(crate) struct Sieve {
    lines: Lines,
    next: Option<String>,
    rest: SheetWriter,
}

impl Sieve {
    /// Begins with every line of `sheet`.
    pub(crate) fn new(sheet: &Sheet) -> Result<Self, Error> {
        let mut lines = sheet.lines();
        let next = lines.next().transpose()?;
        Ok(Self { lines, next, rest: SheetWriter::new(sheet.folder()) })
    }

    /// Leaves out the lines of this path. Paths have to come in rising order.
    pub(crate) fn meet(&mut self, path: &str) -> Result<(), Error> {
        while let Some(line) = self.next.take_if(|line| path_of(line) <= path) {
            if path_of(&line) < path {
                self.rest.push(&line)?;
            }
            self.next = self.lines.next().transpose()?;
        }
        Ok(())
    }

    /// The lines that are left.
    pub(crate) fn finish(mut self) -> Result<Sheet, Error> {
        while let Some(line) = self.next.take() {
            self.rest.push(&line)?;
            self.next = self.lines.next().transpose()?;
        }
        self.rest.finish()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::sorted::Sorter;

    proptest! {
        #[test]
        fn what_is_met_is_left_out(
            all in proptest::collection::btree_set("[a-c/]{1,3}", 0..20),
            met in proptest::collection::btree_set("[a-c/]{1,3}", 0..20),
            more in "( [a-c]{0,2})?",
        ) {
            let folder = tempfile::tempdir().unwrap();
            let mut sorter = Sorter::new(folder.path(), 100);
            all.iter().try_for_each(|path| sorter.push(format!("{path}{more}"))).unwrap();
            let mut sieve = Sieve::new(&sorter.sheet().unwrap()).unwrap();
            met.iter().try_for_each(|path| sieve.meet(path)).unwrap();
            let left: BTreeSet<String> = sieve.finish().unwrap().lines().map(Result::unwrap).collect();
            let expected: BTreeSet<String> = all.difference(&met).map(|path| format!("{path}{more}")).collect();
            prop_assert_eq!(left, expected);
        }
    }
}

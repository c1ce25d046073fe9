//! The records of a commit in a folder: which generations it makes, which stay, which go.

use std::collections::BTreeMap;
use std::time::SystemTime;

use super::compare::{compare, is_same};
use super::generation::{self, Generation, Published};
use super::plan::{Part, WholePlan, check_date};
use super::{Publisher, snapshot};
use crate::destination::Destination;
use crate::sorted::Sheet;
use crate::{Error, TreePath};

/// What a commit does to the records.
pub(super) struct Records {
    new: Vec<(Generation, Sheet)>,
    current: Vec<Generation>,
    old: Vec<TreePath>,
    removable: Sheet,
}

impl Records {
    /// Compares what is going to be published with what is. Of the `removable` paths none is part of the plan.
    pub(super) fn prepare(
        destination: &dyn Destination,
        plan: &WholePlan,
        publisher: &Publisher<'_>,
        removable: Sheet,
        now: SystemTime,
    ) -> Result<Self, Error> {
        let mut this = Self { new: Vec::new(), current: Vec::new(), old: Vec::new(), removable };
        for part in plan.parts() {
            let mut records = generation::read_all(destination, &part.repository)?;
            let published = Published::read(destination, &part.repository, &part.entry.path)?;
            let last = records.keys().next_back().copied().unwrap_or(0);
            let new = part.generation(last + 1, &published, publisher, now);
            check_date(&new, &published)?;
            let current = match published.generation {
                Some(present) if is_same(destination, part, &present)? => present,
                _ => {
                    this.new.push((new.clone(), part.files.clone()));
                    new
                }
            };
            records.insert(current.number, current.clone());
            this.keep(destination, part, &records, &current, publisher, now)?;
            this.current.push(current);
        }
        Ok(this)
    }

    /// What is removable shrinks by what the generations that stay refer to. One whose files are about to be replaced by others of the
    /// same name is one no longer.
    fn keep(
        &mut self,
        destination: &dyn Destination,
        part: &Part,
        records: &BTreeMap<u64, Generation>,
        current: &Generation,
        publisher: &Publisher<'_>,
        now: SystemTime,
    ) -> Result<(), Error> {
        let pinned = snapshot::pinned(destination, &part.repository)?;
        let kept = publisher.keep.choose(records, current.number, &pinned, now);
        for generation in records.values().filter(|one| one.number != current.number) {
            let is_kept = kept.contains(&generation.number);
            if publisher.replace && !is_kept {
                self.old.push(generation.path()?);
                continue;
            }
            let (replaced, removable) = compare(destination, part, generation, &self.removable)?;
            match replaced {
                Some(replaced) if !publisher.replace => return Err(replaced.error()),
                None if is_kept => self.removable = removable,
                _ => self.old.push(generation.path()?),
            }
        }
        Ok(())
    }

    /// The paths that nothing needs any more, a line each.
    pub(super) fn removable(&self) -> &Sheet {
        &self.removable
    }

    /// The new ones, which have to be written, with their files.
    pub(super) fn to_write(&self) -> &[(Generation, Sheet)] {
        &self.new
    }

    /// Those that readers are going to see.
    pub(super) fn current(&self) -> &[Generation] {
        &self.current
    }

    /// Removes those of generations that are gone.
    pub(super) fn remove_old(&self, destination: &dyn Destination) -> Result<(), Error> {
        self.old.iter().try_for_each(|path| destination.remove(path))
    }
}

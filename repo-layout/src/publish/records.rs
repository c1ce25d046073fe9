//! The records of a commit in a folder: which generations it makes, which stay, which go.

use std::collections::{BTreeMap, BTreeSet};
use std::time::SystemTime;

use super::generation::{self, Generation, Published};
use super::plan::{Plan, check_date, is_immutable};
use super::{Publisher, snapshot};
use crate::destination::Destination;
use crate::{Error, TreePath};

/// What a commit does to the records.
#[derive(Debug, Default)]
pub(super) struct Records {
    new: Vec<Generation>,
    current: Vec<Generation>,
    old: Vec<TreePath>,
    needed: BTreeSet<TreePath>,
}

impl Records {
    /// Compares what is going to be published with what is.
    pub(super) fn prepare(
        destination: &dyn Destination,
        plan: &Plan,
        publisher: &Publisher<'_>,
        now: SystemTime,
    ) -> Result<Self, Error> {
        let mut this = Self::default();
        for (repository, entry) in plan.repositories() {
            let mut records = generation::read_all(destination, repository)?;
            let published = Published::read(destination, repository, entry)?;
            let last = records.keys().next_back().copied().unwrap_or(0);
            let Some(new) = plan.generation(repository, last + 1, &published, publisher, now) else { continue };
            this.check(&new, plan, &records, &published, publisher)?;
            let current = match &published.generation {
                Some(present) if present.entry.sha256 == new.entry.sha256 && present.files == new.files => {
                    present.number
                }
                _ => {
                    this.new.push(new.clone());
                    records.insert(new.number, new.clone());
                    new.number
                }
            };
            this.current.extend(records.get(&current).cloned());
            this.keep(&records, current, plan, publisher, &snapshot::pinned(destination, repository)?, now)?;
        }
        Ok(this)
    }

    fn check(
        &self,
        new: &Generation,
        plan: &Plan,
        records: &BTreeMap<u64, Generation>,
        published: &Published,
        publisher: &Publisher<'_>,
    ) -> Result<(), Error> {
        check_date(new, published)?;
        if publisher.replace {
            return Ok(());
        }
        match records.values().chain(&published.generation).find_map(|generation| plan.replaces(generation)) {
            Some(file) => Err(Error::Replaced {
                path: file.path.clone(),
                published: file.sha256.clone(),
                given: plan.sha256(&file.path).cloned().unwrap_or_else(|| file.sha256.clone()),
            }),
            None => Ok(()),
        }
    }

    /// A generation whose files are about to be replaced by others of the same name is one no longer.
    fn keep(
        &mut self,
        records: &BTreeMap<u64, Generation>,
        current: u64,
        plan: &Plan,
        publisher: &Publisher<'_>,
        pinned: &BTreeSet<u64>,
        now: SystemTime,
    ) -> Result<(), Error> {
        let kept = publisher.keep.choose(records, current, pinned, now);
        for generation in records.values() {
            if kept.contains(&generation.number) && plan.replaces(generation).is_none() {
                let files = generation.files.iter().filter(|file| is_immutable(&file.path));
                self.needed.extend(files.map(|file| file.path.clone()));
            } else {
                self.old.push(generation.path()?);
            }
        }
        Ok(())
    }

    /// Whether a generation that stays refers to a file.
    pub(super) fn needs(&self, path: &str) -> bool {
        self.needed.contains(path)
    }

    /// The new ones, which have to be written.
    pub(super) fn to_write(&self) -> &[Generation] {
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

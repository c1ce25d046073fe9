//! The packages that a repository will have, one after the other by file name: where each comes from, before any is read.

mod files;

use std::cmp::Ordering;
use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use crate::destination::Destination;
use crate::index::{Entry, Family, PublishedEntries};
use crate::selection::{Change, Selection};
use crate::{Error, pool};
use files::Files;

/// One package of the sequence.
#[derive(Debug)]
pub(crate) struct Item {
    /// Its file name.
    pub(crate) file_name: String,
    /// Where it comes from.
    pub(crate) origin: Origin,
    /// Further files of that name. The same file given twice is no mistake, two different ones are.
    pub(crate) twins: Vec<PathBuf>,
}

/// Where a package comes from.
#[derive(Debug)]
pub(crate) enum Origin {
    /// A file.
    File(PathBuf),
    /// It is published, and stays.
    Published(Box<Entry>),
}

/// A sequence, and what is known of it beforehand.
pub(crate) struct Sequence<'a> {
    /// How many packages it has.
    pub(crate) count: usize,
    /// The newest version that stays published, by name and architecture; for those alone that something is added of.
    pub(crate) newest: HashMap<(String, String), String>,
    /// Names of the published packages that go; another version may stay.
    pub(crate) gone: BTreeSet<String>,
    files: Files<'a>,
    published: Option<Published>,
}

/// What is published and stays.
struct Published {
    entries: PublishedEntries,
    removed: BTreeSet<String>,
    next: Option<Entry>,
}

impl<'a> Sequence<'a> {
    /// Finds out what `selection` means at the destination. `vouched` is what vouches for the present state, if there is one that a
    /// change rests on. What memory does not hold is put into `workspace`.
    pub(crate) fn of<F: Family>(
        selection: &'a Selection,
        family: &F,
        destination: &dyn Destination,
        vouched: Option<&F::Vouched>,
        workspace: &Path,
    ) -> Result<Self, Error> {
        let (files, change) = match selection {
            Selection::Exactly(files) => (Files::named(files), None),
            Selection::InPlace => (Files::in_place(family, destination, workspace)?, None),
            Selection::Change(change) => (Files::named(&change.add), Some(change)),
        };
        let mut this =
            Self { count: files.count, newest: HashMap::new(), gone: BTreeSet::new(), files, published: None };
        if let Some(change) = change {
            this.look_over(change, family, destination, vouched)?;
        }
        Ok(this)
    }

    /// Looks over what is published, to know what goes, and how many packages there will be.
    fn look_over<F: Family>(
        &mut self,
        change: &Change,
        family: &F,
        destination: &dyn Destination,
        vouched: Option<&F::Vouched>,
    ) -> Result<(), Error> {
        let Some(vouched) = vouched else {
            return change.remove.first().map_or(Ok(()), |pattern| Err(no_such_package(family, pattern)));
        };
        let entries = family.published(destination, vouched)?;
        let added: BTreeSet<&str> = change.add.iter().map(|path| pool::file_name(path)).collect();
        let names: BTreeSet<&str> = added.iter().map(|file| F::name_in(file)).collect();
        let mut unused: Vec<bool> = vec![true; change.remove.len()];
        let mut removed = BTreeSet::new();
        for entry in entries {
            let entry = entry?;
            let mut goes = false;
            for (pattern, unused) in change.remove.iter().zip(&mut unused) {
                let fits = pattern.fits(&entry.file_name, &entry.name, &entry.version);
                goes |= fits;
                *unused &= !fits;
            }
            if goes {
                removed.insert(entry.file_name);
                self.gone.insert(entry.name);
                continue;
            }
            self.count += usize::from(!added.contains(entry.file_name.as_str()));
            if !change.allow_older && names.contains(entry.name.as_str()) {
                let newest = self.newest.entry((entry.name, entry.architecture)).or_default();
                if newest.is_empty() || F::compare(&entry.version, newest).is_gt() {
                    *newest = entry.version;
                }
            }
        }
        if let Some((pattern, _)) = change.remove.iter().zip(unused).find(|(_, unused)| *unused) {
            return Err(no_such_package(family, pattern));
        }
        let entries = family.published(destination, vouched)?;
        let mut published = Published { entries, removed, next: None };
        published.advance()?;
        self.published = Some(published);
        Ok(())
    }

    /// The next package; `None` at the end.
    pub(crate) fn next(&mut self) -> Result<Option<Item>, Error> {
        let published = self.published.as_ref().and_then(|published| published.next.as_ref());
        let order = match (published, self.files.peek()) {
            (Some(entry), Some(file_name)) => entry.file_name.as_str().cmp(file_name),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => return Ok(None),
        };
        let added = if order.is_lt() { None } else { self.files.take()? };
        let published = match &mut self.published {
            Some(published) if order.is_le() => published.take()?,
            _ => None,
        };
        Ok(match (published, added) {
            (Some(entry), added) => {
                let twins = added.map(|(_, paths)| paths).unwrap_or_default();
                Some(Item { file_name: entry.file_name.clone(), origin: Origin::Published(Box::new(entry)), twins })
            }
            (None, Some((file_name, mut paths))) => {
                let twins = paths.split_off(1);
                paths.pop().map(|path| Item { file_name, origin: Origin::File(path), twins })
            }
            (None, None) => None,
        })
    }
}

impl Published {
    /// Gives the next entry that stays, and looks for the one after it.
    fn take(&mut self) -> Result<Option<Entry>, Error> {
        let entry = self.next.take();
        self.advance()?;
        Ok(entry)
    }

    fn advance(&mut self) -> Result<(), Error> {
        self.next = None;
        for entry in self.entries.by_ref() {
            let entry = entry?;
            if !self.removed.contains(&entry.file_name) {
                self.next = Some(entry);
                break;
            }
        }
        Ok(())
    }
}

fn no_such_package<F: Family>(family: &F, pattern: &crate::Pattern) -> Error {
    match family.folder() {
        Ok(suite) => Error::NoSuchPackage { suite, pattern: pattern.to_string() },
        Err(error) => error,
    }
}

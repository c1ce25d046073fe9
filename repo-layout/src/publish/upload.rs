//! The commit in object storage: no lock, any number of publishers.
//!
//! Packages and indexes that are named by their digest go first; no reader knows of them. Then the entry point is written
//! on condition that it is still the one that was read in the beginning: that is the commit. The rest follows: the
//! signature of `repomd.xml`, and an apt suite's indexes under their usual names, for readers that know no others.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use super::compare::is_same;
use super::condemned::{self, HALF};
use super::generation::{self, Generation, Published};
use super::plan::{LOAD, Part, Plan, WholePlan, check_date, is_immutable};
use super::stored::{Bytes, Named, Stored};
use super::{FileRecord, Phase, Publisher, journal, record};
use crate::destination::{Condition, Content, Destination};
use crate::sorted::{Sheet, Sorter};
use crate::{Checksum, Error, Event, Listener, Sha256Hex, TreePath};

/// Files on their way into object storage.
pub(super) struct Upload<'a> {
    pub(super) destination: &'a dyn Destination,
    pub(super) publisher: &'a Publisher<'a>,
    pub(super) listener: &'a dyn Listener,
    begun: Instant,
    /// Files that may change: a few of each repository.
    changing: BTreeMap<TreePath, (Phase, Stored)>,
    /// Files that are named for good, a line each: packages, and indexes by their digest.
    named: Sorter,
    pub(super) bytes: Bytes,
    seen: BTreeMap<TreePath, Published>,
    written: AtomicUsize,
    /// Indexes on their way.
    workspace: tempfile::TempDir,
}

impl<'a> Upload<'a> {
    pub(super) fn begin(
        destination: &'a dyn Destination,
        publisher: &'a Publisher<'a>,
        listener: &'a dyn Listener,
    ) -> Result<Self, Error> {
        let workspace = tempfile::tempdir().map_err(Error::io("make a folder in", &std::env::temp_dir()))?;
        Ok(Self {
            destination,
            publisher,
            listener,
            begun: Instant::now(),
            changing: BTreeMap::new(),
            named: Sorter::new(workspace.path(), LOAD),
            bytes: Bytes::new(),
            seen: BTreeMap::new(),
            written: AtomicUsize::new(0),
            workspace,
        })
    }

    pub(super) fn workspace(&self) -> &Path {
        self.workspace.path()
    }

    /// What readers saw of a repository when it was first asked for; the commit rests on that.
    pub(super) fn published(&mut self, repository: &TreePath) -> Result<Published, Error> {
        if let Some(seen) = self.seen.get(repository) {
            return Ok(seen.clone());
        }
        let seen = Published::find(self.destination, repository)?;
        self.seen.insert(repository.clone(), seen.clone());
        Ok(seen)
    }

    pub(super) fn put(&mut self, phase: Phase, path: &TreePath, content: &Content<'_>) -> Result<(), Error> {
        let stored = match content {
            Content::Bytes(bytes) => {
                let sha256 = Sha256Hex::of(bytes);
                let known = self.bytes.entry(sha256.clone()).or_insert_with(|| Arc::from(*bytes));
                Stored::Bytes(sha256, Arc::clone(known))
            }
            Content::Copy { source, checksum } | Content::Aside { file: source, checksum } => {
                Stored::File { source: source.to_path_buf(), checksum: (*checksum).clone() }
            }
        };
        self.take(phase, path, stored)
    }

    fn take(&mut self, phase: Phase, path: &TreePath, stored: Stored) -> Result<(), Error> {
        if is_immutable(path) {
            return self.named.push(Named::line(phase, path, &stored));
        }
        self.changing.insert(path.clone(), (phase, stored));
        Ok(())
    }

    pub(super) fn put_folder(&mut self, path: &TreePath, files: &[(String, Content<'_>)]) -> Result<(), Error> {
        files.iter().try_for_each(|(name, content)| self.put(Phase::Visible, &path.join(name)?, content))
    }

    pub(super) fn retain(&mut self, file: &FileRecord) -> Result<(), Error> {
        let checksum = Checksum { size: file.size, sha256: file.sha256.clone() };
        self.take(Phase::Packages, &file.path, Stored::There(checksum))
    }

    /// Publishes repository by repository, each whole by itself. Gives the number of files written.
    pub(super) fn commit(mut self, plan: Plan) -> Result<usize, Error> {
        let (plan, _) = plan.end(&Sheet::default())?;
        let named = self.named.sheet()?;
        for part in plan.parts() {
            self.published(&part.repository)?;
        }
        // What belongs to no repository: the public key.
        for (path, (_, stored)) in self.changing.iter().filter(|(path, _)| plan.repository_of(path).is_none()) {
            let Some(content) = stored.content() else { continue };
            let found = self.destination.stat(path)?;
            if found.is_none_or(|found| found.sha256.as_ref() != Some(&content.sha256())) {
                self.write(path, &content, &Condition::Always)?;
            }
        }
        for part in plan.parts() {
            Round { upload: &self, plan: &plan, part, named: &named }.publish_or_lose()?;
        }
        Ok(self.written.load(Ordering::Relaxed))
    }

    pub(super) fn write(&self, path: &TreePath, content: &Content<'_>, condition: &Condition) -> Result<bool, Error> {
        self.listener.event(&Event::Publishing(path));
        let done = self.destination.put(path, content, condition)?.is_some();
        self.written.fetch_add(usize::from(done), Ordering::Relaxed);
        Ok(done)
    }
}

/// One repository of an upload.
pub(super) struct Round<'a> {
    pub(super) upload: &'a Upload<'a>,
    pub(super) plan: &'a WholePlan,
    pub(super) part: &'a Part,
    /// Files of all repositories that are named for good.
    pub(super) named: &'a Sheet,
}

impl Round<'_> {
    /// Whose record is gone before it was read, that state has been replaced and pruned meanwhile.
    fn publish_or_lose(&self) -> Result<(), Error> {
        let records = generation::folder(&self.part.repository)?;
        match self.publish() {
            Err(Error::Gone { path }) if path.is_below(&records) => self.lost(),
            other => other,
        }
    }

    fn publish(&self) -> Result<(), Error> {
        let (destination, publisher) = (self.upload.destination, self.upload.publisher);
        let nothing = Published { entry: None, generation: None };
        let seen = self.upload.seen.get(&self.part.repository).unwrap_or(&nothing);
        let now = destination.now()?;
        let mut new = self.part.generation(0, seen, publisher, now);
        check_date(&new, seen)?;
        if let Some(present) = &seen.generation
            && is_same(destination, self.part, present)?
        {
            return self.finish(present);
        }
        self.send(seen, now)?;
        self.record(&mut new)?;
        if condemned::concerns(destination, FileRecord::of_sheet(&self.part.files))? {
            return self.lost();
        }
        self.commit(seen)?;
        self.finish(&new)
    }

    /// What comes after the commit. The state is published whatever becomes of it.
    fn finish(&self, current: &Generation) -> Result<(), Error> {
        self.settle()?;
        journal::enter(self.upload.destination, self.upload.publisher, current, self.upload.workspace())
            .map_err(|source| Error::NotEntered { source: Box::new(source) })
    }

    /// Writes the record of the new generation, under the first number that nobody has. It goes up in one request: none of several parts
    /// can be made to depend on there being no such record.
    fn record(&self, new: &mut Generation) -> Result<(), Error> {
        let destination = self.upload.destination;
        let last = generation::numbers(destination, &self.part.repository)?.last().copied().unwrap_or(0);
        let aside = self.upload.workspace().join("record.json");
        for number in last + 1.. {
            new.number = number;
            record::write(new, &self.part.files, &aside)?;
            let checksum = File::open(&aside).and_then(Checksum::read).map_err(Error::io("read", &aside))?;
            let content = Content::Aside { file: &aside, checksum: &checksum };
            if destination.put(&new.path()?, &content, &Condition::Absent)?.is_some() {
                break;
            }
        }
        Ok(())
    }

    /// Writes the entry point, if it is still the one that was seen.
    fn commit(&self, seen: &Published) -> Result<(), Error> {
        let Some((_, stored)) = self.upload.changing.get(&self.part.entry.path) else { return Ok(()) };
        let Some(content) = stored.content() else { return Ok(()) };
        if self.upload.begun.elapsed() > HALF {
            return self.lost();
        }
        let condition = Condition::still(seen.entry.as_ref().map(|entry| &entry.tag));
        if self.upload.write(&self.part.entry.path, &content, &condition)? { Ok(()) } else { self.lost() }
    }

    fn lost<T>(&self) -> Result<T, Error> {
        Err(Error::Raced { path: self.part.entry.path.clone() })
    }

    /// Writes what belongs to the entry point and may change, as long as the entry point is ours. Whoever has written that last
    /// comes through in the end: a write that rests on what another has changed fails and is looked at again, and the
    /// others find that the entry point is not theirs.
    fn settle(&self) -> Result<(), Error> {
        let destination = self.upload.destination;
        let entry = &self.part.entry;
        let inside =
            |path: &TreePath| *path != entry.path && self.plan.repository_of(path) == Some(&self.part.repository);
        let mut files: Vec<_> = self.upload.changing.iter().filter(|(path, _)| inside(path)).collect();
        files.sort_by_key(|(_, (phase, _))| *phase);
        for (path, (_, stored)) in files {
            let Some(content) = stored.content() else { continue };
            for attempt in 0.. {
                let found = destination.read(path)?;
                if found.as_ref().is_some_and(|found| Sha256Hex::of(&found.bytes) == content.sha256()) {
                    break;
                }
                let present = destination.read(&entry.path)?;
                if present.is_none_or(|present| Sha256Hex::of(&present.bytes) != entry.sha256) {
                    return Ok(());
                }
                if self.upload.write(path, &content, &Condition::still(found.as_ref().map(|found| &found.tag)))? {
                    break;
                }
                super::backoff(attempt);
            }
        }
        Ok(())
    }
}

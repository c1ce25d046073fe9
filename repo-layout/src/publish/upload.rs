//! The commit in object storage: no lock, any number of publishers.
//!
//! Packages and indexes that are named by their digest go first; no reader knows of them. Then the entry point is written
//! on condition that it is still the one that was read in the beginning: that is the commit. The rest follows: the
//! signature of `repomd.xml`, and an apt suite's indexes under their usual names, for readers that know no others.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime};

use super::condemned::{self, HALF};
use super::generation::{self, Generation, Published};
use super::plan::{Plan, check_date, is_immutable};
use super::{FileRecord, Phase, Publisher, STATE_FOLDER, journal};
use crate::destination::{Condition, Content, Destination, Listed};
use crate::{Checksum, Error, Event, Listener, Sha256Hex, TreePath, pool};

/// Uploads at a time: they wait for the network more than for the processor.
const UPLOADS: usize = 8;

/// A file that is to be uploaded.
#[derive(Debug, Clone)]
enum Stored {
    Bytes(Arc<[u8]>),
    File {
        source: PathBuf,
        checksum: Checksum,
    },
    /// It lies there already, as an older generation had it.
    There(FileRecord),
}

impl Stored {
    fn size_and_sha256(&self) -> (u64, Sha256Hex) {
        match self {
            Self::Bytes(bytes) => (bytes.len() as u64, Sha256Hex::of(bytes)),
            Self::File { checksum, .. } => (checksum.size, checksum.sha256.clone()),
            Self::There(file) => (file.size, file.sha256.clone()),
        }
    }

    /// What is to be sent; `None` for what is there.
    fn content(&self) -> Option<Content<'_>> {
        match self {
            Self::Bytes(bytes) => Some(Content::Bytes(bytes)),
            Self::File { source, checksum } => Some(Content::Copy { source, checksum }),
            Self::There(_) => None,
        }
    }
}

/// Files on their way into object storage.
pub(super) struct Upload<'a> {
    destination: &'a dyn Destination,
    publisher: &'a Publisher<'a>,
    listener: &'a dyn Listener,
    begun: Instant,
    files: BTreeMap<TreePath, (Phase, Stored)>,
    /// Bytes by digest: the same index goes up under several names.
    bytes: BTreeMap<Sha256Hex, Arc<[u8]>>,
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
            files: BTreeMap::new(),
            bytes: BTreeMap::new(),
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
                Stored::Bytes(Arc::clone(self.bytes.entry(Sha256Hex::of(bytes)).or_insert_with(|| Arc::from(*bytes))))
            }
            Content::Copy { source, checksum } | Content::Aside { file: source, checksum } => {
                Stored::File { source: source.to_path_buf(), checksum: (*checksum).clone() }
            }
        };
        self.files.insert(path.clone(), (phase, stored));
        Ok(())
    }

    pub(super) fn put_folder(&mut self, path: &TreePath, files: &[(String, Content<'_>)]) -> Result<(), Error> {
        files.iter().try_for_each(|(name, content)| self.put(Phase::Visible, &path.join(name)?, content))
    }

    pub(super) fn retain(&mut self, file: &FileRecord) -> Result<(), Error> {
        self.files.insert(file.path.clone(), (Phase::Packages, Stored::There(file.clone())));
        Ok(())
    }

    /// Publishes repository by repository, each whole by itself. Gives the number of files written.
    pub(super) fn commit(mut self, plan: &Plan) -> Result<usize, Error> {
        let repositories: Vec<(TreePath, TreePath)> =
            plan.repositories().map(|(repository, entry)| (repository.clone(), entry.clone())).collect();
        for (repository, _) in &repositories {
            self.published(repository)?;
        }
        // What belongs to no repository: the public key.
        for (path, (_, stored)) in self.files.iter().filter(|(path, _)| plan.repository_of(path).is_none()) {
            let Some(content) = stored.content() else { continue };
            let found = self.destination.stat(path)?;
            if found.is_none_or(|found| found.sha256.as_ref() != Some(&content.sha256())) {
                self.write(path, &content, &Condition::Always)?;
            }
        }
        for (repository, entry) in &repositories {
            Round { upload: &self, plan, repository, entry }.publish()?;
        }
        Ok(self.written.load(Ordering::Relaxed))
    }

    fn write(&self, path: &TreePath, content: &Content<'_>, condition: &Condition) -> Result<bool, Error> {
        self.listener.event(&Event::Publishing(path));
        let done = self.destination.put(path, content, condition)?.is_some();
        self.written.fetch_add(usize::from(done), Ordering::Relaxed);
        Ok(done)
    }
}

/// One repository of an upload.
struct Round<'a> {
    upload: &'a Upload<'a>,
    plan: &'a Plan,
    repository: &'a TreePath,
    entry: &'a TreePath,
}

impl Round<'_> {
    fn publish(&self) -> Result<(), Error> {
        let (destination, publisher) = (self.upload.destination, self.upload.publisher);
        let nothing = Published { entry: None, generation: None };
        let seen = self.upload.seen.get(self.repository).unwrap_or(&nothing);
        let now = destination.now()?;
        let Some(mut new) = self.plan.generation(self.repository, 0, seen, publisher, now) else { return Ok(()) };
        check_date(&new, seen)?;
        let unchanged = |old: &Generation| old.entry.sha256 == new.entry.sha256 && old.files == new.files;
        if let Some(present) = seen.generation.as_ref().filter(|old| unchanged(old)) {
            return self.finish(present);
        }
        self.send(seen, now)?;
        self.record(&mut new)?;
        if condemned::concerns(destination, new.files.iter().map(|file| &file.path))? {
            return self.lost();
        }
        self.commit(seen)?;
        self.finish(&new)
    }

    /// What comes after the commit. The state is published whatever becomes of it.
    fn finish(&self, current: &Generation) -> Result<(), Error> {
        self.settle()?;
        journal::enter(self.upload.destination, self.upload.publisher, current)
            .map_err(|source| Error::NotEntered { source: Box::new(source) })
    }

    /// Sends what is named for good, and is not there yet: packages, and indexes by their digest.
    fn send(&self, seen: &Published, now: SystemTime) -> Result<(), Error> {
        let there: BTreeMap<TreePath, Listed> = self
            .upload
            .destination
            .list(self.repository)?
            .into_iter()
            .map(|listed| (listed.path.clone(), listed))
            .collect();
        let used: BTreeMap<&TreePath, &Sha256Hex> =
            seen.generation.iter().flat_map(|old| &old.files).map(|file| (&file.path, &file.sha256)).collect();
        let mut files: Vec<(&TreePath, &Stored)> = self.mine(is_immutable);
        // Packages first: an index that is there already should not refer to one that is still missing.
        files.sort_by_key(|(path, _)| self.upload.files.get(*path).map(|(phase, _)| *phase));
        pool::on_threads(UPLOADS, &files, |(path, stored)| {
            let (size, sha256) = stored.size_and_sha256();
            let found = there.get(*path).filter(|found| found.size == size);
            let is_used = used.get(*path).is_some_and(|used| **used == sha256);
            let Some(content) = stored.content() else {
                return if found.is_some() && is_used { Ok(()) } else { self.refresh(path, &sha256, now) };
            };
            match (found, there.contains_key(*path)) {
                (Some(_), _) if is_used => return Ok(()),
                (Some(found), _) if self.is_left_over(found, &sha256, now)? => return Ok(()),
                (_, true) => self.check_replaced(path, &sha256)?,
                (_, false) => {}
            }
            self.upload.write(path, &content, &Condition::Always)?;
            self.upload.listener.event(&Event::Staged(path));
            Ok::<(), Error>(())
        })?;
        Ok(())
    }

    /// Whether a file that nothing refers to is what a killed run, or a lost race, has sent not long ago.
    fn is_left_over(&self, found: &Listed, sha256: &Sha256Hex, now: SystemTime) -> Result<bool, Error> {
        let stat = self.upload.destination.stat(&found.path)?;
        let young = |modified: SystemTime| now.duration_since(modified).unwrap_or(Duration::ZERO) < HALF;
        Ok(stat.is_some_and(|stat| stat.sha256.as_ref() == Some(sha256) && young(stat.modified)))
    }

    /// Makes a file of an older generation young again, so that no prune takes it away: by way of a copy, since storage
    /// refuses to copy an object onto itself.
    fn refresh(&self, path: &TreePath, sha256: &Sha256Hex, now: SystemTime) -> Result<(), Error> {
        let destination = self.upload.destination;
        let gone = || Error::Gone { path: path.clone() };
        let stat = destination.stat(path)?.ok_or_else(gone)?;
        if stat.sha256.as_ref().is_some_and(|found| found != sha256) {
            return Err(gone());
        }
        if now.duration_since(stat.modified).unwrap_or(Duration::ZERO) < HALF {
            return Ok(());
        }
        let aside = TreePath::new(format!("{STATE_FOLDER}/refresh/{}/{}", sha256, path.file_name()))?;
        destination.copy(path, &aside)?;
        destination.copy(&aside, path)?;
        destination.remove(&aside)
    }

    /// Another file of this name is there: an error if any generation refers to it.
    fn check_replaced(&self, path: &TreePath, sha256: &Sha256Hex) -> Result<(), Error> {
        if self.upload.publisher.replace {
            return Ok(());
        }
        for generation in generation::read_all(self.upload.destination, self.repository)?.values() {
            if let Some(file) = generation.files.iter().find(|file| file.path == *path && file.sha256 != *sha256) {
                let (published, given) = (file.sha256.clone(), sha256.clone());
                return Err(Error::Replaced { path: path.clone(), published, given });
            }
        }
        Ok(())
    }

    /// Writes the record of the new generation, under the first number that nobody has.
    fn record(&self, new: &mut Generation) -> Result<(), Error> {
        let destination = self.upload.destination;
        let last = generation::numbers(destination, self.repository)?.last().copied().unwrap_or(0);
        for number in last + 1.. {
            new.number = number;
            let bytes = new.to_bytes()?;
            if destination.put(&new.path()?, &Content::Bytes(&bytes), &Condition::Absent)?.is_some() {
                break;
            }
        }
        Ok(())
    }

    /// Writes the entry point, if it is still the one that was seen.
    fn commit(&self, seen: &Published) -> Result<(), Error> {
        let Some((_, stored)) = self.upload.files.get(self.entry) else { return Ok(()) };
        let Some(content) = stored.content() else { return Ok(()) };
        if self.upload.begun.elapsed() > HALF {
            return self.lost();
        }
        let condition = Condition::still(seen.entry.as_ref().map(|entry| &entry.tag));
        if self.upload.write(self.entry, &content, &condition)? { Ok(()) } else { self.lost() }
    }

    fn lost<T>(&self) -> Result<T, Error> {
        Err(Error::Raced { path: self.entry.clone() })
    }

    /// Writes what belongs to the entry point and may change, as long as the entry point is ours. Whoever has written that last
    /// comes through in the end: a write that rests on what another has changed fails and is looked at again, and the
    /// others find that the entry point is not theirs.
    fn settle(&self) -> Result<(), Error> {
        let destination = self.upload.destination;
        let Some(entry) = self.plan.sha256(self.entry) else { return Ok(()) };
        let mut files = self.mine(|path| !is_immutable(path));
        files.retain(|(path, _)| *path != self.entry);
        files.sort_by_key(|(path, _)| self.upload.files.get(*path).map(|(phase, _)| *phase));
        for (path, stored) in files {
            let Some(content) = stored.content() else { continue };
            for attempt in 0.. {
                let found = destination.read(path)?;
                if found.as_ref().is_some_and(|found| Sha256Hex::of(&found.bytes) == content.sha256()) {
                    break;
                }
                let present = destination.read(self.entry)?;
                if present.is_none_or(|present| Sha256Hex::of(&present.bytes) != *entry) {
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

    /// The files of this repository that are of a kind.
    fn mine(&self, kind: impl Fn(&TreePath) -> bool) -> Vec<(&TreePath, &Stored)> {
        let inside = |path: &TreePath| self.plan.repository_of(path) == Some(self.repository) && kind(path);
        self.upload.files.iter().filter(|(path, _)| inside(path)).map(|(path, (_, stored))| (path, stored)).collect()
    }
}

//! Writing aside, then renaming in the order that never breaks a reader.
//!
//! A run that is killed while it writes aside leaves the tree untouched; one that is killed while it renames leaves a
//! note, [`Pending`], of what was on its way, so that a verifier can tell the interruption from damage. The next run
//! clears the first away when it begins, and the note when it has ended well.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, BufWriter, Read as _, Write as _};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with, syncfs};
use serde::{Deserialize, Serialize};

use super::{Lock, STATE_FOLDER};
use crate::{Checksum, Error, Event, Listener, Sha256Hex, TreePath, digest, pool};

/// When a file becomes visible. Files of a later phase may refer to those of earlier ones, never the other way round.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    /// Packages, and the public key.
    Packages,
    /// Indexes under the name of their digest, which the old `InRelease` does not mention.
    ByHash,
    /// Indexes under their usual names.
    Indexes,
    /// `Release` and `Release.gpg`.
    Release,
    /// `InRelease`, and a yum repository's `repodata`: from here on readers see the new state.
    Visible,
}

/// What a file shall hold.
#[derive(Debug, Clone)]
pub(crate) enum Content<'a> {
    /// These bytes.
    Bytes(&'a [u8]),
    /// A copy of this file, whose checksum is known.
    Copy { source: &'a Path, checksum: &'a Checksum },
    /// This file, which lies in the staging folder already, under whatever name.
    Aside { file: &'a Path, checksum: &'a Checksum },
}

/// The note about what a publisher is doing, in the state folder while it renames.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Pending {
    /// SHA-256 of every file which is being put into place, by path; several when several runs were interrupted.
    pub(crate) put: BTreeMap<String, BTreeSet<String>>,
    /// Files that are going to be removed.
    pub(crate) remove: BTreeSet<String>,
}

impl Pending {
    const FILE: &str = "pending.json";

    /// The note of an interrupted run, if there is one.
    pub(crate) fn load(root: &Path) -> Option<Self> {
        let bytes = fs::read(root.join(STATE_FOLDER).join(Self::FILE)).ok()?;
        serde_json::from_slice(&bytes).ok()
    }

    fn add(&mut self, path: &str, sha256: &Sha256Hex) {
        self.put.entry(path.to_owned()).or_default().insert(sha256.as_str().to_owned());
    }

    /// Takes over what an earlier interrupted run has left half done.
    fn merge(&mut self, earlier: Self) {
        for (path, digests) in earlier.put {
            self.put.entry(path).or_default().extend(digests);
        }
        self.remove.extend(earlier.remove);
    }
}

/// Files on their way into one tree. Dropped without [`Transaction::commit`], it leaves no trace.
pub(crate) struct Transaction<'a> {
    root: &'a Path,
    state: PathBuf,
    listener: &'a dyn Listener,
    renames: BTreeMap<(Phase, TreePath), PathBuf>,
    exchanges: BTreeSet<TreePath>,
    pending: Pending,
    kept: BTreeSet<TreePath>,
    /// Files that were admitted and are perhaps not on disk yet.
    unsynced: Vec<PathBuf>,
    _lock: Lock,
}

impl<'a> Transaction<'a> {
    /// Locks the tree and clears away what a killed run left.
    pub(crate) fn begin(root: &'a Path, listener: &'a dyn Listener) -> Result<Self, Error> {
        let state = root.join(STATE_FOLDER);
        let lock = Lock::take(&state)?;
        let this = Self {
            root,
            state,
            listener,
            renames: BTreeMap::new(),
            exchanges: BTreeSet::new(),
            pending: Pending::default(),
            kept: BTreeSet::new(),
            unsynced: Vec::new(),
            _lock: lock,
        };
        this.remove_staging()?;
        Ok(this)
    }

    /// Prepares a file, unless it is in place already with the same content.
    pub(crate) fn put(&mut self, phase: Phase, path: &TreePath, content: &Content<'_>) -> Result<(), Error> {
        self.keep(path)?;
        if is_in_place(&path.under(self.root), content) {
            return Ok(());
        }
        let aside = self.staging().join(path.as_str());
        let sha256 = write_aside(&aside, content)?;
        self.pending.add(path.as_str(), &sha256);
        self.renames.insert((phase, path.clone()), aside);
        self.listener.event(&Event::Staged(path));
        Ok(())
    }

    /// Where a file that will be `path` is written aside.
    pub(crate) fn aside(&self, path: &TreePath) -> PathBuf {
        path.under(&self.staging())
    }

    /// Copies a file aside, for [`Transaction::admit`]. Several threads may do so at once.
    pub(crate) fn copy_aside(&self, path: &TreePath, source: &Path) -> Result<PathBuf, Error> {
        let aside = self.aside(path);
        make_parent(&aside)?;
        let mut from = pool::open_regular(source)?;
        let mut to = File::create(&aside).map_err(Error::io("write", &aside))?;
        io::copy(&mut from, &mut to).map_err(Error::io("write", &aside))?;
        Ok(aside)
    }

    /// Takes in a file that was written to [`Transaction::aside`].
    pub(crate) fn admit(
        &mut self,
        phase: Phase,
        path: &TreePath,
        aside: PathBuf,
        sha256: &Sha256Hex,
    ) -> Result<(), Error> {
        self.keep(path)?;
        self.pending.add(path.as_str(), sha256);
        self.unsynced.push(aside.clone());
        self.renames.insert((phase, path.clone()), aside);
        self.listener.event(&Event::Staged(path));
        Ok(())
    }

    /// Says that a file stays as it is.
    pub(crate) fn keep(&mut self, path: &TreePath) -> Result<(), Error> {
        if self.kept.insert(path.clone()) { Ok(()) } else { Err(Error::Overlap { path: path.clone() }) }
    }

    /// Prepares a folder whose files become visible together, unless it holds exactly these files already.
    ///
    /// Whatever else lies in the folder goes with the old one.
    pub(crate) fn put_folder(&mut self, path: &TreePath, files: &[(String, Content<'_>)]) -> Result<(), Error> {
        let target = path.under(self.root);
        for (name, _) in files {
            self.keep(&path.join(name)?)?;
        }
        let unchanged = |(name, content): &(String, Content<'_>)| is_in_place(&target.join(name), content);
        let present = fs::read_dir(&target).map_or(0, Iterator::count);
        if present == files.len() && files.iter().all(unchanged) {
            return Ok(());
        }
        let aside = self.staging().join(path.as_str());
        for (name, content) in files {
            let sha256 = write_aside(&aside.join(name), content)?;
            self.pending.add(&format!("{path}/{name}"), &sha256);
        }
        self.exchanges.insert(path.clone());
        self.listener.event(&Event::Staged(path));
        Ok(())
    }

    /// Marks every file directly in `folder` for removal which this transaction does not put there, if `stale` says so.
    pub(crate) fn remove_others(&mut self, folder: &TreePath, stale: impl Fn(&str) -> bool) -> Result<(), Error> {
        let Ok(entries) = fs::read_dir(folder.under(self.root)) else { return Ok(()) };
        for entry in entries.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
            let Ok(path) = folder.join(&name) else { continue };
            if is_file && stale(&name) && !self.kept.contains(&path) {
                self.pending.remove.insert(path.as_str().to_owned());
            }
        }
        Ok(())
    }

    /// Makes everything visible, phase by phase, then removes what is stale. Gives the number of files written.
    pub(crate) fn commit(self) -> Result<usize, Error> {
        let written = self.pending.put.len();
        if written > 0 || !self.pending.remove.is_empty() {
            self.sync_admitted()?;
            self.write_note()?;
            self.publish()?;
            self.remove_stale()?;
        }
        self.remove_note()?;
        Ok(written)
    }

    /// Sees to it that what was copied aside is on disk. One call for the whole file system is quicker than one for each of
    /// many files.
    fn sync_admitted(&self) -> Result<(), Error> {
        const MANY: usize = 16;
        if self.unsynced.len() > MANY {
            let staging = self.staging();
            let folder = File::open(&staging).map_err(Error::io("sync", &staging))?;
            return syncfs(&folder).map_err(|error| Error::io("sync", &staging)(error.into()));
        }
        let sync = |path: &PathBuf| File::open(path).and_then(|file| file.sync_all()).map_err(Error::io("sync", path));
        self.unsynced.iter().try_for_each(sync)
    }

    fn publish(&self) -> Result<(), Error> {
        let mut folders = BTreeSet::new();
        let mut current = None;
        for ((phase, path), aside) in &self.renames {
            if current.replace(*phase).is_some_and(|before| before != *phase) {
                sync_folders(&mut folders)?;
            }
            let target = path.under(self.root);
            make_parent(&target)?;
            self.listener.event(&Event::Publishing(path));
            fs::rename(aside, &target).map_err(Error::io("put into place", &target))?;
            folders.extend(target.parent().map(Path::to_owned));
        }
        for path in &self.exchanges {
            sync_folders(&mut folders)?;
            self.listener.event(&Event::Publishing(path));
            self.exchange(path)?;
        }
        sync_folders(&mut folders)
    }

    fn remove_stale(&self) -> Result<(), Error> {
        for path in &self.pending.remove {
            let path = TreePath::new(path.as_str())?;
            self.listener.event(&Event::Removing(&path));
            let target = path.under(self.root);
            fs::remove_file(&target).map_err(Error::io("remove", &target))?;
        }
        Ok(())
    }

    /// Swaps a whole folder in one step, so that `repomd.xml` and its signature change together. Where the file system
    /// cannot do that, file by file, `repomd.xml` last.
    fn exchange(&self, path: &TreePath) -> Result<(), Error> {
        let (aside, target) = (self.staging().join(path.as_str()), path.under(self.root));
        make_parent(&target)?;
        if !target.exists() {
            fs::rename(&aside, &target).map_err(Error::io("put into place", &target))?;
        } else if let Err(error) = renameat_with(CWD, &aside, CWD, &target, RenameFlags::EXCHANGE) {
            if !matches!(error, rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS | rustix::io::Errno::NOTSUP) {
                return Err(Error::io("put into place", &target)(error.into()));
            }
            self.replace_one_by_one(&aside, &target)?;
        }
        let mut folders: BTreeSet<_> = target.parent().map(Path::to_owned).into_iter().collect();
        sync_folders(&mut folders)
    }

    fn replace_one_by_one(&self, aside: &Path, target: &Path) -> Result<(), Error> {
        let names = |folder: &Path| -> Result<Vec<_>, Error> {
            let entries = fs::read_dir(folder).map_err(Error::io("list", folder))?;
            let mut names: Vec<_> = entries.flatten().map(|entry| entry.file_name()).collect();
            names.sort_by_key(|name| (name == "repomd.xml", name.clone()));
            Ok(names)
        };
        let new = names(aside)?;
        for name in &new {
            let to = target.join(name);
            fs::rename(aside.join(name), &to).map_err(Error::io("put into place", &to))?;
        }
        for name in names(target)?.iter().filter(|name| !new.contains(name)) {
            let stale = target.join(name);
            fs::remove_file(&stale).map_err(Error::io("remove", &stale))?;
        }
        Ok(())
    }

    fn write_note(&self) -> Result<(), Error> {
        let path = self.state.join(Pending::FILE);
        let mut note = self.pending.clone();
        note.merge(Pending::load(self.root).unwrap_or_default());
        let bytes = serde_json::to_vec_pretty(&note).map_err(io::Error::from);
        let bytes = bytes.map_err(Error::io("write", &path))?;
        let aside = self.staging().join(Pending::FILE);
        write_aside(&aside, &Content::Bytes(&bytes))?;
        fs::rename(&aside, &path).map_err(Error::io("write", &path))
    }

    fn staging(&self) -> PathBuf {
        self.state.join("staging")
    }

    fn remove_staging(&self) -> Result<(), Error> {
        let staging = self.staging();
        match fs::remove_dir_all(&staging) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::io("remove", &staging)(error)),
            _ => Ok(()),
        }
    }

    fn remove_note(&self) -> Result<(), Error> {
        let note = self.state.join(Pending::FILE);
        match fs::remove_file(&note) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::io("remove", &note)(error)),
            _ => Ok(()),
        }
    }
}

impl Drop for Transaction<'_> {
    /// Takes what was written aside away again. A failure here leaves files that the next run removes.
    fn drop(&mut self) {
        let _ = self.remove_staging();
    }
}

/// Whether a file holds what it shall hold; any trouble in reading it means that it has to be written.
fn is_in_place(target: &Path, content: &Content<'_>) -> bool {
    let expected = match content {
        Content::Bytes(bytes) => bytes.len() as u64,
        Content::Copy { checksum, .. } | Content::Aside { checksum, .. } => checksum.size,
    };
    let same_size = fs::symlink_metadata(target).is_ok_and(|found| found.is_file() && found.len() == expected);
    same_size
        && match content {
            Content::Bytes(bytes) => fs::read(target).is_ok_and(|found| found == *bytes),
            Content::Copy { checksum, .. } | Content::Aside { checksum, .. } => {
                File::open(target).and_then(Checksum::read).is_ok_and(|found| found == **checksum)
            }
        }
}

fn write_aside(aside: &Path, content: &Content<'_>) -> Result<Sha256Hex, Error> {
    make_parent(aside)?;
    let fail = |what| Error::io(what, aside);
    let create = || File::create(aside).map(BufWriter::new).map_err(fail("write"));
    let (file, sha256) = match content {
        Content::Bytes(bytes) => {
            let mut file = create()?;
            file.write_all(bytes).map_err(fail("write"))?;
            (file.into_inner().map_err(|error| fail("write")(error.into_error()))?, Sha256Hex::of(bytes))
        }
        Content::Copy { source, checksum } => {
            let (from, mut file) = (pool::open_regular(source)?, create()?);
            // One byte more than there was shows a file that grew.
            let copied =
                digest::copy_hashed(from.take(checksum.size.saturating_add(1)), &mut file).map_err(fail("write"))?;
            if copied != **checksum {
                return Err(Error::Changed { path: source.to_path_buf() });
            }
            (file.into_inner().map_err(|error| fail("write")(error.into_error()))?, copied.sha256)
        }
        Content::Aside { file, checksum } => {
            fs::hard_link(file, aside).or_else(|_| fs::copy(file, aside).map(drop)).map_err(fail("write"))?;
            (File::open(aside).map_err(fail("sync"))?, checksum.sha256.clone())
        }
    };
    file.sync_all().map_err(fail("sync"))?;
    Ok(sha256)
}

fn make_parent(path: &Path) -> Result<(), Error> {
    let Some(parent) = path.parent() else { return Ok(()) };
    fs::create_dir_all(parent).map_err(Error::io("make the folder", parent))
}

/// A rename is safe on disk once the folder that it changed is synced.
fn sync_folders(folders: &mut BTreeSet<PathBuf>) -> Result<(), Error> {
    for folder in std::mem::take(folders) {
        File::open(&folder).and_then(|open| open.sync_all()).map_err(Error::io("sync", &folder))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Silent;

    #[test]
    fn where_a_folder_cannot_be_exchanged_its_files_are_replaced_one_by_one() {
        let root = tempfile::tempdir().unwrap();
        let (old, new) = (root.path().join("old"), root.path().join("new"));
        for (folder, files) in [(&old, ["a-primary", "repomd.xml"]), (&new, ["b-primary", "repomd.xml"])] {
            fs::create_dir(folder).unwrap();
            for file in files {
                fs::write(folder.join(file), folder.to_str().unwrap()).unwrap();
            }
        }
        let transaction = Transaction::begin(root.path(), &Silent).unwrap();
        transaction.replace_one_by_one(&new, &old).unwrap();
        let mut names: Vec<_> = fs::read_dir(&old).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, ["b-primary", "repomd.xml"]);
        assert_eq!(fs::read_to_string(old.join("repomd.xml")).unwrap(), new.to_str().unwrap());
    }

    #[test]
    fn a_transaction_that_is_dropped_leaves_no_trace() {
        let root = tempfile::tempdir().unwrap();
        let mut transaction = Transaction::begin(root.path(), &Silent).unwrap();
        transaction.put(Phase::Visible, &TreePath::new("a/b").unwrap(), &Content::Bytes(b"x")).unwrap();
        drop(transaction);
        let left: Vec<_> = walkdir::WalkDir::new(root.path()).into_iter().map(|entry| entry.unwrap()).collect();
        assert_eq!(left.len(), 3, "the root, the state folder and the lock: {left:?}");
    }

    #[test]
    fn files_become_visible_in_the_order_of_their_phases() {
        struct Order(std::sync::Mutex<Vec<String>>);
        impl Listener for Order {
            fn event(&self, event: &Event<'_>) {
                if let Event::Publishing(path) = event {
                    self.0.lock().unwrap().push(path.to_string());
                }
            }
        }
        let root = tempfile::tempdir().unwrap();
        let order = Order(std::sync::Mutex::default());
        let mut transaction = Transaction::begin(root.path(), &order).unwrap();
        let phases = [
            (Phase::Visible, "InRelease"),
            (Phase::Release, "Release"),
            (Phase::Indexes, "Packages"),
            (Phase::ByHash, "by-hash/x"),
            (Phase::Packages, "pool/x.deb"),
        ];
        for (phase, path) in phases {
            transaction.put(phase, &TreePath::new(path).unwrap(), &Content::Bytes(b"x")).unwrap();
        }
        assert_eq!(transaction.commit().unwrap(), 5);
        assert_eq!(*order.0.lock().unwrap(), ["pool/x.deb", "by-hash/x", "Packages", "Release", "InRelease"]);
    }
}

//! The commit in a folder: writing aside, then renaming in the order that never breaks a reader.
//!
//! A run that is killed while it writes aside leaves the tree untouched; one that is killed while it renames leaves a
//! note, [`Pending`], of what was on its way, so that a verifier can tell the interruption from damage. The next run
//! clears the first away when it begins, and the note when it has ended well.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rustix::fs::{CWD, RenameFlags, renameat_with};

use super::generation::Published;
use super::pending::{Note, Pending};
use super::plan::{LOAD, Plan};
use super::records::Records;
use super::sync::{sync_all, sync_folders};
use super::{FileRecord, Lock, Phase, Publisher, STATE_FOLDER, journal, record};
use crate::destination::{Content, Destination as _, Folder, make_parent, write_aside};
use crate::sorted::{Sheet, Sorter};
use crate::{Checksum, Error, Event, Listener, TreePath};

/// Where files are written aside, in the state folder.
const STAGING: &str = "staging";

/// Files on their way into one folder. Dropped without [`Staging::commit`], it leaves no trace.
pub(crate) struct Staging<'a> {
    folder: &'a Folder,
    publisher: &'a Publisher<'a>,
    root: &'a Path,
    state: PathBuf,
    listener: &'a dyn Listener,
    /// Files that are going to be renamed, a line each: phase and path.
    renames: Sorter,
    exchanges: BTreeSet<TreePath>,
    /// Files of the folders that are going to be exchanged; perhaps not on disk yet, as those that are going to be renamed.
    exchanged: Vec<PathBuf>,
    /// Files that are going to be removed, unless they are needed.
    removable: Sorter,
    note: Note,
    written: usize,
    lock: Lock,
}

impl<'a> Staging<'a> {
    /// Locks the tree and clears away what a killed run left.
    pub(super) fn begin(
        folder: &'a Folder,
        publisher: &'a Publisher<'a>,
        listener: &'a dyn Listener,
    ) -> Result<Self, Error> {
        let state = folder.root().join(STATE_FOLDER);
        let lock = Lock::take(&state, publisher.wait)?;
        let staging = state.join(STAGING);
        let this = Self {
            folder,
            publisher,
            root: folder.root(),
            state,
            listener,
            renames: Sorter::new(&staging, LOAD),
            exchanges: BTreeSet::new(),
            exchanged: Vec::new(),
            removable: Sorter::new(&staging, LOAD),
            note: Note::new(&staging),
            written: 0,
            lock,
        };
        this.remove_staging()?;
        Ok(this)
    }

    /// What readers see of a repository; it stays so, since the lock is ours.
    pub(super) fn published(&self, repository: &TreePath) -> Result<Published, Error> {
        Published::find(self.folder, repository)
    }

    /// Prepares a file, unless it is in place already with the same content.
    pub(super) fn put(&mut self, phase: Phase, path: &TreePath, content: &Content<'_>) -> Result<(), Error> {
        if is_in_place(&path.under(self.root), content) {
            return Ok(());
        }
        let sha256 = write_aside(&path.under(&self.staging()), content)?;
        self.admit(phase, &FileRecord { path: path.clone(), size: content.size(), sha256 })
    }

    /// The folder that is published to.
    pub(super) fn folder(&self) -> &Folder {
        self.folder
    }

    /// Takes in a file that was written aside under its own path.
    pub(super) fn admit(&mut self, phase: Phase, file: &FileRecord) -> Result<(), Error> {
        self.note.put(file.path.as_str(), &file.sha256)?;
        self.renames.push(phase.line(&file.path))?;
        self.written += 1;
        self.listener.event(&Event::Staged(&file.path));
        Ok(())
    }

    /// Marks a file for removal.
    pub(super) fn remove(&mut self, path: &TreePath) -> Result<(), Error> {
        if path.under(self.root).is_file() { self.removable.push(path.to_string()) } else { Ok(()) }
    }

    /// Prepares a folder whose files become visible together. What else lies in it is marked for removal.
    pub(super) fn put_folder(&mut self, path: &TreePath, files: &[(String, Content<'_>)]) -> Result<(), Error> {
        let target = path.under(self.root);
        self.remove_others(path, &|_| true)?;
        let unchanged = |(name, content): &(String, Content<'_>)| is_in_place(&target.join(name), content);
        if files.iter().all(unchanged) {
            return Ok(());
        }
        let aside = self.staging().join(path.as_str());
        for (name, content) in files {
            let sha256 = write_aside(&aside.join(name), content)?;
            self.note.put(&format!("{path}/{name}"), &sha256)?;
            self.exchanged.push(aside.join(name));
            self.written += 1;
        }
        self.exchanges.insert(path.clone());
        self.listener.event(&Event::Staged(path));
        Ok(())
    }

    /// Takes a file over that lies there already.
    pub(super) fn retain(&self, file: &FileRecord) -> Result<(), Error> {
        match self.folder.stat(&file.path)? {
            Some(found) if found.size == file.size => Ok(()),
            _ => Err(Error::Gone { path: file.path.clone() }),
        }
    }

    /// Marks every file directly in `folder` for removal whose name is `stale`. What is part of the plan stays all the same.
    pub(super) fn remove_others(&mut self, folder: &TreePath, stale: &dyn Fn(&str) -> bool) -> Result<(), Error> {
        let Ok(entries) = fs::read_dir(folder.under(self.root)) else { return Ok(()) };
        for entry in entries.flatten() {
            let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
            let Ok(path) = folder.join(&entry.file_name().to_string_lossy()) else { continue };
            if is_file && stale(path.file_name()) {
                self.removable.push(path.to_string())?;
            }
        }
        Ok(())
    }

    /// Makes everything visible, phase by phase, then removes what no generation needs that stays. Gives the number of
    /// files written.
    pub(super) fn commit(mut self, plan: Plan, now: SystemTime) -> Result<usize, Error> {
        let (plan, removable) = plan.end(&self.removable.sheet()?)?;
        let records = Records::prepare(self.folder, &plan, self.publisher, removable, now)?;
        let removable = records.removable();
        // A record stands before its state does: without it, nobody would know later what belonged to that.
        for (generation, files) in records.to_write() {
            let path = generation.path()?;
            record::write(generation, files, &path.under(&self.staging()))?;
            self.renames.push(Phase::Packages.line(&path))?;
        }
        let renames = self.renames.sheet()?;
        let note = (self.written > 0 || !removable.is_empty()).then(|| self.prepare_note(removable)).transpose()?;
        let staged = Phase::of_sheet(&renames).map(|renamed| Ok(renamed?.1.under(&self.staging())));
        sync_all(staged.chain(self.exchanged.iter().cloned().chain(note.clone()).map(Ok)))?;
        self.lock.check()?;
        if let Some(note) = note {
            let path = self.state.join(Pending::FILE);
            fs::rename(&note, &path).map_err(Error::io("write", &path))?;
        }
        self.publish(&renames, removable)?;
        self.remove_stale(removable)?;
        records.remove_old(self.folder)?;
        self.remove_note()?;
        for generation in records.current() {
            journal::enter(self.folder, self.publisher, generation, &plan.workspace)
                .map_err(|source| Error::NotEntered { source: Box::new(source) })?;
        }
        Ok(self.written)
    }

    /// Renames phase by phase. A machine that loses power keeps its renames in their order, as every file system with a journal
    /// does; what makes the rest visible waits until that is on disk all the same.
    fn publish(&self, renames: &Sheet, removable: &Sheet) -> Result<(), Error> {
        let staging = self.staging();
        let mut folders = BTreeSet::new();
        let mut visible = false;
        for renamed in Phase::of_sheet(renames) {
            let (phase, path) = renamed?;
            if phase == Phase::Visible && !visible {
                visible = true;
                sync_folders(&mut folders)?;
            }
            let target = path.under(self.root);
            make_parent(&target)?;
            self.listener.event(&Event::Publishing(&path));
            fs::rename(path.under(&staging), &target).map_err(Error::io("put into place", &target))?;
            folders.extend(target.parent().map(Path::to_owned));
        }
        for path in &self.exchanges {
            sync_folders(&mut folders)?;
            self.listener.event(&Event::Publishing(path));
            self.exchange(path, removable)?;
        }
        sync_folders(&mut folders)
    }

    fn remove_stale(&self, removable: &Sheet) -> Result<(), Error> {
        for path in removable.lines() {
            let path = TreePath::new(path?)?;
            self.listener.event(&Event::Removing(&path));
            let target = path.under(self.root);
            match fs::remove_file(&target) {
                // It went with the old folder.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                other => other.map_err(Error::io("remove", &target))?,
            }
        }
        Ok(())
    }

    /// Swaps a whole folder in one step, so that `repomd.xml` and its signature change together. Where the file system
    /// cannot do that, file by file, `repomd.xml` last.
    fn exchange(&self, path: &TreePath, removable: &Sheet) -> Result<(), Error> {
        let (aside, target) = (self.staging().join(path.as_str()), path.under(self.root));
        make_parent(&target)?;
        self.keep_files(&aside, &target, path, removable)?;
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

    /// Files of the old folder that are not to be removed lie in the new one as well.
    fn keep_files(&self, aside: &Path, target: &Path, path: &TreePath, removable: &Sheet) -> Result<(), Error> {
        let mut goes = BTreeSet::new();
        for line in removable.lines() {
            let file = TreePath::new(line?)?;
            if file.is_below(path) {
                goes.insert(file);
            }
        }
        let Ok(entries) = fs::read_dir(target) else { return Ok(()) };
        for entry in entries.flatten() {
            let kept = aside.join(entry.file_name());
            let stays = path.join(&entry.file_name().to_string_lossy()).is_ok_and(|file| !goes.contains(&file));
            if stays && entry.file_type().is_ok_and(|kind| kind.is_file()) && !kept.exists() {
                let copied = fs::hard_link(entry.path(), &kept).or_else(|_| fs::copy(entry.path(), &kept).map(drop));
                copied.map_err(Error::io("keep", &kept))?;
            }
        }
        Ok(())
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

    /// Writes the note aside.
    fn prepare_note(&mut self, removable: &Sheet) -> Result<PathBuf, Error> {
        let aside = self.staging().join(Pending::FILE);
        self.note.write(&aside, removable, Pending::load(self.root).unwrap_or_default())?;
        Ok(aside)
    }

    pub(super) fn staging(&self) -> PathBuf {
        self.state.join(STAGING)
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

impl Drop for Staging<'_> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Silent;
    use crate::publish::{Keep, Transaction, test_key};

    fn publisher() -> Publisher<'static> {
        Publisher { keep: Keep::CURRENT, ..Publisher::alone(test_key(), SystemTime::UNIX_EPOCH) }
    }

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
        let (folder, publisher) = (Folder::new(root.path()), publisher());
        let staging = Staging::begin(&folder, &publisher, &Silent).unwrap();
        staging.replace_one_by_one(&new, &old).unwrap();
        let mut names: Vec<_> = fs::read_dir(&old).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, ["b-primary", "repomd.xml"]);
        assert_eq!(fs::read_to_string(old.join("repomd.xml")).unwrap(), new.to_str().unwrap());
    }

    #[test]
    fn a_transaction_that_is_dropped_leaves_no_trace() {
        let root = tempfile::tempdir().unwrap();
        let (folder, publisher) = (Folder::new(root.path()), publisher());
        let mut transaction = Transaction::begin(&folder, &publisher, &Silent).unwrap();
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
        let (folder, publisher) = (Folder::new(root.path()), publisher());
        let mut transaction = Transaction::begin(&folder, &publisher, &order).unwrap();
        let phases = [
            (Phase::Visible, "s/InRelease"),
            (Phase::Release, "s/Release"),
            (Phase::Indexes, "s/Packages"),
            (Phase::ByHash, "s/by-hash/x"),
            (Phase::Packages, "s/pool/x.deb"),
        ];
        for (phase, path) in phases {
            transaction.put(phase, &TreePath::new(path).unwrap(), &Content::Bytes(b"x")).unwrap();
        }
        assert_eq!(transaction.commit().unwrap(), 5);
        let record = ".wallarm-repo/generations/s/1.json";
        let expected = [record, "s/pool/x.deb", "s/by-hash/x", "s/Packages", "s/Release", "s/InRelease"];
        assert_eq!(*order.0.lock().unwrap(), expected);
    }
}

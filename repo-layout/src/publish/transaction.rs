//! What a build speaks to: files in, and one commit.

use std::path::PathBuf;
use std::time::SystemTime;

use super::generation::Published;
use super::plan::Plan;
use super::staging::Staging;
use super::upload::Upload;
use super::{FileRecord, Publisher};
use crate::destination::{Content, Destination, Folder};
use crate::sorted::Sheet;
use crate::{Error, Listener, TreePath};

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

/// The phases in their order, and their marks, which are in that order, too.
const PHASES: [(Phase, &str); 5] =
    [(Phase::Packages, "0"), (Phase::ByHash, "1"), (Phase::Indexes, "2"), (Phase::Release, "3"), (Phase::Visible, "4")];

impl Phase {
    /// What a line of this phase has.
    pub(super) fn mark(self) -> &'static str {
        PHASES.iter().find(|(phase, _)| *phase == self).map_or("", |(_, mark)| mark)
    }

    pub(super) fn of_mark(mark: &str) -> Option<Self> {
        PHASES.iter().find(|(_, known)| *known == mark).map(|(phase, _)| *phase)
    }

    /// A file of this phase as a line: sorted, files are in the order in which they become visible.
    pub(super) fn line(self, path: &TreePath) -> String {
        format!("{} {path}", self.mark())
    }

    fn of_line(line: &str) -> Result<(Self, TreePath), Error> {
        let parsed =
            line.split_once(' ').and_then(|(mark, path)| Some((Self::of_mark(mark)?, TreePath::new(path).ok()?)));
        parsed.ok_or_else(|| Error::State { path: line.to_owned(), source: "this is no line of a phase".into() })
    }

    /// The files of a sheet of such lines.
    pub(super) fn of_sheet(sheet: &Sheet) -> impl Iterator<Item = Result<(Self, TreePath), Error>> + use<> {
        sheet.lines().map(|line| Self::of_line(&line?))
    }
}

/// Files on their way into one tree. Dropped without [`Transaction::commit`], it leaves nothing that a reader sees.
pub(crate) struct Transaction<'a> {
    plan: Plan,
    place: Place<'a>,
}

/// How the destination is committed to.
enum Place<'a> {
    /// Under a lock, by renames.
    Folder(Box<Staging<'a>>),
    /// Without a lock, by conditional writes.
    Objects(Box<Upload<'a>>),
}

impl<'a> Transaction<'a> {
    /// Begins: a folder is locked, and cleared of what a killed run left.
    pub(crate) fn begin(
        destination: &'a dyn Destination,
        publisher: &'a Publisher<'a>,
        listener: &'a dyn Listener,
    ) -> Result<Self, Error> {
        let place = match destination.as_folder() {
            Some(folder) => Place::Folder(Box::new(Staging::begin(folder, publisher, listener)?)),
            None => Place::Objects(Box::new(Upload::begin(destination, publisher, listener)?)),
        };
        let workspace = match &place {
            Place::Folder(staging) => staging.staging(),
            Place::Objects(upload) => upload.workspace().to_owned(),
        };
        Ok(Self { plan: Plan::new(&workspace), place })
    }

    /// What readers see of a repository now. The commit holds only if that is still so by then: whoever computes the new
    /// state from the present one asks here, and computes again after [`Error::Raced`].
    pub(crate) fn published(&mut self, repository: &TreePath) -> Result<Published, Error> {
        match &mut self.place {
            Place::Folder(staging) => staging.published(repository),
            Place::Objects(upload) => upload.published(repository),
        }
    }

    /// Prepares a file, unless it is in place already with the same content.
    pub(crate) fn put(&mut self, phase: Phase, path: &TreePath, content: &Content<'_>) -> Result<(), Error> {
        self.plan.add(phase, path, content)?;
        match &mut self.place {
            Place::Folder(staging) => staging.put(phase, path, content),
            Place::Objects(upload) => upload.put(phase, path, content),
        }
    }

    /// Takes over a file of an older generation, which lies there already.
    pub(crate) fn retain(&mut self, file: &FileRecord) -> Result<(), Error> {
        self.plan.retain(file)?;
        match &mut self.place {
            Place::Folder(staging) => staging.retain(file),
            Place::Objects(upload) => upload.retain(file),
        }
    }

    /// Where files of this transaction can be written before it takes them: in a folder, the same file system.
    pub(crate) fn workspace(&self) -> PathBuf {
        match &self.place {
            Place::Folder(staging) => staging.staging(),
            Place::Objects(upload) => upload.workspace().to_owned(),
        }
    }

    /// The folder that is published to, if it is one.
    pub(crate) fn folder(&self) -> Option<&Folder> {
        match &self.place {
            Place::Folder(staging) => Some(staging.folder()),
            Place::Objects(_) => None,
        }
    }

    /// Takes a file in that was written into the [workspace](Self::workspace) of a folder, below it under its own path. It
    /// need not be on disk yet.
    pub(crate) fn admit(&mut self, phase: Phase, file: &FileRecord) -> Result<(), Error> {
        self.plan.retain(file)?;
        match &mut self.place {
            Place::Folder(staging) => staging.admit(phase, file),
            Place::Objects(_) => Err(Error::Gone { path: file.path.clone() }),
        }
    }

    /// Says that a file of a folder stays as it is: it was looked at just now.
    pub(crate) fn keep(&mut self, file: &FileRecord) -> Result<(), Error> {
        self.plan.retain(file)
    }

    /// Removes a file, unless an older generation needs it.
    pub(crate) fn remove(&mut self, path: &TreePath) -> Result<(), Error> {
        match &mut self.place {
            Place::Folder(staging) => staging.remove(path),
            Place::Objects(_) => Ok(()),
        }
    }

    /// Prepares a folder whose files become visible together, unless it holds exactly these files already.
    ///
    /// Whatever else lies in the folder goes, unless an older generation that stays needs it.
    pub(crate) fn put_folder(&mut self, path: &TreePath, files: &[(String, Content<'_>)]) -> Result<(), Error> {
        for (name, content) in files {
            self.plan.add(Phase::Visible, &path.join(name)?, content)?;
        }
        match &mut self.place {
            Place::Folder(staging) => staging.put_folder(path, files),
            Place::Objects(upload) => upload.put_folder(path, files),
        }
    }

    /// Marks every file directly in `folder` for removal that is no part of this transaction, if its name is `stale`.
    /// Those that an older generation needs stay. In object storage nothing is removed by a publisher, but by `prune`.
    pub(crate) fn remove_others(&mut self, folder: &TreePath, stale: impl Fn(&str) -> bool) -> Result<(), Error> {
        match &mut self.place {
            Place::Folder(staging) => staging.remove_others(folder, &stale),
            Place::Objects(_) => Ok(()),
        }
    }

    /// Makes everything visible. Gives the number of files written.
    pub(crate) fn commit(self) -> Result<usize, Error> {
        match self.place {
            Place::Folder(staging) => staging.commit(self.plan, SystemTime::now()),
            Place::Objects(upload) => upload.commit(self.plan),
        }
    }
}

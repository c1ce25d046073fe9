//! Sending what is named for good to object storage, unless it is there: packages, and indexes by their digest.

use std::time::{Duration, SystemTime};

use super::condemned::HALF;
use super::generation::{self, Published};
use super::plan::LOAD;
use super::stored::{Named, There};
use super::upload::Round;
use super::{FileRecord, Phase, STATE_FOLDER};
use crate::destination::Condition;
use crate::sorted::{Keyed, Sorter, join};
use crate::{Error, Event, Sha256Hex, TreePath, pool};

/// Uploads at a time: they wait for the network more than for the processor.
const UPLOADS: usize = 8;

/// Packages that are sent together: many more than are sent at a time, and few to hold in memory.
const TOGETHER: usize = 256;

/// A file that is named for good, and what is there under its name.
struct Found {
    file: Named,
    there: Option<There>,
    /// Whether the state that this one replaces has it.
    is_used: bool,
}

impl Found {
    /// Whether there is nothing to do about it.
    fn is_settled(&self) -> bool {
        self.is_used && self.there.as_ref().is_some_and(|there| there.size == self.file.stored.size())
    }
}

impl Keyed for Found {
    fn key(&self) -> &str {
        self.file.path.as_str()
    }
}

impl Round<'_> {
    /// Sends what is named for good, and is not there yet: packages, and indexes by their digest. Packages first: an index that is
    /// there already should not refer to one that is still missing.
    pub(super) fn send(&self, seen: &Published, now: SystemTime) -> Result<(), Error> {
        let destination = self.upload.destination;
        let mut there = Sorter::new(self.upload.workspace(), LOAD);
        destination.each(&self.part.repository, &mut |listed| there.push(There::line(&listed)))?;
        let there = there.sheet()?.lines().map(|line| There::of_line(&line?));
        let used = seen.generation.as_ref().map(|old| old.files(destination)).transpose()?;
        let (mut packages, mut indexes) = (Vec::new(), Vec::new());
        for found in self.found(there, used.into_iter().flatten()) {
            let found = found?;
            if found.is_settled() {
                continue;
            }
            if found.file.phase > Phase::Packages {
                indexes.push(found);
                continue;
            }
            packages.push(found);
            if packages.len() == TOGETHER {
                self.send_all(&packages, now)?;
                packages.clear();
            }
        }
        self.send_all(&packages, now)?;
        indexes.sort_by_key(|found| found.file.phase);
        self.send_all(&indexes, now)
    }

    /// The files of this repository that are named for good, with what is there of them and with what is `used`.
    fn found(
        &self,
        there: impl Iterator<Item = Result<There, Error>>,
        used: impl Iterator<Item = Result<FileRecord, Error>>,
    ) -> impl Iterator<Item = Result<Found, Error>> {
        let mine = self.named.lines().map(|line| Named::of_line(&line?, &self.upload.bytes));
        let is_mine = |file: &Named| self.plan.repository_of(&file.path) == Some(&self.part.repository);
        let mine = mine.filter(move |file| file.as_ref().map_or(true, is_mine));
        let with_there = join(mine, there).filter_map(|pair| match pair {
            Ok((Some(file), there)) => Some(Ok(Found { file, there, is_used: false })),
            Ok((None, _)) => None,
            Err(error) => Some(Err(error)),
        });
        join(with_there, used).filter_map(|pair| match pair {
            Ok((Some(found), used)) => {
                let is_used = used.is_some_and(|used| used.sha256 == *found.file.stored.sha256());
                Some(Ok(Found { is_used, ..found }))
            }
            Ok((None, _)) => None,
            Err(error) => Some(Err(error)),
        })
    }

    fn send_all(&self, files: &[Found], now: SystemTime) -> Result<(), Error> {
        pool::on_threads(UPLOADS, files, |Found { file: Named { path, stored, .. }, there, .. }| {
            let (size, sha256) = (stored.size(), stored.sha256());
            let Some(content) = stored.content() else { return self.refresh(path, sha256, now) };
            match there {
                Some(there) if there.size == size && self.is_left_over(path, sha256, now)? => return Ok(()),
                Some(_) => self.check_replaced(path, sha256)?,
                None => {}
            }
            self.upload.write(path, &content, &Condition::Always)?;
            self.upload.listener.event(&Event::Staged(path));
            Ok::<(), Error>(())
        })?;
        Ok(())
    }

    /// Whether a file that nothing refers to is what a killed run, or a lost race, has sent not long ago.
    fn is_left_over(&self, path: &TreePath, sha256: &Sha256Hex, now: SystemTime) -> Result<bool, Error> {
        let stat = self.upload.destination.stat(path)?;
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
        let destination = self.upload.destination;
        for generation in generation::read_all(destination, &self.part.repository)?.values() {
            for file in generation.files_if_any(destination)?.into_iter().flatten() {
                let file = file?;
                if file.path == *path && file.sha256 != *sha256 {
                    let (published, given) = (file.sha256, sha256.clone());
                    return Err(Error::Replaced { path: path.clone(), published, given });
                }
            }
        }
        Ok(())
    }
}

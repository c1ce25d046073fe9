//! What a transaction is going to publish, repository by repository.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use signing::UtcTime;

use super::generation::{Generation, Published};
use super::{FileRecord, Phase, Publisher};
use crate::destination::{Content, headers};
use crate::{Error, Sha256Hex, TreePath};

/// Every file of a transaction.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    files: BTreeMap<TreePath, FileRecord>,
    drafts: BTreeMap<TreePath, Draft>,
}

/// A repository of a transaction.
#[derive(Debug, Clone, Default)]
pub(crate) struct Draft {
    /// The file that makes it visible.
    entry: Option<TreePath>,
    /// What was signed.
    statement: String,
    /// The signature beside it, where that is the last to change.
    signature: Option<String>,
}

impl Plan {
    /// Takes a file up; an error when there is one of that name.
    pub(crate) fn add(&mut self, phase: Phase, path: &TreePath, content: &Content<'_>) -> Result<(), Error> {
        let record = FileRecord { path: path.clone(), size: content.size(), sha256: content.sha256() };
        if self.files.insert(path.clone(), record).is_some() {
            return Err(Error::Overlap { path: path.clone() });
        }
        let (Some(folder), Content::Bytes(bytes)) = (path.parent(), content) else { return Ok(()) };
        let text = || String::from_utf8_lossy(bytes).into_owned();
        match (phase, path.file_name()) {
            (Phase::Release, "Release") => self.drafts.entry(folder).or_default().statement = text(),
            (Phase::Visible, "InRelease") => self.drafts.entry(folder).or_default().entry = Some(path.clone()),
            (Phase::Visible, "repomd.xml") => {
                let draft = self.drafts.entry(folder.parent().unwrap_or(folder)).or_default();
                (draft.entry, draft.statement) = (Some(path.clone()), text());
            }
            (Phase::Visible, "repomd.xml.asc") => {
                self.drafts.entry(folder.parent().unwrap_or(folder)).or_default().signature = Some(text());
            }
            _ => {}
        }
        Ok(())
    }

    /// Takes a file up that lies there already.
    pub(crate) fn retain(&mut self, file: &FileRecord) -> Result<(), Error> {
        match self.files.insert(file.path.clone(), file.clone()) {
            None => Ok(()),
            Some(_) => Err(Error::Overlap { path: file.path.clone() }),
        }
    }

    /// Whether a file is part of it.
    pub(crate) fn holds(&self, path: &TreePath) -> bool {
        self.files.contains_key(path)
    }

    /// The entry point of each repository.
    pub(crate) fn repositories(&self) -> impl Iterator<Item = (&TreePath, &TreePath)> {
        self.drafts.iter().filter_map(|(repository, draft)| Some((repository, draft.entry.as_ref()?)))
    }

    /// The repository that a file belongs to; `None` for those at the root of the tree.
    pub(crate) fn repository_of(&self, path: &TreePath) -> Option<&TreePath> {
        self.repositories()
            .map(|(repository, _)| repository)
            .filter(|one| path.is_below(one))
            .max_by_key(|one| one.as_str().len())
    }

    /// The generation that a repository is going to be, to replace `published`.
    pub(crate) fn generation(
        &self,
        repository: &TreePath,
        number: u64,
        published: &Published,
        publisher: &Publisher<'_>,
        now: SystemTime,
    ) -> Option<Generation> {
        let draft = self.drafts.get(repository)?;
        let entry = self.files.get(draft.entry.as_ref()?)?.clone();
        let inside = self.files.values().filter(|file| self.repository_of(&file.path) == Some(repository));
        Some(Generation {
            repository: repository.clone(),
            number,
            parent: published.generation.as_ref().map(|generation| generation.number),
            published: UtcTime::from(now).seconds(),
            dated: UtcTime::from(publisher.when).seconds(),
            publisher: publisher.name.clone(),
            statement: draft.statement.clone(),
            signature: draft.signature.clone(),
            files: inside.filter(|file| file.path != entry.path).cloned().collect(),
            entry,
        })
    }

    /// The digest that a file is going to have.
    pub(crate) fn sha256(&self, path: &TreePath) -> Option<&Sha256Hex> {
        self.files.get(path).map(|file| &file.sha256)
    }

    /// A file of `generation` which this plan would replace by another one of the same name, although its name promises
    /// that it never changes.
    pub(crate) fn replaces<'g>(&self, generation: &'g Generation) -> Option<&'g FileRecord> {
        let differs = |file: &&FileRecord| self.sha256(&file.path).is_some_and(|new| *new != file.sha256);
        generation.files.iter().filter(|file| is_immutable(&file.path)).find(differs)
    }
}

/// Refuses what would turn back time: apt keeps the newer `Release` and says nothing.
pub(crate) fn check_date(new: &Generation, published: &Published) -> Result<(), Error> {
    match &published.generation {
        Some(old) if new.dated < old.dated => Err(Error::Backwards {
            repository: new.repository.clone(),
            published: date(old.dated),
            given: date(new.dated),
        }),
        _ => Ok(()),
    }
}

fn date(seconds: u64) -> String {
    UtcTime::from(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)).release_date()
}

/// Whether a file of this name never changes.
pub(crate) fn is_immutable(path: &TreePath) -> bool {
    headers(path).cache_control.contains("immutable")
}

//! The record of each state that was published: which files, when, by whom, in place of which.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::record::{self, Files};
use super::{FileRecord, STATE_FOLDER};
use crate::destination::{Destination, Versioned};
use crate::{Error, Sha256Hex, TreePath};

/// One state of one repository.
///
/// Which generation is the current one is nowhere written down: it is the one whose entry point lies in the tree. So a
/// record can be written before its state is published, and one whose publisher was killed in between does no harm.
///
/// Its [files](Generation::files) stay where they are on record: there may be more of them than memory should hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Generation {
    /// The suite's or repository's folder.
    pub repository: TreePath,
    /// Counts up from 1; numbers of attempts that came to nothing are missing.
    pub number: u64,
    /// The generation that this one replaced.
    pub parent: Option<u64>,
    /// When it was published, in Unix seconds by the destination's clock.
    pub published: u64,
    /// The date in its indexes, in Unix seconds.
    pub dated: u64,
    /// Who published it.
    pub publisher: String,
    /// The file that makes it visible: `InRelease` or `repomd.xml`.
    pub entry: FileRecord,
    /// What was signed: `Release` or `repomd.xml`.
    pub statement: String,
    /// Its signature, where that lies in a file which changes after the entry point: `repomd.xml.asc`. A publisher that is killed between
    /// the two leaves it to the next one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
}

/// `InRelease` of an apt suite.
const APT_ENTRY: &str = "InRelease";

/// `repomd.xml` of a yum repository.
const YUM_ENTRY: &str = "repodata/repomd.xml";

impl Generation {
    /// Where its record lies.
    pub(crate) fn record(repository: &TreePath, number: u64) -> Result<TreePath, Error> {
        folder(repository)?.join(&format!("{number}.json"))
    }

    /// Where this one's record lies.
    pub(crate) fn path(&self) -> Result<TreePath, Error> {
        Self::record(&self.repository, self.number)
    }

    /// Every file but the entry point, by path, as they are on record at the destination.
    ///
    /// # Errors
    /// [`Error::Gone`] when the record was removed meanwhile; those of the destination.
    pub fn files(&self, destination: &dyn Destination) -> Result<Files, Error> {
        self.files_if_any(destination)?.ok_or(Error::Gone { path: self.path()? })
    }

    /// The same; `None` when the record was removed meanwhile.
    pub(crate) fn files_if_any(&self, destination: &dyn Destination) -> Result<Option<Files>, Error> {
        let found = record::files(destination, &self.path()?)?;
        Ok(found.filter(|(head, _)| head == self).map(|(_, files)| files))
    }

    /// Whether the entry point is an apt suite's.
    #[must_use]
    pub fn is_apt(&self) -> bool {
        self.entry.path.file_name() == APT_ENTRY
    }
}

/// Where the records of a repository lie.
pub(crate) fn folder(repository: &TreePath) -> Result<TreePath, Error> {
    TreePath::new(format!("{STATE_FOLDER}/generations/{repository}"))
}

/// Numbers of the records of a repository.
pub(crate) fn numbers(destination: &dyn Destination, repository: &TreePath) -> Result<BTreeSet<u64>, Error> {
    let folder = folder(repository)?;
    let listed = destination.list(&folder)?;
    // A repository may lie below another one: only what is directly here counts.
    let direct = listed.iter().filter(|one| one.path.parent().as_ref() == Some(&folder));
    Ok(direct.filter_map(|one| number_of(&one.path)).collect())
}

fn number_of(path: &TreePath) -> Option<u64> {
    path.file_name().strip_suffix(".json")?.parse().ok()
}

/// Every repository that has records.
pub(crate) fn repositories(destination: &dyn Destination) -> Result<BTreeSet<TreePath>, Error> {
    let top = TreePath::new(format!("{STATE_FOLDER}/generations"))?;
    let below = |one: &TreePath| {
        let path = one.parent()?.as_str().strip_prefix(top.as_str())?.strip_prefix('/')?.to_owned();
        number_of(one).and_then(|_| TreePath::new(path).ok())
    };
    Ok(destination.list(&top)?.iter().filter_map(|one| below(&one.path)).collect())
}

/// Reads one record; `None` when it has been removed meanwhile.
pub(crate) fn read(
    destination: &dyn Destination,
    repository: &TreePath,
    number: u64,
) -> Result<Option<Generation>, Error> {
    let path = Generation::record(repository, number)?;
    record::head(destination, &path)
}

/// Every record of a repository.
pub(crate) fn read_all(
    destination: &dyn Destination,
    repository: &TreePath,
) -> Result<BTreeMap<u64, Generation>, Error> {
    let mut records = BTreeMap::new();
    for number in numbers(destination, repository)? {
        if let Some(generation) = read(destination, repository, number)? {
            records.insert(number, generation);
        }
    }
    Ok(records)
}

/// The generation of a repository that readers see; `None` when nothing is published there, or nothing is on record.
///
/// # Errors
/// Those of the destination.
pub fn published(destination: &dyn Destination, repository: &TreePath) -> Result<Option<Generation>, Error> {
    Ok(Published::find(destination, repository)?.generation)
}

/// What readers see of a repository right now.
#[derive(Debug, Clone)]
pub(crate) struct Published {
    /// The entry point; `None` when there is none.
    pub(crate) entry: Option<Versioned>,
    /// Its generation; `None` also for what was published before there were records.
    pub(crate) generation: Option<Generation>,
}

impl Published {
    /// Reads the entry point, then the record that belongs to it: the newest, should several fit.
    pub(crate) fn read(destination: &dyn Destination, repository: &TreePath, entry: &TreePath) -> Result<Self, Error> {
        let entry = destination.read(entry)?;
        let Some(seen) = &entry else { return Ok(Self { entry, generation: None }) };
        let digest = Sha256Hex::of(&seen.bytes);
        for number in numbers(destination, repository)?.into_iter().rev() {
            let record = read(destination, repository, number)?;
            if let Some(generation) = record.filter(|record| record.entry.sha256 == digest) {
                return Ok(Self { entry, generation: Some(generation) });
            }
        }
        Ok(Self { entry, generation: None })
    }

    /// As [`Published::read`], for a repository of either kind.
    pub(crate) fn find(destination: &dyn Destination, repository: &TreePath) -> Result<Self, Error> {
        for entry in [APT_ENTRY, YUM_ENTRY] {
            let found = Self::read(destination, repository, &repository.join(entry)?)?;
            if found.entry.is_some() {
                return Ok(found);
            }
        }
        Ok(Self { entry: None, generation: None })
    }
}

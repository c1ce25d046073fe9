//! Generations that were given a name, and stay until the name goes.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::STATE_FOLDER;
use super::generation::{self, Published};
use crate::destination::{Condition, Content, Destination};
use crate::{Error, TreePath};

/// One state of a whole tree under a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Snapshot {
    /// What people call it.
    pub name: String,
    /// The generation of each repository.
    pub generations: BTreeMap<TreePath, u64>,
}

/// Gives the generations that readers see now a name.
///
/// # Errors
/// [`Error::State`] when the name is taken, or no name; those of the destination.
pub fn snapshot(destination: &dyn Destination, name: &str) -> Result<Snapshot, Error> {
    let path = path(name)?;
    let mut generations = BTreeMap::new();
    for repository in generation::repositories(destination)? {
        if let Some(current) = Published::find(destination, &repository)?.generation {
            generations.insert(repository, current.number);
        }
    }
    let snapshot = Snapshot { name: name.to_owned(), generations };
    let bytes = serde_json::to_vec_pretty(&snapshot)
        .map_err(|source| Error::State { path: path.to_string(), source: source.into() })?;
    match destination.put(&path, &Content::Bytes(&bytes), &Condition::Absent)? {
        Some(_) => Ok(snapshot),
        None => Err(Error::State { path: path.to_string(), source: "there is a snapshot of that name".into() }),
    }
}

/// Every snapshot, by name.
///
/// # Errors
/// [`Error::State`] for one that cannot be understood; those of the destination.
pub fn snapshots(destination: &dyn Destination) -> Result<Vec<Snapshot>, Error> {
    let mut snapshots = Vec::new();
    for listed in destination.list(&folder()?)? {
        if let Some(found) = destination.read(&listed.path)? {
            let snapshot = serde_json::from_slice(&found.bytes);
            snapshots.push(
                snapshot.map_err(|source| Error::State { path: listed.path.to_string(), source: source.into() })?,
            );
        }
    }
    Ok(snapshots)
}

/// Numbers of a repository's generations that have a name.
pub(crate) fn pinned(destination: &dyn Destination, repository: &TreePath) -> Result<BTreeSet<u64>, Error> {
    Ok(snapshots(destination)?.iter().filter_map(|one| one.generations.get(repository).copied()).collect())
}

fn folder() -> Result<TreePath, Error> {
    TreePath::new(format!("{STATE_FOLDER}/snapshots"))
}

fn path(name: &str) -> Result<TreePath, Error> {
    if name.contains('/') {
        return Err(Error::TreePath { path: name.to_owned() });
    }
    folder()?.join(&format!("{name}.json"))
}

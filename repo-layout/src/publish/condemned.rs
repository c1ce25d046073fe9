//! Files that a prune is about to remove from object storage, where nothing can be locked.
//!
//! The list says until when the prune may remove them. A publisher that wants to use a file which lies there unused
//! looks at the list after it has made up its mind, and waits while the file is on it; the prune looks at the file after
//! it has put it on the list, and spares one that was written meanwhile. Whoever is second sees the other.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use signing::UtcTime;

use super::{FileRecord, STATE_FOLDER};
use crate::destination::{Condition, Content, Destination, Tag};
use crate::{Error, TreePath};

/// A file that nothing refers to is removed this long after it was written at the earliest: until then it may belong to
/// a publisher who is still at work.
pub(super) const GRACE: Duration = Duration::from_secs(86_400);

/// A publisher that takes longer than this from its first look to its commit begins anew, and so does one that finds a
/// file of this age which nothing refers to: it sends it again.
pub(super) const HALF: Duration = Duration::from_secs(43_200);

/// How long one prune may take, request for request. Should it be killed, publishers wait for so long at most.
const LEASE: Duration = Duration::from_secs(600);

/// No removal is begun so shortly before the lease ends: a request may take its time.
const MARGIN: Duration = Duration::from_secs(180);

/// What is on the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    /// In Unix seconds by the destination's clock.
    until: u64,
    files: BTreeSet<TreePath>,
}

fn path() -> Result<TreePath, Error> {
    TreePath::new(format!("{STATE_FOLDER}/condemned.json"))
}

fn read(destination: &dyn Destination) -> Result<Option<(List, Tag)>, Error> {
    let path = path()?;
    let Some(found) = destination.read(&path)? else { return Ok(None) };
    let list = serde_json::from_slice(&found.bytes)
        .map_err(|source| Error::State { path: path.to_string(), source: source.into() })?;
    Ok(Some((list, found.tag)))
}

/// Whether a prune may be removing one of these files right now.
pub(super) fn concerns(
    destination: &dyn Destination,
    files: impl Iterator<Item = Result<FileRecord, Error>>,
) -> Result<bool, Error> {
    let Some((list, _)) = read(destination)?.filter(|(list, _)| !list.files.is_empty()) else { return Ok(false) };
    for file in files {
        if list.files.contains(&file?.path) {
            return Ok(UtcTime::from(destination.now()?).seconds() <= list.until);
        }
    }
    Ok(false)
}

/// The right to remove what is on the list.
pub(super) struct Lease<'a> {
    destination: &'a dyn Destination,
    tag: Tag,
    /// When the right ends by this machine's clock, which need not be right, only steady.
    begun: std::time::Instant,
}

impl<'a> Lease<'a> {
    /// Puts files on the list; an error when another prune is at work.
    pub(super) fn take(destination: &'a dyn Destination, files: BTreeSet<TreePath>) -> Result<Self, Error> {
        let (begun, now) = (std::time::Instant::now(), destination.now()?);
        let before = read(destination)?;
        let busy = |path| Error::State { path, source: "another prune is at work; wait until it is done".into() };
        if before.as_ref().is_some_and(|(list, _)| UtcTime::from(now).seconds() <= list.until) {
            return Err(busy(path()?.to_string()));
        }
        let list = List { until: seconds(now + LEASE), files };
        let bytes = serde_json::to_vec(&list)
            .map_err(|source| Error::State { path: STATE_FOLDER.to_owned(), source: source.into() })?;
        let condition = Condition::still(before.as_ref().map(|(_, tag)| tag));
        match destination.put(&path()?, &Content::Bytes(&bytes), &condition)? {
            Some(tag) => Ok(Self { destination, tag, begun }),
            None => Err(busy(path()?.to_string())),
        }
    }

    /// Whether there is time for another removal.
    pub(super) fn holds(&self) -> bool {
        self.begun.elapsed() + MARGIN < LEASE
    }

    /// Empties the list: nothing is removed any more.
    pub(super) fn end(self) -> Result<(), Error> {
        let bytes = br#"{"until":0,"files":[]}"#;
        let condition = Condition::Unchanged(self.tag);
        self.destination.put(&path()?, &Content::Bytes(bytes), &condition).map(drop)
    }
}

fn seconds(time: SystemTime) -> u64 {
    UtcTime::from(time).seconds()
}

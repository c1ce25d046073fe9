//! Removing what no generation needs that stays.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime};

use serde::Serialize;
use signing::UtcTime;

use super::condemned::{GRACE, Lease};
use super::generation::{self, Generation, Published};
use super::keep::lineage;
use super::plan::{LOAD, is_immutable};
use super::{Keep, Lock, STATE_FOLDER, snapshot};
use crate::destination::{Destination, Listed};
use crate::sorted::{Sheet, Sieve, Sorter};
use crate::{Error, Event, Listener, TreePath};

/// What goes, or would go.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Pruned {
    /// Generations, by repository and number.
    pub generations: Vec<(TreePath, u64)>,
    /// Files.
    pub files: Vec<TreePath>,
    /// Bytes of those files.
    pub bytes: u64,
}

/// Removes the generations that `keep` does not name, and then every file that no generation refers to any more.
///
/// Killed at any moment, it leaves records or files that the next one removes. In a folder it has the lock; in object
/// storage publishers go on meanwhile, and what was written within a day stays.
///
/// # Errors
/// Those of the destination; [`Error::Locked`] or [`Error::State`] while others are at work.
pub fn prune(
    destination: &dyn Destination,
    keep: Keep,
    wait: Duration,
    dry_run: bool,
    listener: &dyn Listener,
) -> Result<Pruned, Error> {
    match destination.as_folder() {
        Some(folder) => {
            let _lock = Lock::take(&folder.root().join(STATE_FOLDER), wait)?;
            let pruned = choose(destination, keep, Duration::ZERO)?;
            if !dry_run {
                remove(destination, &pruned, listener, || true, |_| Ok(true))?;
            }
            Ok(pruned)
        }
        None => {
            let pruned = choose(destination, keep, GRACE)?;
            if !dry_run {
                remove_from_objects(destination, &pruned, listener)?;
            }
            Ok(pruned)
        }
    }
}

/// What nothing needs and nobody has touched within `grace`.
fn choose(destination: &dyn Destination, keep: Keep, grace: Duration) -> Result<Pruned, Error> {
    let now = destination.now()?;
    let repositories = generation::repositories(destination)?;
    let workspace = tempfile::tempdir().map_err(Error::io("make a folder in", &std::env::temp_dir()))?;
    let mut pruned = Pruned::default();
    for repository in &repositories {
        let published = Published::find(destination, repository)?;
        let records = generation::read_all(destination, repository)?;
        // What readers see is in no record: nobody can tell what belongs to it.
        let Some(current) = published.generation else { continue };
        let stays = stays(&records, &current, keep, &snapshot::pinned(destination, repository)?, now, grace);
        let gone = records.keys().filter(|number| !stays.contains(number));
        pruned.generations.extend(gone.map(|number| (repository.clone(), *number)));
        let mut there = Sorter::new(workspace.path(), LOAD);
        destination.each(repository, &mut |file| {
            let owner = repositories.iter().filter(|one| file.path.is_below(one)).max_by_key(|one| one.as_str().len());
            let old = is_older(&file, now, grace);
            let removable = owner == Some(repository) && old && is_immutable(&file.path);
            if removable { there.push(format!("{} {}", file.path, file.size)) } else { Ok(()) }
        })?;
        let mut unneeded = there.sheet()?;
        for number in &stays {
            let generation = records.get(number).unwrap_or(&current);
            unneeded = without(&unneeded, destination, generation)?;
        }
        for line in unneeded.lines() {
            let line = line?;
            let (path, size) = line.split_once(' ').unwrap_or((&line, ""));
            pruned.bytes += size.parse::<u64>().unwrap_or(0);
            pruned.files.push(TreePath::new(path)?);
        }
    }
    Ok(pruned)
}

/// What is left without the files of a generation.
fn without(files: &Sheet, destination: &dyn Destination, generation: &Generation) -> Result<Sheet, Error> {
    let meanwhile = || Error::State {
        path: format!("{}, generation {}", generation.repository, generation.number),
        source: "another prune has removed its record meanwhile; prune again".into(),
    };
    let mut left = Sieve::new(files)?;
    for file in generation.files_if_any(destination)?.ok_or_else(meanwhile)? {
        left.meet(file?.path.as_str())?;
    }
    left.finish()
}

fn is_older(file: &Listed, now: SystemTime, grace: Duration) -> bool {
    grace.is_zero() || now.duration_since(file.modified).is_ok_and(|age| age > grace)
}

/// Numbers of the records that stay: what is kept, and young attempts that may yet come to something.
fn stays(
    records: &BTreeMap<u64, Generation>,
    current: &Generation,
    keep: Keep,
    pinned: &BTreeSet<u64>,
    now: SystemTime,
    grace: Duration,
) -> BTreeSet<u64> {
    let mut stays = keep.choose(records, current.number, pinned, now);
    let published: BTreeSet<u64> = lineage(records, current.number).map(|one| one.number).collect();
    let now = UtcTime::from(now).seconds();
    let young = |one: &&Generation| one.published + grace.as_secs() > now;
    let attempts = records.values().filter(|one| !published.contains(&one.number));
    stays.extend(attempts.filter(young).map(|one| one.number));
    stays.insert(current.number);
    stays
}

/// Records first: a generation that has lost a file is none.
fn remove(
    destination: &dyn Destination,
    pruned: &Pruned,
    listener: &dyn Listener,
    has_time: impl Fn() -> bool,
    may: impl Fn(&TreePath) -> Result<bool, Error>,
) -> Result<(), Error> {
    for (repository, number) in &pruned.generations {
        destination.remove(&Generation::record(repository, *number)?)?;
    }
    for path in &pruned.files {
        if !has_time() {
            break;
        }
        if may(path)? {
            listener.event(&Event::Removing(path));
            destination.remove(path)?;
        }
    }
    Ok(())
}

/// See [`super::condemned`].
fn remove_from_objects(destination: &dyn Destination, pruned: &Pruned, listener: &dyn Listener) -> Result<(), Error> {
    if pruned.files.is_empty() && pruned.generations.is_empty() {
        return Ok(());
    }
    let lease = Lease::take(destination, pruned.files.iter().cloned().collect())?;
    // A publisher may have come to need any of them since they were chosen; it is on record then, or has sent them again.
    let needed = needed_now(destination, &pruned.files)?;
    let now = destination.now()?;
    let untouched = |path: &TreePath| {
        let old = |modified| now.duration_since(modified).is_ok_and(|age| age > GRACE);
        Ok(!needed.contains(path) && destination.stat(path)?.is_some_and(|stat| old(stat.modified)))
    };
    remove(destination, pruned, listener, || lease.holds(), untouched)?;
    lease.end()
}

/// Those of the files that the current generations refer to.
fn needed_now(destination: &dyn Destination, files: &[TreePath]) -> Result<BTreeSet<TreePath>, Error> {
    let files: BTreeSet<&TreePath> = files.iter().collect();
    let mut needed = BTreeSet::new();
    for repository in generation::repositories(destination)? {
        let current = Published::find(destination, &repository)?.generation;
        let Some(current) = current.map(|current| current.files(destination)).transpose()? else { continue };
        for file in current {
            needed.extend(Some(file?.path).filter(|path| files.contains(path)));
        }
    }
    Ok(needed)
}

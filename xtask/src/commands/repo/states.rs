//! `cargo xtask repo snapshot`, `rollback`, `prune` and `log`: older states, and who made them.

use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use anyhow::{Result, bail};
use repo_layout::{Change, Keep, Selection, Silent, TreePath};

use super::pages::front_of;
use super::site::whole_site;
use super::target::{Target, caches};
use crate::channel::Channel;
use crate::guide;
use crate::report;
use crate::session::Session;

const DAY: Duration = Duration::from_secs(86_400);

/// Names the present state, or lists what has a name.
pub fn snapshot(name: Option<&str>, target: &Target, session: &Session) -> Result<ExitCode> {
    let snapshots = match name {
        Some(name) => vec![repo_layout::snapshot(target.destination.as_ref(), name)?],
        None => repo_layout::snapshots(target.destination.as_ref())?,
    };
    if session.json {
        report::json(&snapshots)?;
        return Ok(ExitCode::SUCCESS);
    }
    let rows: Vec<_> = snapshots
        .iter()
        .flat_map(|one| one.generations.iter().map(|(path, number)| (one.name.clone(), path, number)))
        .map(|(name, path, number)| [name, path.to_string(), number.to_string()])
        .collect();
    report::table(["Snapshot", "Repository", "Generation"], &rows);
    Ok(ExitCode::SUCCESS)
}

/// Publishes an older state again, with the pages that belong to it.
pub fn rollback(
    state: Option<&str>,
    distros: &[String],
    channel: &Channel,
    dry_run: bool,
    target: &Target,
    session: &Session,
) -> Result<ExitCode> {
    let matrix = session.matrix()?;
    let line = channel.line(&session.version()?.line());
    let mut repositories: Vec<TreePath> = Vec::new();
    for name in distros {
        repositories.extend(guide::repositories(matrix.get(name)?, &line)?);
    }
    let to = match state.map(|state| (state, state.parse())) {
        None => repo_layout::Target::Previous,
        Some((_, Ok(number))) => repo_layout::Target::Number(number),
        Some((name, Err(_))) => repo_layout::Target::Snapshot(name.to_owned()),
    };
    let caches = caches(session);
    // Clients ignore what is older than what they have: this is published now, whatever the commit's time.
    let publisher = target.publisher(&caches, SystemTime::now());
    let done = repo_layout::rollback(target.destination.as_ref(), &publisher, &repositories, &to, dry_run, &Silent)?;
    if !dry_run && !done.is_empty() {
        let changed: Vec<TreePath> = done.iter().map(|one| one.repository.clone()).collect();
        write_pages(&changed, channel, target, session)?;
    }
    if session.json {
        report::json(&done)?;
        return Ok(ExitCode::SUCCESS);
    }
    let rows: Vec<_> =
        done.iter().map(|one| [one.repository.to_string(), one.from.to_string(), one.to.to_string()]).collect();
    report::table(["Repository", "From generation", "Back to"], &rows);
    Ok(ExitCode::SUCCESS)
}

/// The pages of repositories that went back; those of other channels come with their next publication.
fn write_pages(changed: &[TreePath], channel: &Channel, target: &Target, session: &Session) -> Result<()> {
    let mut site = whole_site(channel, session, |_| Ok(Selection::Change(Change::default())))?;
    site.suites.retain(|suite| suite.folder().is_ok_and(|folder| changed.contains(&folder)));
    site.yum.retain(|one| changed.contains(&one.path));
    site.front = Some(front_of(target, &[], None, session)?);
    let caches = caches(session);
    let publisher = target.publisher(&caches, SystemTime::now());
    repo_layout::publish(&site, target.destination.as_ref(), &publisher, &Silent)?;
    Ok(())
}

/// Removes older states.
pub fn prune(keep: usize, days: u64, dry_run: bool, target: &Target, session: &Session) -> Result<ExitCode> {
    if keep == 0 {
        bail!("the present state always stays: --keep 1 keeps nothing but that");
    }
    let keep = Keep { generations: keep, younger_than: DAY * u32::try_from(days)? };
    let wait = Duration::from_secs(600);
    let pruned = repo_layout::prune(target.destination.as_ref(), keep, wait, dry_run, &Silent)?;
    if session.json {
        report::json(&pruned)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut rows: Vec<_> =
        pruned.generations.iter().map(|(path, number)| [path.to_string(), format!("generation {number}")]).collect();
    rows.extend(pruned.files.iter().map(|file| [file.to_string(), "file".to_owned()]));
    report::table(["Path", "What"], &rows);
    let (files, size) = (pruned.files.len(), report::bytes(pruned.bytes));
    report::line(&format!("{files} files, {size}{}", if dry_run { " would go" } else { " are gone" }));
    Ok(ExitCode::SUCCESS)
}

/// Tells who published what.
pub fn log(verify: bool, target: &Target, session: &Session) -> Result<ExitCode> {
    let keys = verify.then(|| target.signer.keyring());
    let journal = repo_layout::journal(target.destination.as_ref(), keys, SystemTime::now())?;
    let status = if verify && !journal.faults.is_empty() { ExitCode::FAILURE } else { ExitCode::SUCCESS };
    if session.json {
        report::json(&journal)?;
        return Ok(status);
    }
    let time = |seconds| signing::UtcTime::from(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)).release_date();
    let rows: Vec<_> = journal
        .entries
        .iter()
        .map(|entry| {
            let changes = format!("+{} −{}", entry.added.len(), entry.removed.len());
            [
                entry.number.to_string(),
                time(entry.time),
                entry.publisher.clone(),
                entry.repository.to_string(),
                entry.generation.to_string(),
                changes,
            ]
        })
        .collect();
    report::table(["Entry", "Time", "Publisher", "Repository", "Generation", "Packages"], &rows);
    for fault in &journal.faults {
        report::aside(&format!("error: {fault}"));
    }
    Ok(status)
}

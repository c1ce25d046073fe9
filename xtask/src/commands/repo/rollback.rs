//! `cargo xtask repo rollback`: an older generation again, newly dated and signed.

use std::process::ExitCode;
use std::time::SystemTime;

use anyhow::{Context as _, Result};
use repo_layout::{Silent, Target, TreePath};

use super::target;
use crate::cli::RollbackArgs;
use crate::session::Session;
use crate::{keys, report};

/// Runs the command.
pub fn run(args: &RollbackArgs, session: &Session) -> Result<ExitCode> {
    let destination = target::open(args.to.as_deref(), session)?;
    let key = keys::load(&args.key, session)?;
    // Clients follow only what is newer than what they have, so it is this clock that counts, not the commit's.
    let publisher = target::publisher(&key, SystemTime::now(), &args.publisher);
    let repositories: Vec<TreePath> = args
        .repository
        .iter()
        .map(|path| TreePath::new(path.trim_end_matches('/')).with_context(|| format!("--repository {path}")))
        .collect::<Result<_>>()?;
    let wanted = wanted(args);
    let step = session.progress.step(format!("Rolling back {}", destination.name()));
    let done = repo_layout::rollback(&*destination, &publisher, &repositories, &wanted, args.dry_run, &Silent)?;
    step.done();
    if session.json {
        report::json(&done)?;
        return Ok(ExitCode::SUCCESS);
    }
    let rows: Vec<_> =
        done.iter().map(|one| [one.repository.to_string(), one.from.to_string(), one.to.to_string()]).collect();
    report::table(["Repository", "From", "To"], &rows);
    let verb = if args.dry_run { "would be" } else { "are" };
    report::line(&format!("{} repositories {verb} published again", rows.len()));
    Ok(ExitCode::SUCCESS)
}

/// A number is that of a generation, anything else the name of a snapshot.
fn wanted(args: &RollbackArgs) -> Target {
    match &args.generation {
        None => Target::Previous,
        Some(text) => text.parse().map_or_else(|_| Target::Snapshot(text.clone()), Target::Number),
    }
}

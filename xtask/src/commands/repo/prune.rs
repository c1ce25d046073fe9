//! `cargo xtask repo prune`: removing what slow clients need no longer.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use repo_layout::{Keep, Silent};

use super::target;
use crate::cli::Prune;
use crate::report;
use crate::session::Session;

/// Runs the command.
pub fn run(args: &Prune, session: &Session) -> Result<ExitCode> {
    let destination = target::open(args.to.as_deref(), session)?;
    let keep = Keep { generations: args.keep, younger_than: args.older_than };
    let step = session.progress.step(format!("Pruning {}", destination.name()));
    let pruned = repo_layout::prune(&*destination, keep, Duration::from_secs(args.wait), args.dry_run, &Silent)?;
    step.done();
    if session.json {
        report::json(&pruned)?;
        return Ok(ExitCode::SUCCESS);
    }
    let rows: Vec<_> = pruned.generations.iter().map(|(path, number)| [path.to_string(), number.to_string()]).collect();
    report::table(["Repository", "Generation"], &rows);
    let verb = if args.dry_run { "would go" } else { "are gone" };
    report::line(&format!(
        "{} generations and {} files ({}) {verb}",
        rows.len(),
        pruned.files.len(),
        report::bytes(pruned.bytes)
    ));
    Ok(ExitCode::SUCCESS)
}

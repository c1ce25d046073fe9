//! `cargo xtask repo snapshot`: a name for what readers see now.

use std::process::ExitCode;

use anyhow::Result;
use repo_layout::Snapshot;

use super::target;
use crate::cli::SnapshotArgs;
use crate::report;
use crate::session::Session;

/// Gives the present state a name, or lists the names that there are.
pub fn run(args: &SnapshotArgs, session: &Session) -> Result<ExitCode> {
    let destination = target::open(args.to.as_deref(), session)?;
    let snapshots = match &args.name {
        Some(name) => vec![repo_layout::snapshot(&*destination, name)?],
        None => repo_layout::snapshots(&*destination)?,
    };
    if session.json {
        report::json(&snapshots)?;
        return Ok(ExitCode::SUCCESS);
    }
    let rows: Vec<_> = snapshots.iter().flat_map(rows).collect();
    report::table(["Snapshot", "Repository", "Generation"], &rows);
    Ok(ExitCode::SUCCESS)
}

fn rows(snapshot: &Snapshot) -> Vec<[String; 3]> {
    let row =
        |(path, number): (&repo_layout::TreePath, &u64)| [snapshot.name.clone(), path.to_string(), number.to_string()];
    snapshot.generations.iter().map(row).collect()
}

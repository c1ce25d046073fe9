//! `cargo xtask repo log`: who published what.

use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result};
use repo_layout::Entry;
use signing::{PublicKey, UtcTime};

use super::target;
use crate::cli::LogArgs;
use crate::report;
use crate::session::Session;

/// Prints the journal. What is wrong with it is printed as well, and makes the command fail.
pub fn run(args: &LogArgs, session: &Session) -> Result<ExitCode> {
    let destination = target::open(args.to.as_deref(), session)?;
    let key = match (&args.key, args.verify) {
        (Some(path), _) => {
            let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
            Some(PublicKey::from_bytes(&bytes, &path.display().to_string())?)
        }
        (None, true) => {
            let path = repo_layout::TreePath::new(repo_layout::KEY_FILE)?;
            let found = destination.read(&path)?.with_context(|| format!("{} has no {path}", destination.name()))?;
            Some(PublicKey::from_bytes(&found.bytes, path.as_str())?)
        }
        (None, false) => None,
    };
    let journal = repo_layout::journal(&*destination, key.as_ref(), SystemTime::now())?;
    if session.json {
        report::json(&journal)?;
    } else {
        let rows: Vec<_> = journal.entries.iter().map(row).collect();
        report::table(["", "Time", "Publisher", "Repository", "Generation", "Came", "Went"], &rows);
        journal.faults.iter().for_each(|fault| report::line(&format!("error: {fault}")));
        report::line(&match (journal.faults.len(), &key) {
            (0, Some(_)) => format!("{} entries, every signature and the chain hold", rows.len()),
            (0, None) => format!("{} entries", rows.len()),
            (count, _) => format!("{count} faults"),
        });
    }
    Ok(if journal.faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn row(entry: &Entry) -> [String; 7] {
    let time = UtcTime::from(SystemTime::UNIX_EPOCH + Duration::from_secs(entry.time));
    [
        entry.number.to_string(),
        time.release_date(),
        entry.publisher.clone(),
        entry.repository.to_string(),
        entry.generation.to_string(),
        entry.added.len().to_string(),
        entry.removed.len().to_string(),
    ]
}

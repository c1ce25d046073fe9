//! What a publish would change: the packages of a site beside those that are published.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use repo_layout::destination::Destination;
use repo_layout::{Generation, Site, TreePath};
use serde::Serialize;

use crate::report;
use crate::session::Session;

/// One package that would come or go.
#[derive(Serialize)]
struct Change {
    repository: TreePath,
    /// `add` or `remove`.
    change: &'static str,
    package: String,
}

/// Prints the difference; nothing is written anywhere.
pub fn show(site: &Site, destination: &dyn Destination, session: &Session) -> Result<ExitCode> {
    let mut changes = Vec::new();
    for suite in &site.suites {
        changes.extend(compare(destination, &suite.folder()?, suite.packages.iter())?);
    }
    for repository in &site.yum {
        let packages = repository.packages.iter().chain(&repository.bootstrap);
        changes.extend(compare(destination, &repository.path, packages)?);
    }
    if session.json {
        report::json(&changes)?;
        return Ok(ExitCode::SUCCESS);
    }
    let rows: Vec<_> =
        changes.iter().map(|one| [one.repository.to_string(), one.change.to_owned(), one.package.clone()]).collect();
    report::table(["Repository", "", "Package"], &rows);
    report::line(&match rows.len() {
        0 => "No package would come or go.".to_owned(),
        count => format!("{count} packages would come or go."),
    });
    Ok(ExitCode::SUCCESS)
}

fn compare<'p>(
    destination: &dyn Destination,
    repository: &TreePath,
    packages: impl Iterator<Item = &'p PathBuf>,
) -> Result<Vec<Change>> {
    let name = |path: &PathBuf| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let new: BTreeSet<String> = packages.map(name).collect();
    let published = repo_layout::published(destination, repository)?;
    let old: BTreeSet<String> =
        published.iter().flat_map(Generation::packages).map(|path| path.file_name().to_owned()).collect();
    let change = |change, package: &String| Change { repository: repository.clone(), change, package: package.clone() };
    let gone = old.difference(&new).map(|package| change("remove", package));
    Ok(new.difference(&old).map(|package| change("add", package)).chain(gone).collect())
}

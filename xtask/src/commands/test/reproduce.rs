//! Two builds of one commit in two folders give the same bytes.

use anyhow::Result;

use super::stage::Count;
use super::tree;
use crate::commands::reproduce::again::{self, Disguise, Order};
use crate::commands::reproduce::compare;
use crate::session::Session;

/// Packs everything again, elsewhere, and compares each package with the tree's.
pub fn run(session: &Session) -> Result<Count> {
    let folder = session.target.join("test/reproduce");
    let out = folder.join("packages");
    if out.exists() {
        std::fs::remove_dir_all(&out)?;
    }
    let order = Order {
        distros: session.matrix()?.iter().map(|distro| distro.id.to_string()).collect(),
        revision: 1,
        nginx_sources: Vec::new(),
        allow_missing: true,
        out: out.clone(),
        key: tree::key_of(session),
        // Compiling on one processor would double the time of the whole test run; `cargo xtask reproduce` does.
        disguise: Disguise::usual(false),
    };
    again::build(&order, &folder, session)?;
    let report = compare::compare(&tree::packages_folder(session), &out)?;
    for package in &report.different {
        session.say(&package.to_string());
    }
    // Two empty folders are no success.
    Ok(Count { passed: report.same, failed: report.different.len().max(usize::from(report.same == 0)) })
}

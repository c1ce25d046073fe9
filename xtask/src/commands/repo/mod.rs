//! `cargo xtask repo`: one file a subcommand.

mod build;
mod difference;
mod log;
mod prune;
mod rollback;
mod snapshot;
mod target;

use std::process::ExitCode;

use anyhow::Result;
use repo_layout::Keep;

pub use build::{Order, build};

use crate::cli::Repo;
use crate::session::Session;

/// Runs one of the repository commands.
pub fn run(command: &Repo, session: &Session) -> Result<ExitCode> {
    match command {
        Repo::Build { distro, packages, out, to, publisher, keep, older_than, replace, dry_run, key } => {
            let order = Order {
                distros: distro.clone(),
                packages: session.folder(packages.as_deref(), "packages"),
                out: session.folder(out.as_deref(), "repo"),
                key: key.clone(),
            };
            let keep = Keep { generations: *keep, younger_than: *older_than };
            let publishing =
                to.as_deref().map(|to| build::Publishing { to, flags: publisher, keep, replace: *replace });
            build::run(&order, publishing.as_ref(), *dry_run, session)
        }
        Repo::Verify { source, key } => super::verify::run(source.as_deref(), key.as_deref(), session),
        Repo::Prune(args) => prune::run(args, session),
        Repo::Snapshot(args) => snapshot::run(args, session),
        Repo::Rollback(args) => rollback::run(args, session),
        Repo::Log(args) => log::run(args, session),
    }
}

//! `cargo xtask bench`: the project beside its peers, measured in one run.

mod index;
mod ingest;
mod markdown;
mod measure;
mod nginx;
mod package;
mod plot;

use std::fs;
use std::process::ExitCode;

use anyhow::{Context as _, Result};

use crate::cli::Bench;
use crate::session::Session;

/// Runs one benchmark.
pub fn run(command: &Bench, session: &Session) -> Result<ExitCode> {
    match command {
        Bench::Index(args) => index::run(args, session),
        Bench::LayOut(args) => index::lay_out(args, session),
        Bench::Ingest(args) => ingest::run(args, session),
        Bench::Nginx(args) => nginx::run(args, session),
        Bench::Package(args) => package::run(args, session),
        Bench::Pack(args) => package::pack(args, session),
    }
}

/// Writes a benchmark's page and its picture into the documentation.
fn record(name: &str, page: &str, picture: &str, session: &Session) -> Result<()> {
    let folder = session.root.join("docs/benchmarks");
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    for (ending, text) in [("md", page), ("svg", picture)] {
        let path = folder.join(format!("{name}.{ending}"));
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        session.progress.note(&format!("Wrote {}", session.shown(&path)));
    }
    Ok(())
}

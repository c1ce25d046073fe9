//! `cargo xtask bench`: the project beside its peers, measured in one run.

mod index;
mod markdown;
mod nginx;
mod plot;

use std::process::ExitCode;

use anyhow::Result;

use crate::cli::Bench;
use crate::session::Session;

/// Runs one benchmark.
pub fn run(command: &Bench, session: &Session) -> Result<ExitCode> {
    match command {
        Bench::Index(args) => index::run(args, session),
        Bench::Nginx(args) => nginx::run(args, session),
    }
}

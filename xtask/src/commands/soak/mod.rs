//! `cargo xtask soak`: what takes long, with figures at the end.

mod publish;

use std::process::ExitCode;

use anyhow::Result;

use crate::cli::Soak;
use crate::session::Session;

/// Runs one of them.
pub fn run(command: &Soak, session: &Session) -> Result<ExitCode> {
    match command {
        Soak::Publish(args) => publish::run(args, session),
    }
}

//! `cargo xtask completions`

use std::process::ExitCode;

use anyhow::Result;
use clap::CommandFactory as _;
use clap_complete::{Shell, generate};

use crate::cli::Cli;
use crate::report;

/// Prints the completion script of one shell, made from the same declarations as the help.
pub fn run(shell: Shell) -> Result<ExitCode> {
    let mut script = Vec::new();
    generate(shell, &mut Cli::command(), "cargo-xtask", &mut script);
    report::raw(&script)?;
    Ok(ExitCode::SUCCESS)
}

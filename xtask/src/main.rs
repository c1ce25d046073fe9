//! The command line of this workspace: `cargo xtask <command>`.
//!
//! `cli.rs` declares every command and flag; `commands/` has a file for each command, which calls a library and reports.
//! No logic of packaging or repositories lives here.

mod browser;
mod channel;
mod cli;
mod commands;
mod components;
mod container;
mod guide;
mod http;
mod install_test;
mod keys;
mod licences;
mod nginx;
mod plan;
mod provenance;
mod report;
mod session;
mod steps;

use std::process::ExitCode;

use clap::Parser as _;
use packaging::distro::UnknownDistro;

use crate::cli::Cli;
use crate::session::Session;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let json = cli.json;
    let outcome = Session::open(json, cli.quiet).and_then(|session| commands::run(cli.command, &session));
    match outcome {
        Ok(code) => code,
        Err(error) => {
            report::failure(&error, json);
            // A name that is in no table is a wrong command line.
            if error.is::<UnknownDistro>() { ExitCode::from(2) } else { ExitCode::FAILURE }
        }
    }
}

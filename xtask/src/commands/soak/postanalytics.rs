//! `cargo xtask soak postanalytics`: the server's promises, over and over.

use std::process::ExitCode;

use anyhow::Result;

use super::SoakTests;
use crate::cli::SoakPostanalytics;
use crate::session::Session;

/// Runs the command.
pub fn run(args: &SoakPostanalytics, session: &Session) -> Result<ExitCode> {
    let tests = SoakTests {
        title: "Soaking postanalytics",
        package: "postanalytics",
        test: "server",
        filter: "promises::",
        rounds: args.rounds,
        seed: args.seed,
    };
    tests.run(session)
}

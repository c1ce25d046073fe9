//! `cargo xtask soak publish`: publishers that are killed, and clients that update all the time.

use std::process::ExitCode;

use anyhow::Result;

use super::SoakTests;
use crate::cli::SoakPublish;
use crate::session::Session;

/// Runs the command.
pub fn run(args: &SoakPublish, session: &Session) -> Result<ExitCode> {
    let tests = SoakTests {
        title: "Soaking publishers",
        package: "repo-layout",
        test: "repository",
        filter: "soak::publishers",
        rounds: args.rounds,
        seed: args.seed,
    };
    tests.run(session)
}

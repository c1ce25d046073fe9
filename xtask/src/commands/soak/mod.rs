//! `cargo xtask soak`: what takes long, with figures at the end.
//!
//! The soaks themselves are tests of the crates that they are about, which the workspace's tests run with few rounds.

mod postanalytics;
mod publish;

use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context as _, Result};

use crate::cli::Soak;
use crate::session::Session;

/// Runs one of them.
pub fn run(command: &Soak, session: &Session) -> Result<ExitCode> {
    match command {
        Soak::Publish(args) => publish::run(args, session),
        Soak::Postanalytics(args) => postanalytics::run(args, session),
    }
}

/// Tests of a package that are told how long to go on.
struct SoakTests {
    /// What is said while they run.
    title: &'static str,
    package: &'static str,
    test: &'static str,
    /// The first part of the names of the tests.
    filter: &'static str,
    rounds: u32,
    seed: u64,
}

impl SoakTests {
    fn run(&self, session: &Session) -> Result<ExitCode> {
        let step = session.progress.step(self.title);
        step.hand_over();
        let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        let status = command
            .current_dir(&session.root)
            .env("CARGO_TARGET_DIR", &session.target)
            .env("SOAK_ROUNDS", self.rounds.to_string())
            .env("SOAK_SEED", self.seed.to_string())
            .args(["test", "--locked", "--package", self.package, "--test", self.test, self.filter])
            // One after the other: each has processes of its own.
            .args(["--", "--nocapture", "--test-threads", "1"])
            .stdin(Stdio::null())
            .status()
            .context("cannot run cargo")?;
        step.done();
        Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

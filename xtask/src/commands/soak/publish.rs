//! `cargo xtask soak publish`: publishers that are killed, and clients that update all the time. The soak itself is a test of
//! `repo-layout`, which the workspace's tests run with few rounds.

use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context as _, Result};

use crate::cli::SoakPublish;
use crate::session::Session;

/// Runs the command.
pub fn run(args: &SoakPublish, session: &Session) -> Result<ExitCode> {
    let step = session.progress.step("Soaking publishers");
    step.hand_over();
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    let status = command
        .current_dir(&session.root)
        .env("CARGO_TARGET_DIR", &session.target)
        .env("SOAK_ROUNDS", args.rounds.to_string())
        .env("SOAK_SEED", args.seed.to_string())
        .args(["test", "--locked", "--package", "repo-layout", "--test", "repository", "soak::publishers"])
        // One after the other: each has four publishers and two clients of its own.
        .args(["--", "--nocapture", "--test-threads", "1"])
        .stdin(Stdio::null())
        .status()
        .context("cannot run cargo")?;
    step.done();
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

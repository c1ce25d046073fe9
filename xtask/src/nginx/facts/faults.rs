//! Panics inside the module, on demand.

use anyhow::{Result, ensure};

use super::scene::{ATTACK, Given};
use super::{Fact, Subject};
use crate::nginx::client::Request;

pub const FACTS: &[Fact] = &[Fact::new(
    "a panic in any handler is counted and logged once, and neither the request nor the worker suffers",
    panics,
)];

fn panics(subject: &Subject) -> Result<()> {
    let given = Given { server: "wallarm_mode block;", ..Given::default() };
    let said = subject.played(given, |scene| {
        let fault = |request: Request, place: &str| request.header("X-Fault", place);
        // What cannot be judged passes.
        scene.expects(&fault(Request::get(ATTACK), "preaccess"), 200)?;
        scene.expects(&fault(Request::form("/", "a=/etc/passwd"), "body"), 200)?;
        // The verdict fell before.
        scene.expects(&fault(Request::get(ATTACK), "log"), 403)?;
        scene.counted("proton_errors", 3)?;
        scene.expect(ATTACK, 403)?;
        scene.still_serves()?;
        scene.counted("segfaults", 0)
    })?;
    let lines = said.lines().filter(|line| line.contains("wallarm: proton error:")).count();
    ensure!((1..=3).contains(&lines), "the error log has {lines} lines about three panics:\n{said}");
    ensure!(!said.contains("exited on signal"), "a worker ended:\n{said}");
    Ok(())
}

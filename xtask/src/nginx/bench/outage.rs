//! The same load while postanalytics is stopped, and while it is killed.

use std::time::Duration;

use anyhow::Result;
use serde::Serialize;

use super::ledger::{self, Ledger};
use super::load::{Answers, Wrk};
use super::results::{median, micros};
use super::variants::Variant;
use super::{Order, cases};
use crate::nginx::postanalytics::Postanalytics;
use crate::nginx::program::Program;
use crate::nginx::server::Server;

/// What happens to postanalytics a moment after the load began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Event {
    Nothing,
    Stopped,
    Killed,
}

/// The figures of one event.
#[derive(Debug, Clone, Serialize)]
pub struct Outage {
    /// What happened.
    pub event: &'static str,
    /// Requests without an answer, or with status 400 and above, in all rounds.
    pub failed: u64,
    /// Answered requests in all rounds.
    pub requests: u64,
    /// Records that did not reach postanalytics, in all rounds. Those still in the worker's queue at the end are not among them.
    pub lost: u64,
    /// Median over rounds of the 99th percentile, in microseconds.
    pub p99_us: f64,
    /// The same by that of the undisturbed load.
    pub p99_ratio: f64,
}

/// Runs it.
///
/// # Errors
///
/// If a server or the load generator cannot be run.
pub fn run(
    program: &Program,
    backend: &Server,
    order: &Order<'_>,
    wrk: &Wrk,
    tell: &mut dyn FnMut(&str),
) -> Result<Vec<Outage>> {
    let events = [
        (Event::Nothing, "postanalytics runs"),
        (Event::Stopped, "it is stopped (SIGSTOP) under load"),
        (Event::Killed, "it is killed (SIGKILL) under load"),
    ];
    let mut answers = [const { Vec::new() }; 3];
    for round in 1..=order.rounds {
        tell(&format!("round {round} of {}: postanalytics stopped and killed", order.rounds));
        for ((event, _), answers) in events.iter().zip(&mut answers) {
            answers.push(once(program, backend, order, wrk, *event)?);
        }
    }
    let p99 = answers.each_ref().map(|rounds| median(rounds.iter().map(|(answers, _)| micros(answers.p99))));
    let rows = events.iter().zip(&answers).zip(p99).map(|(((_, name), rounds), p99_us)| Outage {
        event: name,
        failed: rounds.iter().map(|(answers, _)| answers.failed).sum(),
        requests: rounds.iter().map(|(answers, _)| answers.requests).sum(),
        lost: rounds.iter().map(|(_, lost)| lost).sum(),
        p99_us,
        p99_ratio: p99_us / p99[0],
    });
    Ok(rows.collect())
}

fn once(program: &Program, backend: &Server, order: &Order<'_>, wrk: &Wrk, event: Event) -> Result<(Answers, u64)> {
    let mut analytics = Postanalytics::start(order.postanalytics)?;
    let variant = Variant::module(program, backend, order, &analytics)?;
    let cases = cases::all();
    let [get, ..] = &cases[..] else { anyhow::bail!("there is no case") };
    // Connections are made and buffers grown before anything is counted.
    wrk.run(variant.server.address, get, Duration::from_secs(1))?;
    let running = wrk.start(variant.server.address, get, order.window)?;
    std::thread::sleep(order.window / 4);
    match event {
        Event::Nothing => {}
        Event::Stopped => analytics.freeze()?,
        Event::Killed => analytics.kill(),
    }
    let answers = running.finish()?;
    let lost = match event {
        Event::Nothing => Ledger::settled(variant.server.address, &analytics)?.lost,
        Event::Stopped | Event::Killed => ledger::module(variant.server.address)?.1,
    };
    if event == Event::Stopped {
        analytics.thaw()?;
    }
    Ok((answers, lost))
}

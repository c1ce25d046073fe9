//! What the module costs, beside NGINX alone and beside a peer, in one run.
//!
//! Every variant is an NGINX with one worker, all started at the beginning; the load goes to one at a time. A round gives each
//! variant each case in turn, and figures are medians over rounds, so that a disturbance of the machine meets all alike.
//!
//! | Module | Holds |
//! |---|---|
//! | [`cases`] | the requests |
//! | [`load`] | the load generator, wrk |
//! | [`variants`] | the servers that are compared |
//! | [`ledger`] | what became of the records |
//! | [`outage`] | the same load while postanalytics stops and dies |
//! | [`results`] | figures, goals and medians |

pub mod cases;
pub mod ledger;
pub mod load;
pub mod outage;
pub mod results;
pub mod variants;

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};

use super::postanalytics::Postanalytics;
use super::program::Program;
use super::usage;
use cases::Case;
use ledger::Ledger;
use load::Wrk;
use results::{Results, Row, Sample};
use variants::Variant;

/// What to measure.
#[derive(Debug, Clone, Copy)]
pub struct Order<'a> {
    /// The module.
    pub module: &'a Path,
    /// The compiled rule set.
    pub rules: &'a Path,
    /// The postanalytics server.
    pub postanalytics: &'a Path,
    /// How many times everything is measured.
    pub rounds: u32,
    /// How long one load lasts.
    pub window: Duration,
}

/// Runs it; `tell` hears of each step.
///
/// # Errors
///
/// If a server or the load generator cannot be run.
pub fn run(order: &Order<'_>, tell: &mut dyn FnMut(&str)) -> Result<Results> {
    let program = Program::native(Path::new("/usr/sbin/nginx")).context("Debian's nginx is what the peers run in")?;
    let analytics = Postanalytics::start(order.postanalytics)?;
    let backend = variants::backend(&program)?;
    let mut all = vec![Variant::alone(&program, &backend)?, Variant::module(&program, &backend, order, &analytics)?];
    match Variant::modsecurity(&program, &backend)? {
        Some(peer) => all.push(peer),
        None => tell("ModSecurity is left out: libnginx-mod-http-modsecurity and modsecurity-crs are not installed"),
    }
    let wrk = Wrk::new()?;
    let cases = cases::all();
    let mut samples = vec![vec![Vec::new(); all.len()]; cases.len()];
    for variant in &all {
        for case in &cases {
            wrk.run(variant.server.address, case, order.window / 4)?;
        }
    }
    for round in 1..=order.rounds {
        for (case, row) in cases.iter().zip(&mut samples) {
            tell(&format!("round {round} of {}: {}", order.rounds, case.name));
            for (variant, cell) in all.iter().zip(row) {
                cell.push(measure(&wrk, variant, case, order.window, &analytics)?);
            }
        }
    }
    let rows = cases.iter().zip(&samples).map(|(case, row)| Row::new(case, &all, row)).collect();
    drop(all);
    let outage = outage::run(&program, &backend, order, &wrk, tell)?;
    Ok(Results::new(&program, order, rows, outage))
}

/// One load on one variant.
fn measure(wrk: &Wrk, variant: &Variant, case: &Case, window: Duration, analytics: &Postanalytics) -> Result<Sample> {
    let worker = variant.worker()?;
    let settled = || variant.reports.then(|| Ledger::settled(variant.server.address, analytics)).transpose();
    let ledger = settled()?;
    let before = usage::processor_time(worker)?;
    let answers = wrk.run(variant.server.address, case, window)?;
    let used = usage::processor_time(worker)?.saturating_sub(before);
    let resident = usage::resident(worker)?;
    let lost = settled()?.zip(ledger).map(|(after, before)| after.lost - before.lost);
    Sample::new(used, &answers, resident, lost).with_context(|| format!("{}: {}", variant.name, case.name))
}

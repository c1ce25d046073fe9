//! `cargo xtask bench ingest`: what postanalytics takes in, beside Tarantool, whose place it takes.
//!
//! Every figure comes from a process of its own, started for it and ended after it; the contenders take turns within a round, so that
//! a disturbance of the machine meets all alike. One generator of load serves all of them, see `iproto_load`.
//!
//! | Module | Holds |
//! |---|---|
//! | [`records`], [`requests`] | what is sent |
//! | [`contender`], [`tarantool`] | to whom |
//! | [`loads`] | records a second, processor time and latency, by connections and requests in flight |
//! | [`backing`] | what a hypervisor would have them wait for |
//! | [`keeping`] | memory of a record, what happens when memory ends, whether many records make each dearer |
//! | [`starting`] | from the start of a process to its greeting |
//! | [`results`], [`goals`], [`page`] | figures, what they should be, how they are shown |

mod backing;
mod contender;
mod goals;
mod keeping;
mod loads;
mod page;
mod records;
mod requests;
mod results;
mod starting;
mod tarantool;

use std::fs;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result};

use self::contender::{Contender, Workshop};
use self::results::Results;
use crate::cli::BenchIngest;
use crate::commands::bench::markdown::Table;
use crate::nginx::artifacts;
use crate::report;
use crate::session::Session;

/// Stored records at which the cost of one more is taken.
const STORED: [u64; 4] = [10_000, 100_000, 1_000_000, 10_000_000];

/// What is measured, and how long.
#[derive(Debug)]
pub struct Order {
    /// Where servers come from.
    pub workshop: Workshop,
    /// Who takes part, ours first.
    pub contenders: Vec<Contender>,
    /// How many times everything is measured.
    pub rounds: u32,
    /// How long one load lasts at most.
    pub window: Duration,
    /// Stored records at which the cost of one more is taken, rising.
    pub stored: Vec<u64>,
}

/// Runs the command.
pub fn run(args: &BenchIngest, session: &Session) -> Result<ExitCode> {
    let version = tarantool::version();
    if version.is_none() {
        session
            .progress
            .note("Tarantool is left out: the program `tarantool` is not installed (Debian's package tarantool)");
    }
    let order = order(args, version.is_some(), session)?;
    let tell = |line: &str| session.progress.note(line);
    let results = Results {
        tarantool: version,
        processors: std::thread::available_parallelism()?.get(),
        rounds: order.rounds,
        window_seconds: order.window.as_secs_f64(),
        loads: loads::run(&order, &tell)?,
        memory: keeping::memory(&order, &tell)?,
        limit: keeping::limit(&order, &tell)?,
        growth: keeping::growth(&order, &tell)?,
        start: starting::run(&order, &tell)?,
    };
    if session.json {
        report::json(&goals::WithGoals::new(&results))?;
    } else {
        show(&results);
    }
    if args.record {
        super::record("ingest", &page::page(&results), &page::svg(&results), session)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn order(args: &BenchIngest, peers: bool, session: &Session) -> Result<Order> {
    let binary = match &args.server {
        Some(file) => file.canonicalize().with_context(|| format!("cannot find {}", file.display()))?,
        None => artifacts::postanalytics(session)?,
    };
    let folder = session.target.join("bench/ingest");
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let (rounds, seconds, most) = if args.quick { (1, 1, 100_000) } else { (args.rounds, args.seconds, u64::MAX) };
    Ok(Order {
        workshop: Workshop { binary, folder },
        contenders: Contender::all(peers),
        rounds,
        window: Duration::from_secs(seconds.into()),
        stored: STORED.into_iter().filter(|stored| *stored <= most).collect(),
    })
}

fn show(results: &Results) {
    show_table(page::loads(results));
    show_table(page::memory(results));
    show_table(page::limit(results));
    show_table(page::growth(results));
    show_table(page::start(results));
    show_table(page::goals(results));
}

fn show_table<const N: usize>((head, rows): Table<N>) {
    report::table(head, &rows);
    report::line("");
}

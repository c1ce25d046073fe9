//! `cargo xtask bench nginx`: what the module costs a request.

mod page;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::cli::BenchNginx;
use crate::commands::bench::markdown::Table;
use crate::nginx::artifacts;
use crate::nginx::bench::{self, Order, results::Results};
use crate::nginx::program::Version;
use crate::report;
use crate::session::Session;

/// Debian 12's, in which the peers run too.
const NGINX: Version = Version::new(1, 22, 1);

/// Runs the command.
pub fn run(args: &BenchNginx, session: &Session) -> Result<ExitCode> {
    let module = match &args.module {
        Some(file) => file.canonicalize().with_context(|| format!("cannot find {}", file.display()))?,
        None => artifacts::module(NGINX, session)?,
    };
    let (rules, postanalytics) = (artifacts::rules(session)?, artifacts::postanalytics(session)?);
    let order = Order {
        module: &module,
        rules: &rules,
        postanalytics: &postanalytics,
        rounds: args.rounds,
        window: Duration::from_secs(args.seconds.into()),
    };
    let results = bench::run(&order, &mut |line| session.progress.note(line))?;
    if session.json {
        report::json(&results)?;
    } else {
        show(&results);
    }
    if args.record {
        record(&results, session)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn show(results: &Results) {
    show_table(page::cost(results));
    show_table(page::load(results));
    show_table(page::outage(results));
}

fn show_table<const N: usize>((head, rows): Table<N>) {
    report::table(head, &rows);
    report::line("");
}

/// Keeps the figures in the documentation.
fn record(results: &Results, session: &Session) -> Result<()> {
    super::record("nginx", &page::page(results), &page::svg(results), session)
}

//! `cargo xtask bench nginx`: what the module costs a request.

use std::fs;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result};

use super::{markdown, plot};
use crate::cli::BenchNginx;
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
    for (head, rows) in [markdown::cost(results), markdown::load(results), markdown::outage(results)] {
        report::table(head, &rows);
        report::line("");
    }
}

/// Keeps the figures in the documentation.
fn record(results: &Results, session: &Session) -> Result<()> {
    let folder = session.root.join("docs/benchmarks");
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    for (name, text) in [("nginx.md", markdown::page(results)), ("nginx.svg", plot::svg(results))] {
        let path = folder.join(name);
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        session.progress.note(&format!("Wrote {}", session.shown(&path)));
    }
    Ok(())
}

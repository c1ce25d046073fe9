//! `cargo xtask nginx-test`: the facts about the module, in real NGINX servers.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, Result, ensure};

use crate::cli::NginxTest;
use crate::container::Interrupt;
use crate::nginx::artifacts;
use crate::nginx::facts::{self, Row, Subject};
use crate::nginx::release::{self, Release, Store};
use crate::nginx::valgrind::Memcheck;
use crate::report;
use crate::session::Session;

/// What came of one release.
pub struct Outcome {
    /// Such as 1.22.1.
    pub nginx: String,
    /// A row for each fact.
    pub rows: Vec<Row>,
}

impl Outcome {
    /// Facts that hold.
    pub fn passed(&self) -> usize {
        self.rows.iter().filter(|row| row.failure.is_none()).count()
    }

    /// Facts that do not.
    pub fn failed(&self) -> usize {
        self.rows.len() - self.passed()
    }
}

/// What is to be checked.
#[derive(Debug, Clone, Copy, Default)]
pub struct Order<'a> {
    /// Only the facts with this in their name.
    pub filter: &'a str,
    /// A module for the release, in place of the one that is built here.
    pub module: Option<&'a Path>,
    /// Watch over memory instead, as far as facts are fit for it.
    pub valgrind: bool,
}

/// Runs the command.
pub fn run(args: &NginxTest, session: &Session) -> Result<ExitCode> {
    let releases = if args.nginx.is_empty() {
        release::ALL.into_iter().filter(|release| !args.valgrind || release.is_built_here()).collect()
    } else {
        args.nginx.iter().map(|name| Release::named(name)).collect::<Result<Vec<_>>>()?
    };
    let order = Order {
        filter: args.fact.as_deref().unwrap_or_default(),
        module: args.module.as_deref(),
        valgrind: args.valgrind,
    };
    let outcomes = check(&releases, order, session)?;
    let (passed, failed) =
        (outcomes.iter().map(Outcome::passed).sum::<usize>(), outcomes.iter().map(Outcome::failed).sum::<usize>());
    ensure!(passed + failed > 0, "no fact that can be checked so has `{}` in its name", order.filter);
    if session.json {
        let rows: Vec<_> = outcomes
            .iter()
            .flat_map(|outcome| outcome.rows.iter().map(move |row| (outcome, row)))
            .map(|(outcome, row)| {
                let failure = row.failure.as_ref().map(|error| format!("{error:#}"));
                serde_json::json!({ "nginx": outcome.nginx, "fact": row.name, "failure": failure, "seconds": row.took.as_secs_f64() })
            })
            .collect();
        report::json(&serde_json::json!({ "facts": rows, "passed": passed, "failed": failed }))?;
    } else {
        outcomes.iter().for_each(|outcome| show(outcome, session));
        report::line(&format!("{passed} passed, {failed} failed"));
    }
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Checks facts in each of the releases.
pub fn check(releases: &[Release], order: Order<'_>, session: &Session) -> Result<Vec<Outcome>> {
    let interrupt = Interrupt::watch()?;
    let memcheck = if order.valgrind { Some(Memcheck::new()?) } else { None };
    let source = |version| artifacts::source(version, session);
    let store = Store { folder: session.target.join("nginx-tests"), source: &source, interrupt: &interrupt };
    let mut outcomes = Vec::new();
    for release in releases {
        let step = session.progress.step(format!("NGINX {} and the module for it", release.version));
        step.hand_over();
        let subject = subject(release, &store, order, session)?;
        step.done();
        let mut tell = |row: &Row| {
            let word = if row.failure.is_none() { "ok" } else { "FAILED" };
            session.progress.note(&format!("    {word:7} {} {}", report::seconds(row.took), row.name));
        };
        let rows = match &memcheck {
            Some(memcheck) => facts::check_memory(&subject, memcheck, order.filter, &mut tell),
            None => facts::check(&subject, order.filter, &mut tell),
        };
        // A signal ends the run between two facts.
        interrupt.check()?;
        outcomes.push(Outcome { nginx: release.version.to_string(), rows });
    }
    Ok(outcomes)
}

/// Everything that facts about a release need, built where it is missing.
fn subject(release: &Release, store: &Store<'_>, order: Order<'_>, session: &Session) -> Result<Subject> {
    let program = release.program(store)?;
    let module = match order.module {
        Some(file) => file.canonicalize()?,
        None => artifacts::module(release.version, session)?,
    };
    let other = release::ALL.iter().find(|other| other.version != release.version);
    let foreign = artifacts::module(other.context("there is one release only")?.version, session)?;
    let with_faults = match order.module {
        None if release.is_built_here() && !order.valgrind => {
            Some(artifacts::module_with_faults(release.version, session)?)
        }
        _ => None,
    };
    let rules = if order.valgrind { artifacts::few_rules(session)? } else { artifacts::rules(session)? };
    let postanalytics = artifacts::postanalytics(session)?;
    Ok(Subject { program, module, foreign, with_faults, rules, postanalytics })
}

/// All that was seen where a fact does not hold.
pub fn show(outcome: &Outcome, session: &Session) {
    for row in &outcome.rows {
        if let Some(error) = &row.failure {
            session.say(&format!("\nFAILED in NGINX {}: {}\n{error:#}", outcome.nginx, row.name));
        }
    }
}

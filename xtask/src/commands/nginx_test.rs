//! `cargo xtask nginx-test`: the facts about the module, in real NGINX servers.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, Result, ensure};

use crate::cli::NginxTest;
use crate::container::Interrupt;
use crate::nginx::artifacts;
use crate::nginx::facts::{self, Row, Subject};
use crate::nginx::release::{self, Release, Store};
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

/// Runs the command.
pub fn run(args: &NginxTest, session: &Session) -> Result<ExitCode> {
    let releases = if args.nginx.is_empty() {
        release::ALL.to_vec()
    } else {
        args.nginx.iter().map(|name| Release::named(name)).collect::<Result<_>>()?
    };
    let outcomes = check(&releases, args.fact.as_deref().unwrap_or_default(), args.module.as_deref(), session)?;
    let (passed, failed) =
        (outcomes.iter().map(Outcome::passed).sum::<usize>(), outcomes.iter().map(Outcome::failed).sum::<usize>());
    ensure!(passed + failed > 0, "no fact has `{}` in its name", args.fact.as_deref().unwrap_or_default());
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

/// Checks the facts with `filter` in their name in each of the releases.
pub fn check(releases: &[Release], filter: &str, module: Option<&Path>, session: &Session) -> Result<Vec<Outcome>> {
    let interrupt = Interrupt::watch()?;
    let source = |version| artifacts::source(version, session);
    let store = Store { folder: session.target.join("nginx-tests"), source: &source, interrupt: &interrupt };
    let (rules, postanalytics) = (artifacts::rules(session)?, artifacts::postanalytics(session)?);
    let mut outcomes = Vec::new();
    for release in releases {
        let step = session.progress.step(format!("NGINX {} and the module for it", release.version));
        step.hand_over();
        let program = release.program(&store)?;
        let own = match module {
            Some(file) => file.canonicalize()?,
            None => artifacts::module(release.version, session)?,
        };
        let other = release::ALL.iter().find(|other| other.version != release.version);
        let foreign = artifacts::module(other.context("there is one release only")?.version, session)?;
        let with_faults = match module {
            None if release.is_built_here() => Some(artifacts::module_with_faults(release.version, session)?),
            _ => None,
        };
        step.done();
        let (rules, postanalytics) = (rules.clone(), postanalytics.clone());
        let subject = Subject { program, module: own, foreign, with_faults, rules, postanalytics };
        let rows = facts::check(&subject, filter, &mut |row| {
            let word = if row.failure.is_none() { "ok" } else { "FAILED" };
            session.progress.note(&format!("    {word:7} {} {}", report::seconds(row.took), row.name));
        });
        // A signal ends the run between two facts.
        interrupt.check()?;
        outcomes.push(Outcome { nginx: release.version.to_string(), rows });
    }
    Ok(outcomes)
}

/// All that was seen where a fact does not hold.
pub fn show(outcome: &Outcome, session: &Session) {
    for row in &outcome.rows {
        if let Some(error) = &row.failure {
            session.say(&format!("\nFAILED in NGINX {}: {}\n{error:#}", outcome.nginx, row.name));
        }
    }
}

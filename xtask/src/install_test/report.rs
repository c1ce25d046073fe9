//! What came out: a row for every step.

use std::time::Instant;

use anyhow::Result;
use serde::Serialize;

use super::stage::Stage;
use super::{Listener, Side, Step};

/// The result of one run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// The distro's short name.
    pub distro: String,
    /// How people call it.
    pub title: String,
    /// Which half of the node was tried.
    pub side: Side,
    /// A row for every step, in order.
    pub rows: Vec<Row>,
    /// Seconds that all of it took.
    pub seconds: f64,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// What should hold.
    pub fact: String,
    /// Whether it does.
    pub outcome: Outcome,
    /// Commands that were run for it, as they were typed.
    pub commands: Vec<String>,
    /// Seconds it took.
    pub seconds: f64,
    /// Why it does not hold: the error, with the last lines of the output. Empty if it does.
    pub detail: String,
}

/// How a step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// The fact holds.
    Ok,
    /// It does not.
    Failed,
    /// A step that it stands on failed.
    NotReached,
    /// A documented command that cannot be run here; `detail` says why.
    NotRun,
}

impl Report {
    pub(super) fn new(distro: &str, title: &str, side: Side) -> Self {
        Self { distro: distro.to_owned(), title: title.to_owned(), side, rows: Vec::new(), seconds: 0.0 }
    }

    /// Whether every fact holds.
    #[must_use]
    pub fn ok(&self) -> bool {
        self.rows.iter().all(|row| matches!(row.outcome, Outcome::Ok | Outcome::NotRun))
    }

    /// How many rows have this outcome.
    #[must_use]
    pub fn count(&self, outcome: Outcome) -> usize {
        self.rows.iter().filter(|row| row.outcome == outcome).count()
    }

    /// A step before there is a stage. Its failure is the test's.
    pub(super) fn step<T>(
        &mut self,
        fact: &str,
        listener: &mut dyn Listener,
        run: impl FnOnce() -> Result<T>,
    ) -> Result<T> {
        listener.started(fact);
        let begun = Instant::now();
        let result = run()?;
        let seconds = begun.elapsed().as_secs_f64();
        self.add(
            Row { fact: fact.to_owned(), outcome: Outcome::Ok, commands: Vec::new(), seconds, detail: String::new() },
            listener,
        );
        Ok(result)
    }

    /// Runs the steps in order; after the failure of an essential one the rest is not reached.
    pub(super) fn scenario(
        &mut self,
        steps: &[&[Step]],
        stage: &mut Stage<'_>,
        listener: &mut dyn Listener,
    ) -> Result<()> {
        let mut lost = None;
        for step in steps.iter().copied().flatten() {
            listener.started(step.fact);
            let begun = Instant::now();
            let (outcome, detail) = match lost {
                Some(fact) => (Outcome::NotReached, format!("after: {fact}")),
                None => match (step.run)(stage) {
                    Ok(()) => (Outcome::Ok, String::new()),
                    Err(error) => {
                        // An interrupt is not a fact about packages.
                        stage.interrupt.check()?;
                        lost = step.essential.then_some(step.fact);
                        (Outcome::Failed, format!("{error:#}"))
                    }
                },
            };
            let (commands, left_out) = stage.take_typed();
            let seconds = begun.elapsed().as_secs_f64();
            self.add(Row { fact: step.fact.to_owned(), outcome, commands, seconds, detail }, listener);
            for (command, reason) in left_out {
                let fact = format!("documented, not run here: {command}");
                let row = Row { fact, outcome: Outcome::NotRun, commands: vec![command], seconds: 0.0, detail: reason };
                self.add(row, listener);
            }
        }
        Ok(())
    }

    fn add(&mut self, row: Row, listener: &mut dyn Listener) {
        listener.finished(&row);
        self.rows.push(row);
    }
}

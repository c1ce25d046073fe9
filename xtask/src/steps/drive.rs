//! Going through steps.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use serde::Serialize;

use super::journal::Finished;
use super::{Facts, Journal, Lasts, Span, Step, facts};

/// What became of one step.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// Its name.
    pub step: &'static str,
    /// What became of it.
    pub outcome: Outcome,
    /// Why it was run or passed over, or what it said.
    pub remark: String,
    /// Seconds that it took.
    pub seconds: f64,
}

/// What became of a step, or would.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It was run.
    Done,
    /// An earlier run has done it, and it is still true.
    StillTrue,
    /// It would be run.
    ToDo,
    /// The span leaves it out.
    LeftOut,
}

/// Hears about steps as they happen.
pub trait Listener {
    /// A step begins, since `why`.
    fn begins(&self, step: &'static str, what: &str, why: &str);
    /// It has ended well, or was passed over.
    fn ended(&self, row: &Row);
}

/// Whether a step has to be run, and why.
enum Verdict {
    Run(String),
    Pass,
}

/// Runs what has to be run, in order; ends with the first step that fails.
///
/// # Errors
/// When the span names no step, or a step fails. Whatever was finished before stays so.
pub fn run<C>(
    steps: &[Step<C>],
    span: &Span,
    context: &C,
    journal: &mut Journal,
    listener: &dyn Listener,
) -> Result<Vec<Row>> {
    let range = range(steps, span)?;
    let mut rows = Vec::new();
    for (number, step) in steps.iter().enumerate() {
        if !range.contains(&number) {
            rows.push(left_out(step));
            continue;
        }
        let inputs = (step.inputs)(context).with_context(|| format!("step {}", step.name))?;
        let row = match judge(step, span, &inputs, context, journal)? {
            Verdict::Pass => Row {
                step: step.name,
                outcome: Outcome::StillTrue,
                remark: journal.of(step.name).map(|finished| finished.remark.clone()).unwrap_or_default(),
                seconds: 0.0,
            },
            Verdict::Run(why) => {
                listener.begins(step.name, step.what, &why);
                let (remark, took) = finish(step, inputs, context, journal)?;
                Row { step: step.name, outcome: Outcome::Done, remark, seconds: took.as_secs_f64() }
            }
        };
        listener.ended(&row);
        rows.push(row);
    }
    Ok(rows)
}

/// What [`run`] would do, as far as it can be seen now: a step whose result is still true may have to be run after an earlier one.
///
/// # Errors
/// When the span names no step, or inputs cannot be read.
pub fn plan<C>(steps: &[Step<C>], span: &Span, context: &C, journal: &Journal) -> Result<Vec<Row>> {
    let range = range(steps, span)?;
    let mut rows = Vec::new();
    let mut earlier: Option<&'static str> = None;
    for (number, step) in steps.iter().enumerate() {
        if !range.contains(&number) {
            rows.push(left_out(step));
            continue;
        }
        let inputs = (step.inputs)(context).with_context(|| format!("step {}", step.name))?;
        let (outcome, remark) = match (judge(step, span, &inputs, context, journal)?, earlier) {
            (Verdict::Run(why), _) => (Outcome::ToDo, why),
            (Verdict::Pass, None) => (Outcome::StillTrue, String::new()),
            (Verdict::Pass, Some(name)) => (Outcome::StillTrue, format!("unless {name} changes what it is made from")),
        };
        if outcome == Outcome::ToDo && step.lasts == Lasts::WhileUnchanged {
            earlier = Some(step.name);
        }
        rows.push(Row { step: step.name, outcome, remark, seconds: 0.0 });
    }
    Ok(rows)
}

fn left_out<C>(step: &Step<C>) -> Row {
    Row { step: step.name, outcome: Outcome::LeftOut, remark: String::new(), seconds: 0.0 }
}

/// The places of the steps in a span.
///
/// # Errors
/// When it names no step, or its end comes before its beginning.
pub fn range<C>(steps: &[Step<C>], span: &Span) -> Result<std::ops::RangeInclusive<usize>> {
    let place = |name: &String| {
        steps.iter().position(|step| step.name == name).with_context(|| {
            let known: Vec<&str> = steps.iter().map(|step| step.name).collect();
            format!("there is no step `{name}`; there are {}", known.join(", "))
        })
    };
    let from = span.from.as_ref().map(place).transpose()?.unwrap_or(0);
    let until = span.until.as_ref().map(place).transpose()?.unwrap_or(steps.len().saturating_sub(1));
    if from > until {
        bail!("the step to begin with comes after the one to end with: exchange them");
    }
    Ok(from..=until)
}

fn judge<C>(step: &Step<C>, span: &Span, inputs: &Facts, context: &C, journal: &Journal) -> Result<Verdict> {
    let run = |why: &str| Ok(Verdict::Run(why.to_owned()));
    if step.lasts == Lasts::ForNow {
        return run("of this moment");
    }
    if span.from.as_deref() == Some(step.name) {
        return run("asked for");
    }
    let Some(finished) = journal.of(step.name) else { return run("not finished yet") };
    if let Some(name) = facts::difference(&finished.inputs, inputs) {
        return run(&format!("{name} has changed"));
    }
    let outputs = (step.outputs)(context).with_context(|| format!("step {}", step.name))?;
    match facts::difference(&finished.outputs, &outputs) {
        Some(name) => run(&format!("its result is not as it was: {name}")),
        None => Ok(Verdict::Pass),
    }
}

/// Runs a step and writes it down; while it is at work it counts as unfinished.
fn finish<C>(step: &Step<C>, inputs: Facts, context: &C, journal: &mut Journal) -> Result<(String, Duration)> {
    let begun = Instant::now();
    journal.forget(step.name)?;
    let remark = (step.run)(context).with_context(|| format!("step {} has failed", step.name))?;
    // Someone may have worked on the inputs meanwhile; then nobody knows which ones the result is of.
    if let Some(name) = facts::difference(&inputs, &(step.inputs)(context)?) {
        bail!("step {}: {name} has changed while it was at work; run again when nobody works on it", step.name);
    }
    if step.lasts == Lasts::WhileUnchanged {
        let outputs = (step.outputs)(context)?;
        journal.finish(step.name, Finished { inputs, outputs, remark: remark.clone() })?;
    }
    Ok((remark, begun.elapsed()))
}

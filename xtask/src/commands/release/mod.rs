//! `cargo xtask release`: from a tagged commit to packages that users get, in steps that can be interrupted.
//!
//! `steps/` is the whole pipeline, a file each. What they make lies in `target/release/<version>`, with a journal of what is finished
//! ([`crate::steps`]). [`channel`] is all that they know of publishing.

mod changelog;
pub mod channel;
mod check;
mod context;
mod install;
mod lint;
mod pack;
mod promote;
mod publish;
mod sign;
mod source;
mod verify;

use std::process::ExitCode;

use anyhow::{Context as _, Result};

use crate::cli::Release;
use crate::report;
use crate::session::Session;
use crate::steps::drive::{self, Listener, Outcome, Row};
use crate::steps::{Journal, Span, Step};

pub use context::Context;

/// The pipeline, in order.
pub const STEPS: [Step<Context>; 9] = [
    check::STEP,
    changelog::STEP,
    pack::STEP,
    lint::STEP,
    sign::STEP,
    verify::STEP,
    publish::STEP,
    install::STEP,
    promote::STEP,
];

/// Runs the command.
pub fn run(args: &Release, session: &Session) -> Result<ExitCode> {
    let context = Context::new(args, session)?;
    let span = Span { from: args.from.clone(), until: args.until.clone() };
    foresee(&span, &context)?;
    let mut journal = Journal::open(&context.folder)?;
    let rows = if args.dry_run {
        drive::plan(&STEPS, &span, &context, &journal)?
    } else {
        drive::run(&STEPS, &span, &context, &mut journal, &Shown(session))
            .with_context(|| format!("release {} is not finished; run the same command to go on", context.version))?
    };
    show(&rows, &context, session)?;
    Ok(ExitCode::SUCCESS)
}

/// What would stop a run only after an hour is told at once.
fn foresee(span: &Span, context: &Context) -> Result<()> {
    let range = drive::range(&STEPS, span)?;
    let wanted =
        |name: &str| STEPS.iter().position(|step| step.name == name).is_some_and(|place| range.contains(&place));
    if wanted(publish::STEP.name) || wanted(promote::STEP.name) {
        context.target()?;
    }
    if wanted(install::STEP.name) {
        install::check_host(context)?;
    }
    Ok(())
}

/// Tells of steps as they happen.
struct Shown<'a>(&'a Session);

impl Listener for Shown<'_> {
    fn begins(&self, step: &'static str, what: &str, why: &str) {
        self.0.progress.note(&format!("==> {step}: {what} ({why})"));
    }

    fn ended(&self, row: &Row) {
        let said = match row.outcome {
            Outcome::StillTrue => "nothing has changed since it was finished",
            _ => row.remark.as_str(),
        };
        self.0.progress.note(&format!("    {}: {}: {said}", row.step, word(row.outcome)));
    }
}

const fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Done => "done",
        Outcome::StillTrue => "still true",
        Outcome::ToDo => "to do",
        Outcome::LeftOut => "left out",
    }
}

fn show(rows: &[Row], context: &Context, session: &Session) -> Result<()> {
    if session.json {
        return report::json(&serde_json::json!({
            "version": context.version.to_string(), "folder": context.folder, "steps": rows,
        }));
    }
    let rows: Vec<_> = rows
        .iter()
        .map(|row| {
            let time = if row.outcome == Outcome::Done { format!("{:.1} s", row.seconds) } else { String::new() };
            [row.step.to_owned(), word(row.outcome).to_owned(), time, row.remark.clone()]
        })
        .collect();
    report::table(["Step", "", "Time", ""], &rows);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documentation_has_every_step_in_order() {
        let guide = include_str!("../../../../docs/releasing.md");
        let (_, table) = guide.split_once("| Step | Does | Is done again when |").unwrap();
        let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
        let documented: Vec<&str> = rows.map(|row| row.split('`').nth(1).unwrap()).collect();
        assert_eq!(documented, STEPS.map(|step| step.name));
    }

    #[test]
    fn the_workflow_names_only_steps_that_there_are() {
        let workflow = include_str!("../../../../.github/workflows/release.yml");
        let words: Vec<&str> = workflow.split_whitespace().collect();
        let named = words.windows(2).filter(|pair| matches!(pair[0], "--from" | "--until")).map(|pair| pair[1]);
        let named: Vec<&str> = named.collect();
        assert!(named.len() > 3);
        for name in named {
            assert!(STEPS.iter().any(|step| step.name == name), "{name}");
        }
    }
}

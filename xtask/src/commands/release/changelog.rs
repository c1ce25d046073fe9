//! What users are told: the release's section of `CHANGELOG.md`, as notes to publish beside the packages.

use std::fmt::Write as _;

use anyhow::{Context as _, Result, ensure};

use super::Context;
use super::context::fact;
use crate::steps::{Lasts, Step, facts};

const NOTES: &str = "notes.md";

/// The step.
pub const STEP: Step<Context> = Step {
    name: "changelog",
    what: "Write the notes of the release",
    lasts: Lasts::WhileUnchanged,
    inputs: |context| Ok(fact("CHANGELOG.md", facts::file(&context.session.root.join("CHANGELOG.md"))?)),
    outputs: |context| facts::files(&context.folder, |path| path == NOTES),
    run,
};

fn run(context: &Context) -> Result<String> {
    let release = context.session.release(context.revision, None)?;
    let newest = release.changelog.0.first().context("CHANGELOG.md has no release")?;
    ensure!(
        !newest.changes.is_empty(),
        "CHANGELOG.md says nothing of {}: write what changes for users",
        newest.version
    );
    let mut notes = format!("# {} {}\n\n", release.project.name, newest.version);
    for change in &newest.changes {
        // Writing into a String cannot fail.
        let _ = writeln!(notes, "- {change}");
    }
    let path = context.folder.join(NOTES);
    std::fs::write(&path, notes).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(format!("{} changes in {}", newest.changes.len(), context.session.shown(&path)))
}

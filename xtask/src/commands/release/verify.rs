//! The signed tree, as a distrustful reader sees it who has the public key from elsewhere.

use anyhow::{Context as _, Result, bail};
use repo_layout::Source;

use super::Context;
use super::context::fact;
use crate::commands::verify;
use crate::keys;
use crate::steps::{Facts, Lasts, Step, facts};

/// The step.
pub const STEP: Step<Context> = Step {
    name: "verify",
    what: "Verify the repositories from the signed index to every package",
    lasts: Lasts::WhileUnchanged,
    inputs,
    outputs: |_| Ok(Facts::new()),
    run,
};

fn inputs(context: &Context) -> Result<Facts> {
    let everything = |path: &str| !path.starts_with(repo_layout::STATE_FOLDER);
    let mut inputs = fact("the tree", facts::sum(&facts::files(&context.tree(), everything)?));
    inputs.extend(fact("the key", context.key_fact()?));
    Ok(inputs)
}

fn run(context: &Context) -> Result<String> {
    let signer = keys::load(&context.key, &context.session.hushed())?;
    let trusted = tempfile::NamedTempFile::new().context("cannot write the public key aside")?;
    std::fs::write(trusted.path(), signer.keyring().to_binary()?).context("cannot write the public key aside")?;
    let report = verify::check(&Source::Folder(context.tree()), Some(trusted.path()), &context.session)?;
    if report.is_clean() {
        return Ok(format!("no finding in {} repositories", report.suites.len()));
    }
    let findings = report.findings.iter().map(|one| format!("{}: {}; {}", one.path, one.what, one.what_to_do));
    bail!("the repositories are not sound:\n  {}", findings.collect::<Vec<_>>().join("\n  "))
}

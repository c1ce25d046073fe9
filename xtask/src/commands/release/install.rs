//! The release lived through in booted systems: install, upgrade to the next packing, removal, purge.

use anyhow::{Context as _, Result, bail};
use packaging::distro::Distro;

use super::Context;
use super::context::{fact, indexes};
use crate::commands::install_test;
use crate::commands::test::host;
use crate::container::{self, Recipe};
use crate::install_test::{Outcome, Report, Side};
use crate::steps::{Lasts, Step, facts};

const REPORT: &str = "install-tests.json";

/// The step.
pub const STEP: Step<Context> = Step {
    name: "install-test",
    what: "Install it as documented, in every system that can be booted here",
    lasts: Lasts::WhileUnchanged,
    inputs: |context| {
        let mut inputs = fact("the repositories", facts::sum(&facts::files(&context.tree(), indexes)?));
        let systems: Vec<&str> = bootable(context)?.into_iter().map(|distro| distro.id.as_str()).collect();
        inputs.extend(fact("the systems", systems.join(" ")));
        Ok(inputs)
    },
    outputs: |context| facts::files(&context.folder, |path| path == REPORT),
    run,
};

/// Whether systems can be booted here at all.
pub fn check_host(context: &Context) -> Result<()> {
    if !host::is_root() && !bootable(context)?.is_empty() {
        bail!(
            "the step `install-test` boots containers, which needs root: run it as root, or end before it: --until publish"
        );
    }
    Ok(())
}

fn bootable(context: &Context) -> Result<Vec<&Distro>> {
    let mut found = Vec::new();
    for distro in &context.distros {
        if Recipe::exists(distro.id.as_str())? {
            found.push(distro);
        }
    }
    Ok(found)
}

fn run(context: &Context) -> Result<String> {
    let mut reports: Vec<Report> = Vec::new();
    let systems = bootable(context)?;
    if !systems.is_empty() {
        host::provide(container::HOST_PACKAGES.iter().copied(), &context.session)?;
    }
    for distro in systems {
        let id = distro.id.as_str();
        // nginx.org's side tries a stand-in that is built here; it is a matter of `cargo xtask test`.
        for side in Side::of(id)?.into_iter().filter(|side| *side != Side::FilteringNginxOrg) {
            let tree = context.tree();
            reports.push(install_test::try_release(id, side, &tree, context.revision, &context.key, &context.session)?);
        }
    }
    let path = context.folder.join(REPORT);
    let write = || format!("cannot write {}", path.display());
    std::fs::write(&path, serde_json::to_vec_pretty(&reports)?).with_context(write)?;
    let failed: Vec<String> = reports
        .iter()
        .flat_map(|report| &report.rows)
        .filter(|row| row.outcome == Outcome::Failed)
        .map(install_test::failure)
        .collect();
    if !failed.is_empty() || !reports.iter().all(Report::ok) {
        bail!("it cannot be installed as documented:{}", failed.join(""));
    }
    let facts: usize = reports.iter().map(|report| report.count(Outcome::Ok)).sum();
    let tried: Vec<String> = reports.iter().map(|report| report.distro.clone()).collect();
    Ok(match tried.is_empty() {
        true => "none of these distros can be booted here".to_owned(),
        false => format!("{facts} facts hold on {}", tried.join(", ")),
    })
}

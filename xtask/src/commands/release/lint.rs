//! Whether the packages are those of the plan, and what linters think of them.

use std::collections::BTreeSet;
use std::path::PathBuf;

use anyhow::{Result, bail};

use super::Context;
use super::context::fact;
use crate::commands::lint;
use crate::steps::{Facts, Lasts, Step, facts};

/// The step.
pub const STEP: Step<Context> = Step {
    name: "lint",
    what: "Compare the packages with the plan, and lint them",
    lasts: Lasts::WhileUnchanged,
    inputs: |context| {
        let mut inputs = fact("the packages", facts::sum(&context.packed()?));
        let exceptions = context.session.root.join("packaging/lint-exceptions.toml");
        inputs.extend(fact("packaging/lint-exceptions.toml", facts::file(&exceptions)?));
        Ok(inputs)
    },
    outputs: |_| Ok(Facts::new()),
    run,
};

fn run(context: &Context) -> Result<String> {
    context.need_packages()?;
    let packed = context.packed()?;
    let mut wrong = against_plan(context, &packed)?;
    let paths: Vec<PathBuf> = packed.keys().map(|path| context.packages().join(path)).collect();
    let looked = lint::look(&paths, &context.key, false, &context.session)?;
    wrong.extend(looked.findings.iter().map(|said| format!("{}: {}", said.tool.name(), said.text)));
    if !wrong.is_empty() {
        bail!("the packages are not fit to be published:\n  {}", wrong.join("\n  "));
    }
    let without = looked.left_out.join(", ");
    let without = if without.is_empty() { without } else { format!("; without {without}") };
    Ok(format!("{} packages{without}", packed.len()))
}

/// A package too many may be one of an older version; one too few is missed by users.
fn against_plan(context: &Context, packed: &Facts) -> Result<Vec<String>> {
    let plan = context.plan()?;
    let mut planned = BTreeSet::new();
    let mut may_be_missing = BTreeSet::new();
    for system in &plan.distros {
        for package in &system.packages {
            let path = format!("{}/{}", system.distro, package.file);
            if context.supply.allow_missing && !package.nginx.is_empty() {
                may_be_missing.insert(path.clone());
            }
            planned.insert(path);
        }
    }
    let here: BTreeSet<String> = packed.keys().cloned().collect();
    let foreign = here.difference(&planned).map(|path| format!("{path} is not in the plan"));
    let missing = planned.difference(&here).filter(|path| !may_be_missing.contains(*path));
    Ok(foreign.chain(missing.map(|path| format!("{path} is missing"))).collect())
}

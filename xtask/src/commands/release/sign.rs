//! The signed tree, beside the packages: what is published later is this, to the byte.

use anyhow::Result;

use super::context::{fact, indexes};
use super::{Context, source};
use crate::commands::repo;
use crate::report;
use crate::steps::{Facts, Lasts, Step, facts};

/// The step.
pub const STEP: Step<Context> = Step {
    name: "sign",
    what: "Lay the packages out as repositories, and sign them",
    lasts: Lasts::WhileUnchanged,
    inputs,
    outputs: |context| facts::files(&context.tree(), indexes),
    run,
};

fn inputs(context: &Context) -> Result<Facts> {
    let mut inputs = fact("the packages", facts::sum(&context.packed()?));
    inputs.extend(fact("the key", context.key_fact()?));
    inputs.extend(fact("the address", context.url.clone().unwrap_or_default()));
    // Its time is that of every index, and pages name it.
    inputs.extend(fact("the checkout", source::fact(&context.session.root)?));
    Ok(inputs)
}

fn run(context: &Context) -> Result<String> {
    context.need_packages()?;
    let summary = repo::build(&context.layout(context.tree()), &context.session)?;
    let (packages, bytes) =
        summary.suites.iter().fold((0, 0), |(count, sum), suite| (count + suite.packages, sum + suite.bytes));
    Ok(format!("{} repositories, {packages} packages, {}", summary.suites.len(), report::bytes(bytes)))
}

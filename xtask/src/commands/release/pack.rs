//! Every package of the plan.

use anyhow::Result;

use super::context::fact;
use super::{Context, source};
use crate::commands::package;
use crate::steps::{Facts, Lasts, Step};

/// The step.
pub const STEP: Step<Context> = Step {
    name: "pack",
    what: "Build and pack for every distro",
    lasts: Lasts::WhileUnchanged,
    inputs,
    outputs: Context::packed,
    run,
};

fn inputs(context: &Context) -> Result<Facts> {
    let mut facts = fact("the checkout", source::fact(&context.session.root)?);
    facts.extend(fact("the plan", serde_json::to_string(&context.plan()?)?));
    facts.extend(fact("--nginx-source", format!("{:?}", context.supply.sources)));
    facts.extend(fact("--allow-missing", context.supply.allow_missing.to_string()));
    if context.packs_with_key() {
        facts.extend(fact("the key", context.key_fact()?));
    }
    Ok(facts)
}

fn run(context: &Context) -> Result<String> {
    let (made, missing) = package::make_with(&context.packing(), &context.supply, &context.session)?;
    let without: Vec<String> = missing.iter().map(|entry| entry.version.to_string()).collect();
    Ok(match without.is_empty() {
        true => format!("{} packages", made.len()),
        false => format!("{} packages, without modules for NGINX {}", made.len(), without.join(", ")),
    })
}

//! For everybody: the same packages, not built again.

use super::Context;
use super::channel;
use super::context::fact;
use crate::steps::{Lasts, Step, facts};

/// The step.
pub const STEP: Step<Context> = Step {
    name: "promote",
    what: "Promote from testing to stable",
    lasts: Lasts::WhileUnchanged,
    inputs: |context| {
        let mut inputs = fact("the channel testing", facts::sum(&channel::published(context, channel::TESTING)?));
        inputs.extend(fact("the destination", context.destination()?));
        Ok(inputs)
    },
    outputs: |context| channel::published(context, channel::STABLE),
    run: |context| Ok(format!("{} files written", channel::promote(context)?.written)),
};

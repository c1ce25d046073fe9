//! For those who try it out before everybody.

use super::Context;
use super::channel;
use super::context::{fact, indexes};
use crate::steps::{Lasts, Step, facts};

/// The step.
pub const STEP: Step<Context> = Step {
    name: "publish",
    what: "Publish to the channel testing",
    lasts: Lasts::WhileUnchanged,
    inputs: |context| {
        let mut inputs = fact("the repositories", facts::sum(&facts::files(&context.tree(), indexes)?));
        inputs.extend(fact("the destination", context.destination()?));
        Ok(inputs)
    },
    outputs: |context| channel::published(context, channel::TESTING),
    run: |context| Ok(format!("{} files written", channel::publish(context)?.written)),
};

//! For everybody: the same packages, not built again.

use super::Context;
use super::channel::{self, Channel};
use super::context::fact;
use crate::steps::{Lasts, Step, facts};

/// The step.
pub const STEP: Step<Context> = Step {
    name: "promote",
    what: "Promote from testing to stable",
    lasts: Lasts::WhileUnchanged,
    inputs: |context| {
        let destination = context.destination()?;
        let mut inputs = fact("the channel testing", facts::sum(&channel::published(destination, Channel::Testing)?));
        inputs.extend(fact("the destination", format!("{destination:?}")));
        Ok(inputs)
    },
    outputs: |context| channel::published(context.destination()?, Channel::Stable),
    run: |context| {
        let tree = channel::promote(context, Channel::Testing, Channel::Stable)?;
        Ok(context.session.shown(&tree))
    },
};

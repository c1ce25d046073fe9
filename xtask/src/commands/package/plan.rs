//! What a run would do: the view of [`crate::plan`] that says where packages would go.

use std::process::ExitCode;

use anyhow::Result;

use super::Order;
use crate::plan::{Plan, text};
use crate::report;
use crate::session::Session;

/// Prints the plan.
pub fn show(order: &Order, plan: &Plan, session: &Session) -> Result<ExitCode> {
    if session.json {
        let mut value = serde_json::to_value(plan)?;
        value["folder"] = order.out.display().to_string().into();
        report::json(&value)?;
    } else {
        report::line(&text::show(plan));
        report::line(&format!("They would go to {}, a folder a distro.", session.shown(&order.out)));
    }
    Ok(ExitCode::SUCCESS)
}

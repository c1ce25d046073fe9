//! The module's status page: where servers of the tests have it, and what it says.

use std::net::SocketAddr;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::client::Request;

/// Where it is.
pub const PATH: &str = "/wallarm-status";

/// What a server block needs to have it.
#[must_use]
pub fn location() -> String {
    format!("location = {PATH} {{ wallarm_status on; wallarm_mode off; }}")
}

/// The page of the server at `address`, as JSON.
///
/// # Errors
///
/// If it does not show it.
pub fn read(address: SocketAddr) -> Result<Value> {
    let answer = Request::get(PATH).send(address)?;
    ensure!(answer.status == 200, "the status page answers with {}", answer.status);
    serde_json::from_slice(&answer.body).with_context(|| format!("the status page is no JSON: {}", answer.text()))
}

//! WebDriver's commands: JSON over HTTP.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

/// A page on loopback is there at once; a machine that is busy may take a while.
const PATIENCE: Duration = Duration::from_secs(60);

/// One session of a driver.
pub struct Session {
    agent: ureq::Agent,
    address: String,
}

impl Session {
    /// Asks a driver for a browser.
    pub fn open(driver: &str, capabilities: &Value) -> Result<Self> {
        let agent = ureq::Agent::config_builder()
            .timeout_global(Some(PATIENCE))
            .http_status_as_error(false)
            .proxy(None)
            .build()
            .new_agent();
        let mut session = Self { agent, address: format!("{driver}/session") };
        let answer = session.send(&session.address, capabilities)?;
        let id = answer["sessionId"].as_str().context("the driver gave no session")?;
        session.address = format!("{driver}/session/{id}");
        Ok(session)
    }

    /// Runs a command; gives its value.
    pub fn post(&self, command: &str, parameters: &Value) -> Result<Value> {
        self.send(&format!("{}/{command}", self.address), parameters).context(command.to_owned())
    }

    fn send(&self, address: &str, parameters: &Value) -> Result<Value> {
        let request = self.agent.post(address).header("Content-Type", "application/json; charset=utf-8");
        let mut response = request.send(serde_json::to_vec(parameters)?)?;
        // Screenshots of long pages are large.
        let text = response.body_mut().with_config().limit(256 << 20).read_to_string()?;
        let mut answer: Value = serde_json::from_str(&text).context("the driver answers something else than JSON")?;
        let value = answer["value"].take();
        if !response.status().is_success() {
            bail!("{}: {}", value["error"].as_str().unwrap_or("error"), value["message"].as_str().unwrap_or_default());
        }
        Ok(value)
    }
}

impl Drop for Session {
    /// Lets the browser write what it has to.
    fn drop(&mut self) {
        let _ = self.agent.delete(&self.address).call();
    }
}

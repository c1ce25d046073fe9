//! The ChromeDriver process.

use std::io::{BufRead as _, BufReader};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result};
use rustix::process::{Pid, Signal, kill_process_group};

/// What it prints once it listens, with the port after it.
const READY: &str = "started successfully on port ";

/// A running ChromeDriver, in a process group of its own with the browsers that it starts.
pub struct Driver {
    child: Child,
    port: u16,
}

impl Driver {
    /// Starts it on a free port of loopback, and returns once it listens.
    ///
    /// # Errors
    /// When it is not installed, or ends before it listens.
    pub fn start() -> Result<Self> {
        let mut child = Command::new("chromedriver")
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .context("cannot start chromedriver: install the Debian package chromium-driver")?;
        let output = child.stdout.take().context("chromedriver has no output")?;
        let mut driver = Self { child, port: 0 };
        for line in BufReader::new(output).lines() {
            if let Some(port) = line.context("cannot read what chromedriver prints")?.split(READY).nth(1) {
                driver.port = port.trim_end_matches('.').parse().context("chromedriver names no port")?;
                return Ok(driver);
            }
        }
        anyhow::bail!("chromedriver has ended before it listened")
    }

    /// Where it listens.
    pub fn address(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

impl Drop for Driver {
    /// Also of use when a test has failed half-way: no browser stays behind.
    fn drop(&mut self) {
        if let Some(group) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            let _ = kill_process_group(group, Signal::KILL);
        }
        let _ = self.child.wait();
    }
}

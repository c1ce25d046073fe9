//! The load generator: wrk, told what to send and how to report by a script of ours.

use std::fs;
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use tempfile::TempDir;

use super::cases::Case;

/// Sends what its arguments say, and at the end prints one line of numbers for us.
const SCRIPT: &str = r#"
function init(args)
  wrk.method = args[1]
  wrk.headers["Host"] = "shop.example.org"
  wrk.headers["User-Agent"] = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
  wrk.headers["Accept"] = "text/html,application/json;q=0.9,*/*;q=0.8"
  if args[2] ~= "" then
    wrk.headers["Content-Type"] = args[2]
    local file = assert(io.open(args[3], "rb"))
    wrk.body = file:read("*a")
    file:close()
  end
end

function done(summary, latency, requests)
  local e = summary.errors
  io.write(string.format("figures %d %d %d %d %d %d %d %d %d\n", summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(99), e.connect, e.read, e.write, e.status, e.timeout))
end
"#;

/// wrk with its script.
#[derive(Debug)]
pub struct Wrk {
    folder: TempDir,
}

/// What came back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answers {
    /// Requests that were answered, refusals included.
    pub requests: u64,
    /// How long it took.
    pub duration: Duration,
    /// Half of them were answered within this time.
    pub p50: Duration,
    /// 99 in a hundred of them were.
    pub p99: Duration,
    /// Requests without an answer, or with one of status 400 and above.
    pub failed: u64,
}

/// A load under way.
#[derive(Debug)]
pub struct Running {
    child: Child,
}

impl Wrk {
    /// Lays the script down.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    pub fn new() -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("wrk-").tempdir()?;
        fs::write(folder.path().join("script.lua"), SCRIPT)?;
        Ok(Self { folder })
    }

    /// Loads the server at `address` for `window`.
    ///
    /// # Errors
    ///
    /// If wrk is missing or fails.
    pub fn run(&self, address: SocketAddr, case: &Case, window: Duration) -> Result<Answers> {
        self.start(address, case, window)?.finish()
    }

    /// Begins to.
    ///
    /// # Errors
    ///
    /// If wrk is missing.
    pub fn start(&self, address: SocketAddr, case: &Case, window: Duration) -> Result<Running> {
        let body = self.folder.path().join("body");
        fs::write(&body, &case.body)?;
        let mut command = Command::new("wrk");
        command.args(["--threads", "1", "--connections", &case.connections.to_string(), "--timeout", "10s"]);
        command.args(["--duration", &format!("{}s", window.as_secs().max(1)), "--script"]);
        command.arg(self.folder.path().join("script.lua")).arg(format!("http://{address}{}", case.target));
        command.args(["--", case.method, case.content_type]).arg(&body);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.spawn().context("cannot run wrk; it comes with Debian's package wrk: apt install wrk")?;
        Ok(Running { child })
    }
}

impl Running {
    /// Waits for its end.
    ///
    /// # Errors
    ///
    /// If wrk fails.
    pub fn finish(self) -> Result<Answers> {
        let output = self.child.wait_with_output().context("wrk")?;
        let said = String::from_utf8_lossy(&output.stdout);
        ensure!(output.status.success(), "wrk failed:\n{said}{}", String::from_utf8_lossy(&output.stderr));
        parse(&said)
    }
}

fn parse(said: &str) -> Result<Answers> {
    let line = said.lines().find_map(|line| line.strip_prefix("figures ")).context("wrk printed no figures")?;
    let numbers: Vec<u64> = line.split_whitespace().map(str::parse).collect::<Result<_, _>>()?;
    let [requests, duration, p50, p99, connect, read, write, status, timeout] = numbers[..] else {
        bail!("wrk printed `{line}`");
    };
    Ok(Answers {
        requests,
        duration: Duration::from_micros(duration),
        p50: Duration::from_micros(p50),
        p99: Duration::from_micros(p99),
        failed: connect + read + write + status + timeout,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_of_figures_is_found_and_its_errors_are_added_up() {
        let answers = parse("Running 1s test\nfigures 100 1000000 250 900 1 2 3 4 5\n").unwrap();
        assert_eq!((answers.requests, answers.failed), (100, 15));
        assert_eq!((answers.p50, answers.p99), (Duration::from_micros(250), Duration::from_micros(900)));
        assert!(parse("figures 1 2\n").is_err());
    }
}

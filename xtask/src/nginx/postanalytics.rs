//! The real postanalytics server.

use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result, bail};
use rustix::process::Signal;
use tempfile::TempDir;

use super::client::Request;
use super::{address, server};

/// The command that runs the binary `wtarantool` as a server in `folder`, where its log will lie as `log`, with an arena of so
/// many GB. It is registered if there is a `node.yaml` in the folder.
///
/// # Errors
///
/// If its settings cannot be written.
pub fn serve(
    binary: &Path,
    folder: &Path,
    address: SocketAddr,
    arena: f64,
    metrics: Option<SocketAddr>,
) -> Result<Command> {
    let settings = folder.join("settings");
    let metrics = metrics.map_or_else(String::new, |metrics| metrics.to_string());
    let text = format!(
        "HOST='{}'\nPORT={}\nSLAB_ALLOC_ARENA={arena}\nLOGFILE={}\nWORKDIR={}\nNODE_YAML={}\nMETRICS_LISTEN='{metrics}'\n",
        address.ip(),
        address.port(),
        folder.join("log").display(),
        folder.display(),
        folder.join("node.yaml").display()
    );
    fs::write(&settings, text).with_context(|| format!("cannot write {}", settings.display()))?;
    let mut command = Command::new(binary);
    command.arg("serve").arg("--settings").arg(&settings).arg("--init-lua").arg(folder.join("none"));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    Ok(command)
}

/// A postanalytics server that runs until it is dropped.
#[derive(Debug)]
pub struct Postanalytics {
    /// Where it listens.
    pub address: SocketAddr,
    metrics: SocketAddr,
    child: Child,
    folder: TempDir,
}

impl Postanalytics {
    /// Starts the binary `wtarantool` and waits until it takes connections.
    ///
    /// # Errors
    ///
    /// If it does not come up; the message holds its log.
    pub fn start(binary: &Path) -> Result<Self> {
        Self::start_at(binary, address::free()?)
    }

    /// The same on a given address, such as that of one that was killed.
    ///
    /// # Errors
    ///
    /// As [`Postanalytics::start`].
    pub fn start_at(binary: &Path, address: SocketAddr) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("postanalytics-").tempdir()?;
        let metrics = address::free()?;
        let mut command = serve(binary, folder.path(), address, 0.2, Some(metrics))?;
        let child = command.spawn().with_context(|| format!("cannot run {}", binary.display()))?;
        let mut started = Self { address, metrics, child, folder };
        server::wait("postanalytics", || {
            if let Some(status) = started.child.try_wait()? {
                bail!("postanalytics ended with {status}:\n{}", started.log());
            }
            Ok(TcpStream::connect(address).is_ok())
        })
        .with_context(|| started.log())?;
        Ok(started)
    }

    /// Its log so far.
    #[must_use]
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.folder.path().join("log")).unwrap_or_default()).into_owned()
    }

    /// How many requests with this attack it has stored.
    ///
    /// # Errors
    ///
    /// If its metrics cannot be read.
    pub fn stored(&self, attack: &str) -> Result<u64> {
        self.metric(&format!("wallarm_tarantool_attacks_total{{type=\"{attack}\"}}"))
    }

    /// How many requests it has stored.
    ///
    /// # Errors
    ///
    /// If its metrics cannot be read.
    pub fn requests(&self) -> Result<u64> {
        self.metric("wallarm_tarantool_requests_total")
    }

    fn metric(&self, name: &str) -> Result<u64> {
        let page = Request::get("/metrics").send(self.metrics)?.text();
        let value = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        value.and_then(|value| value.trim().parse().ok()).with_context(|| format!("no {name} in the metrics:\n{page}"))
    }

    /// Stops it without its knowing: the kernel keeps its connections open and nobody reads them.
    ///
    /// # Errors
    ///
    /// If it has ended.
    pub fn freeze(&self) -> Result<()> {
        server::signal(self.child.id(), Signal::STOP)
    }

    /// Lets it go on after [`Postanalytics::freeze`].
    ///
    /// # Errors
    ///
    /// If it has ended.
    pub fn thaw(&self) -> Result<()> {
        server::signal(self.child.id(), Signal::CONT)
    }

    /// Ends it without warning.
    pub fn kill(&mut self) {
        // Both fail only if it has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Postanalytics {
    fn drop(&mut self) {
        self.kill();
    }
}

//! One running NGINX.

use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::config::Config;
use super::program::Program;
use super::{address, usage};

/// Starting, reloading and stopping take milliseconds; a machine under load, or valgrind, may need more.
const PATIENCE: Duration = Duration::from_secs(60);

/// How often a state that must come is looked at.
const TICK: Duration = Duration::from_millis(5);

/// An NGINX that runs until it is dropped.
#[derive(Debug)]
pub struct Server {
    /// Where it listens.
    pub address: SocketAddr,
    master: Child,
    place: Place,
    program: Program,
}

/// A folder for one NGINX: configuration, logs, temporary files, `html` to serve from, `cache`.
#[derive(Debug)]
pub struct Place {
    folder: TempDir,
}

/// What `nginx -t` says.
#[derive(Debug)]
pub struct Tested {
    /// Whether the configuration may be used.
    pub ok: bool,
    /// Every line that it wrote.
    pub said: String,
}

impl Place {
    /// A new folder that the workers can enter, with a small page in `html` and a folder `cache` that they may write.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    pub fn new() -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("nginx-").tempdir().context("cannot make a temporary folder")?;
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755))?;
        fs::create_dir(folder.path().join("html"))?;
        // Where an NGINX that nobody told otherwise writes its log until it has read the configuration.
        fs::create_dir(folder.path().join("logs"))?;
        fs::create_dir(folder.path().join("cache"))?;
        // Workers write here, and are not who we are.
        fs::set_permissions(folder.path().join("cache"), fs::Permissions::from_mode(0o777))?;
        fs::write(folder.path().join("html/index.html"), "<!doctype html><title>Front</title><p>Front page\n")?;
        Ok(Self { folder })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    fn config(&self) -> PathBuf {
        self.path().join("nginx.conf")
    }

    /// Writes the configuration and asks NGINX what it thinks of it.
    ///
    /// # Errors
    ///
    /// If NGINX cannot be run. A configuration that it refuses is no error.
    pub fn test(&self, program: &Program, config: &Config) -> Result<Tested> {
        fs::write(self.config(), config.text(self.path(), address::free()?))?;
        let output = program.command().arg("-t").args(self.arguments()).stdin(Stdio::null()).output();
        let output = output.with_context(|| format!("cannot run {}", program.path().display()))?;
        let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        Ok(Tested { ok: output.status.success(), said })
    }

    fn arguments(&self) -> [std::ffi::OsString; 4] {
        ["-p".into(), self.path().into(), "-c".into(), self.config().into()]
    }
}

impl Server {
    /// Starts NGINX in a folder of its own and waits until it takes connections.
    ///
    /// # Errors
    ///
    /// If it refuses the configuration or does not come up; the message holds what it said.
    pub fn start(program: &Program, config: &Config) -> Result<Self> {
        Self::start_in(Place::new()?, program, config)
    }

    /// The same in a folder that the caller has prepared.
    ///
    /// # Errors
    ///
    /// As [`Server::start`].
    pub fn start_in(place: Place, program: &Program, config: &Config) -> Result<Self> {
        let address = address::free()?;
        fs::write(place.config(), config.text(place.path(), address))?;
        let output = fs::File::create(place.path().join("output"))?;
        let mut command = program.command();
        command.args(place.arguments()).args(["-g", "daemon off;"]);
        command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
        let master = command.spawn().with_context(|| format!("cannot run {}", program.path().display()))?;
        let mut server = Self { address, master, place, program: program.clone() };
        server.ready(config)?;
        Ok(server)
    }

    fn ready(&mut self, config: &Config) -> Result<()> {
        let until = Instant::now() + PATIENCE;
        while TcpStream::connect(self.address).is_err() {
            if let Some(status) = self.master.try_wait()? {
                bail!("NGINX {} ended with {status}:\n{}", self.program.version, self.said());
            }
            ensure!(Instant::now() < until, "NGINX does not answer on {}:\n{}", self.address, self.said());
            std::thread::sleep(TICK);
        }
        // The listener is the master's; until there is a worker nobody serves it, and whoever counts them wants all of them.
        let workers = usize::try_from(config.workers.max(1))?;
        wait("the workers", || Ok(self.workers().len() >= workers))
    }

    /// Process number of the master.
    #[must_use]
    pub fn master(&self) -> u32 {
        self.master.id()
    }

    /// Process numbers of the workers, old ones on their way out included.
    #[must_use]
    pub fn workers(&self) -> Vec<u32> {
        usage::children(self.master.id())
    }

    /// Where its files are.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.place.path()
    }

    /// The error log so far.
    #[must_use]
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.path().join("error.log")).unwrap_or_default()).into_owned()
    }

    /// What it wrote to its standard output and error, and to the error log.
    #[must_use]
    pub fn said(&self) -> String {
        let output = fs::read(self.path().join("output")).unwrap_or_default();
        format!("{}{}", String::from_utf8_lossy(&output), self.log())
    }

    /// Tells the master to read its configuration again, and waits until only new workers run.
    ///
    /// # Errors
    ///
    /// If an old worker does not leave, or no new one comes.
    pub fn reload(&self) -> Result<()> {
        let old = self.workers();
        signal(self.master.id(), Signal::HUP)?;
        wait("new workers after a reload", || {
            let now = self.workers();
            Ok(now.len() >= old.len() && now.iter().all(|pid| !old.contains(pid)))
        })
        .with_context(|| self.said())
    }

    /// Stops it as an operator does, letting requests end, and gives all that it said.
    ///
    /// # Errors
    ///
    /// If it does not end, or ends with anything but success.
    pub fn quit(mut self) -> Result<String> {
        signal(self.master.id(), Signal::QUIT)?;
        let until = Instant::now() + PATIENCE;
        let status = loop {
            match self.master.try_wait()? {
                Some(status) => break status,
                None if Instant::now() > until => bail!("NGINX does not stop:\n{}", self.said()),
                None => std::thread::sleep(TICK),
            }
        };
        ensure!(status.success(), "NGINX ended with {status}:\n{}", self.said());
        Ok(self.said())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // SIGTERM lets the master end its workers; SIGKILL would leave them behind.
        let _ = signal(self.master.id(), Signal::TERM);
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until {
            if !matches!(self.master.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(TICK);
        }
        for worker in self.workers() {
            let _ = signal(worker, Signal::KILL);
        }
        let _ = self.master.kill();
        let _ = self.master.wait();
    }
}

/// Sends a signal.
///
/// # Errors
///
/// If there is no such process.
pub fn signal(pid: u32, signal: Signal) -> Result<()> {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw).with_context(|| format!("{pid} is no process number"))?;
    kill_process(pid, signal).with_context(|| format!("cannot send {signal:?} to process {}", pid.as_raw_nonzero()))
}

/// Waits until something that must come is the case.
///
/// # Errors
///
/// If it is not after a time that is ample, or if looking at it fails.
pub fn wait(what: &str, mut is_so: impl FnMut() -> Result<bool>) -> Result<()> {
    let until = Instant::now() + PATIENCE;
    while !is_so()? {
        ensure!(Instant::now() < until, "waited {} s in vain for {what}", PATIENCE.as_secs());
        std::thread::sleep(TICK);
    }
    Ok(())
}

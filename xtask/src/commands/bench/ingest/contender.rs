//! Who is compared, each as a process of its own that takes records.

use std::fs;
use std::io::Read as _;
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use tempfile::TempDir;

use super::tarantool::{self, Options};
use crate::nginx::{address, postanalytics, usage};

/// A server must listen within this time.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often it is looked for. Finer than what is measured.
const TICK: Duration = Duration::from_micros(500);
/// A server is idle when it used no processor for so long.
const IDLE: Duration = Duration::from_millis(50);

/// Ours is registered with a Cloud where nobody listens: what it finds is saved to disk and stays there.
const NODE_YAML: &str = "\
hostname: bench
uuid: 00000000-0000-4000-8000-000000000001
secret: bench
api: { host: 127.0.0.1, port: 9, use_ssl: false }
";

/// A way to take records in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Contender {
    /// Our server.
    Ours,
    /// Tarantool, told to INSERT.
    Insert,
    /// The same with a larger `readahead`, which its documentation advises where much comes in.
    InsertWide,
    /// Tarantool, told to CALL a function in Lua that inserts.
    Call,
    /// INSERT into a Tarantool that writes its log to disk.
    InsertWal,
}

impl Contender {
    /// Ours first, and the peers as far as they can be had.
    pub fn all(peers: bool) -> Vec<Self> {
        let all = [Self::Ours, Self::Insert, Self::InsertWide, Self::Call, Self::InsertWal];
        all.into_iter().filter(|contender| peers || *contender == Self::Ours).collect()
    }

    /// For tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ours => "this project",
            Self::Insert => "Tarantool, INSERT",
            Self::InsertWide => "Tarantool, INSERT, readahead of 1 MiB",
            Self::Call => "Tarantool, CALL of Lua",
            Self::InsertWal => "Tarantool, INSERT, with WAL",
        }
    }
}

/// Where servers come from and where they live.
#[derive(Debug)]
pub struct Workshop {
    /// Our server.
    pub binary: PathBuf,
    /// Folders of servers are made in here. It lies on a disk.
    pub folder: PathBuf,
}

/// A server that runs until it is dropped.
#[derive(Debug)]
pub struct Server {
    /// Where it listens.
    pub address: SocketAddr,
    /// From its start until it greeted.
    pub listening_after: Duration,
    child: Child,
    folder: TempDir,
}

impl Workshop {
    /// Starts a server that may keep `arena` GB of records.
    pub fn start(&self, contender: Contender, arena: f64) -> Result<Server> {
        let folder = tempfile::tempdir_in(&self.folder).context("cannot make a folder for a server")?;
        let address = address::free()?;
        let mut command = self.command(contender, arena, folder.path(), address)?;
        let begun = Instant::now();
        let child = command.spawn().with_context(|| format!("cannot run {command:?}"))?;
        let mut server = Server { address, listening_after: Duration::ZERO, child, folder };
        server.listening_after = server.wait_for_greeting(begun).with_context(|| contender.name().to_owned())?;
        Ok(server)
    }

    fn command(&self, contender: Contender, arena: f64, folder: &Path, address: SocketAddr) -> Result<Command> {
        match contender {
            Contender::Ours => {
                fs::write(folder.join("node.yaml"), NODE_YAML).context("cannot register a server")?;
                postanalytics::serve(&self.binary, folder, address, arena, None)
            }
            Contender::Insert | Contender::Call => tarantool::command(folder, address, arena, Options::STOCK),
            Contender::InsertWide => {
                tarantool::command(folder, address, arena, Options { readahead: 1 << 20, ..Options::STOCK })
            }
            Contender::InsertWal => tarantool::command(folder, address, arena, Options { wal: true, ..Options::STOCK }),
        }
    }
}

impl Server {
    fn wait_for_greeting(&mut self, begun: Instant) -> Result<Duration> {
        loop {
            if let Ok(mut stream) = TcpStream::connect(self.address) {
                stream.read_exact(&mut [0]).context("it listens and does not greet")?;
                return Ok(begun.elapsed());
            }
            if let Some(status) = self.child.try_wait()? {
                bail!("it ended with {status}:\n{}", self.log());
            }
            ensure!(begun.elapsed() < PATIENCE, "it does not listen:\n{}", self.log());
            std::thread::sleep(TICK);
        }
    }

    /// Processor time so far, once it has nothing left to do: what it does behind its answers is part of the work.
    pub fn processor_time(&self) -> Result<Duration> {
        let until = Instant::now() + PATIENCE;
        let mut before = usage::processor_time(self.child.id())?;
        loop {
            std::thread::sleep(IDLE);
            let now = usage::processor_time(self.child.id())?;
            // Timers and the like.
            if now.saturating_sub(before) < IDLE / 20 {
                return Ok(before);
            }
            ensure!(Instant::now() < until, "the server works on and on without a request");
            before = now;
        }
    }

    /// Resident memory, in bytes.
    pub fn resident(&self) -> Result<u64> {
        usage::resident(self.child.id())
    }

    /// Its log so far.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.folder.path().join("log")).unwrap_or_default()).into_owned()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail only if it has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

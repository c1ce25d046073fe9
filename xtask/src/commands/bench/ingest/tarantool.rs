//! The peer: Tarantool, told to keep records in memory under a number.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result};

/// The number of the space.
pub const SPACE: u64 = 600;
/// What is run. It listens once the rest is done, so that a server that greets is ready. The function takes what the module sends to our
/// server, byte for byte.
const SCRIPT: &str = r"
box.cfg{ memtx_memory = MEMORY, wal_mode = 'WAL', log = 'log', log_level = 4, checkpoint_interval = 0,
  readahead = READAHEAD }
local records = box.schema.space.create('records', { id = SPACE })
records:create_index('primary', { parts = { { 1, 'unsigned' } } })
local pushed = box.schema.space.create('pushed')
pushed:create_index('primary', { parts = { { 1, 'string' } } })
box.schema.user.grant('guest', 'super')
wallarm = { request = { push = function(schema, record)
  pushed:insert{ record.request_id, record }
  return record.request_id
end } }
box.cfg{ listen = 'ADDRESS' }
";

/// What differs from one Tarantool to another.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Each record is written to a log on disk.
    pub wal: bool,
    /// Bytes that are read at once.
    pub readahead: u32,
}

impl Options {
    /// As it is unless told otherwise; our server has the same readahead.
    pub const STOCK: Self = Self { wal: false, readahead: 16_320 };
}

/// Its version, if it is installed.
pub fn version() -> Option<String> {
    let output = Command::new("tarantool").arg("--version").output().ok().filter(|output| output.status.success())?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let number = text.lines().next()?.split_whitespace().nth(1)?.split('-').next()?;
    Some(number.to_owned())
}

/// The command that runs it in `folder`, where its log will lie as `log`, with so many GB for tuples.
pub fn command(folder: &Path, address: SocketAddr, arena: f64, options: Options) -> Result<Command> {
    let memory = (arena * (1_u64 << 30) as f64) as u64;
    let script = SCRIPT
        .replace("MEMORY", &memory.to_string())
        .replace("WAL", if options.wal { "write" } else { "none" })
        .replace("SPACE", &SPACE.to_string())
        .replace("READAHEAD", &options.readahead.to_string())
        .replace("ADDRESS", &address.to_string());
    let path = folder.join("init.lua");
    fs::write(&path, script).with_context(|| format!("cannot write {}", path.display()))?;
    let mut command = Command::new("tarantool");
    command.arg(&path).current_dir(folder).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    Ok(command)
}

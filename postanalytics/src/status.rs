//! `wtarantool status`: the state of the server on this machine, for people and for scripts.

use std::io::{self, IsTerminal as _, Write};
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::settings::{Settings, default_path};
use crate::state::page::page;
use crate::state::{State, socket};

/// Clears a terminal and goes to its upper left corner.
const CLEAR: &str = "\x1b[H\x1b[2J";

/// What is shown, and how often.
#[derive(Debug, Args)]
pub struct StatusOptions {
    /// As JSON, one document a line with --watch
    #[arg(long)]
    json: bool,
    /// Show it again every so many seconds, until it is ended [default when given: 2]
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = "2", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    watch: Option<u64>,
    /// Socket of the server [default: status.sock in the WORKDIR of the settings file]
    #[arg(long, value_name = "PATH")]
    socket: Option<PathBuf>,
}

/// Why the state was not shown, or is wrong.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// It cannot be had.
    #[error(transparent)]
    Status(#[from] socket::StatusError),
    /// It cannot be shown.
    #[error(transparent)]
    Output(#[from] io::Error),
}

/// Shows the state. Returns whether all of its sums are right.
///
/// # Errors
///
/// [`Failure`]
pub fn show(options: &StatusOptions) -> Result<bool, Failure> {
    let path = options.socket.clone().unwrap_or_else(|| {
        // A settings file that cannot be read is the server's concern.
        socket::path(&Settings::load(&default_path(), None).unwrap_or_default().settings.workdir)
    });
    let mut out = io::stdout().lock();
    let terminal = out.is_terminal();
    loop {
        let state = socket::read(&path)?;
        write(&mut out, &state, options, terminal)?;
        let Some(seconds) = options.watch else { return Ok(state.balance.holds()) };
        std::thread::sleep(Duration::from_secs(seconds));
    }
}

fn write(out: &mut impl Write, state: &State, options: &StatusOptions, terminal: bool) -> io::Result<()> {
    if options.json {
        let json =
            if options.watch.is_some() { serde_json::to_string(state) } else { serde_json::to_string_pretty(state) };
        writeln!(out, "{}", json?)?;
    } else {
        let clear = if terminal && options.watch.is_some() { CLEAR } else { "" };
        write!(out, "{clear}{}", page(state, terminal))?;
    }
    out.flush()
}

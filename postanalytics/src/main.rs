//! The postanalytics server and its console, in one binary.
//!
//! | File | Holds |
//! |---|---|
//! | `main.rs` | the command line and the exit codes |
//! | `settings/` | the settings file: grammar, table of variables, values; the two numbers of `init.lua` |
//! | `log.rs` | the log file and its line style |
//! | `server/run.rs` | start, signals, stop |
//! | `server/listener.rs` | port 3313 and who gets in |
//! | `server/allowance.rs` | how the memory besides the arena is shared out |
//! | `server/connection.rs`, `input.rs` | one connection: reading, limits, answers |
//! | `server/limiter.rs` | one line in the log a minute for each peer and event |
//! | `procedures.rs` | every request that is answered, and the refusal of all others |
//! | `record.rs` | what a record must be |
//! | `store/` | the circular buffer |
//! | `analyst.rs`, `counting.rs` | runs the analysis, and hands on what it counted |
//! | `spooling/` | hits in memory and on disk |
//! | `export/` | hits and counts to the Cloud |
//! | `state/`, `status.rs` | what the server knows of itself, and how it is shown |
//! | `statistics.rs` | the documented figures |
//! | `attack_counters.rs` | stored requests by attack |
//! | `metrics.rs` | the endpoint for Prometheus |
//! | `notify.rs`, `system.rs` | systemd, the machine |
//! | `client.rs` | the client behind the three below |
//! | `console.rs` | lines that people type |
//! | `check/` | the checks of Nagios: ranges, states, the line they print |
//! | `collectd.rs` | values for collectd |
//!
//! Data flows one way: a record from the port into the [`store`], from there to the analysis, its hits to the spool, from there to the
//! Cloud. What each part has and has lost is in the [`state`].

mod analyst;
mod attack_counters;
mod check;
mod client;
mod collectd;
mod console;
mod counting;
mod export;
mod log;
mod metrics;
mod notify;
mod procedures;
mod record;
mod server;
mod settings;
mod spooling;
mod state;
mod statistics;
mod status;
mod store;
mod system;

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::check::Check;
use crate::collectd::{Circumstances, Target};
use crate::console::Console;
use crate::server::{Options, ServeError};
use crate::settings::{Loaded, Settings, VARIABLES, default_path};
use crate::spooling::StartError;
use crate::status::StatusOptions;

/// Where packages keep `init.lua`.
const INIT_LUA: &str = "/usr/share/wallarm-tarantool/init.lua";

/// Something failed that may work later: an address cannot be bound, a line has no answer.
const EXIT_FAILURE: u8 = 1;
/// The command line cannot be used; clap's own code.
const EXIT_USAGE: u8 = 2;
/// The settings cannot be used (`EX_CONFIG` of sysexits.h); systemd does not restart the server then.
const EXIT_SETTINGS: u8 = 78;

const EXIT_CODES: &str = "\
Exit codes:
  0   done; all lines were answered
  1   an address cannot be bound, a line of the console has no answer, or a sum of the state is wrong
  2   wrong command line (`check` has the exit codes of Nagios' plugins)
  78  the settings, the log file, the memory they ask for or a newer server's spool cannot be used";

/// Console and server of postanalytics.
///
/// Without a command: the console, which reads lines from the terminal or from standard input.
#[derive(Debug, Parser)]
#[command(name = "wtarantool", version, after_help = EXIT_CODES, args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    console: ConsoleOptions,
}

#[derive(Debug, Args)]
struct ConsoleOptions {
    /// Address of the server [default: HOST of the settings file, else 127.0.0.1]
    #[arg(long)]
    host: Option<String>,
    /// Port of the server [default: PORT of the settings file, else 3313]
    #[arg(long)]
    port: Option<u16>,
    /// Carry out LINE and leave; may be given more than once, and hold several lines
    #[arg(short = 'e', value_name = "LINE")]
    lines: Vec<String>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server in the foreground, as its unit does
    Serve {
        /// The settings file
        #[arg(long, value_name = "FILE", default_value_os_t = default_path())]
        settings: PathBuf,
        /// Read `readahead` and `net_msg_max` from the box.cfg block of this file; the settings file wins
        #[arg(long, value_name = "FILE", default_value = INIT_LUA)]
        init_lua: PathBuf,
        /// Let the system choose the port
        #[arg(long, hide = true)]
        any_port: bool,
    },
    /// Read the settings, report the values in force, and say what is wrong
    CheckSettings {
        /// The settings file
        #[arg(long, value_name = "FILE", default_value_os_t = default_path())]
        settings: PathBuf,
        /// Read `readahead` and `net_msg_max` from the box.cfg block of this file; the settings file wins
        #[arg(long, value_name = "FILE", default_value = INIT_LUA)]
        init_lua: PathBuf,
    },
    /// Show what the server on this machine is doing, and whether its sums are right
    Status(StatusOptions),
    /// Check the server as a plugin of Nagios does; the plugins of wallarm-monitoring call this
    #[command(subcommand)]
    Check(Check),
    /// Print values for collectd, whose plugin exec calls this, until nobody reads them
    Collectd {
        /// `Host` and an address, `Port` and a port [default: those of the settings file]
        #[arg(value_name = "KEY VALUE")]
        words: Vec<String>,
    },
    /// Print the settings file that packages ship
    #[command(hide = true)]
    PrintSettings,
}

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        // For a plugin, the exit code of a wrong command line means another thing.
        Err(error) if std::env::args_os().nth(1).is_some_and(|word| word == "check") => {
            return tell(check::usage(&error));
        }
        Err(error) => error.exit(),
    };
    match cli.command {
        None => finish(run_console(&cli.console)),
        Some(Command::Serve { settings, init_lua, any_port }) => serve(&Options { settings, init_lua, any_port }),
        Some(Command::CheckSettings { settings, init_lua }) => check_settings(&settings, &init_lua),
        Some(Command::Status(options)) => match status::show(&options) {
            Ok(right) => finish(Ok(right)),
            Err(status::Failure::Output(error)) => finish(Err(error)),
            Err(error) => complain(&error, EXIT_FAILURE),
        },
        Some(Command::Check(check)) => tell(check.run()),
        Some(Command::Collectd { words }) => collect(&words),
        Some(Command::PrintSettings) => {
            finish(io::stdout().write_all(settings::shipped_file().as_bytes()).map(|()| true))
        }
    }
}

fn serve(options: &Options) -> ExitCode {
    match server::run(options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let code = match error {
                ServeError::Settings(_) | ServeError::Log { .. } | ServeError::Memory(_) => EXIT_SETTINGS,
                ServeError::Spool(StartError::Newer(_)) => EXIT_SETTINGS,
                ServeError::Bind { .. } | ServeError::Spool(_) | ServeError::System(_) => EXIT_FAILURE,
            };
            complain(&error, code)
        }
    }
}

fn check_settings(file: &Path, init_lua: &Path) -> ExitCode {
    match Settings::load(file, Some(init_lua)) {
        Ok(Loaded { settings, notes }) => {
            let notes = notes.iter().map(|note| format!("note: {note}\n"));
            let values = VARIABLES.iter().map(|variable| format!("{}={}\n", variable.name, (variable.show)(&settings)));
            let report: String = notes.chain(values).collect();
            finish(io::stdout().write_all(report.as_bytes()).map(|()| true))
        }
        Err(error) => complain(&error, EXIT_SETTINGS),
    }
}

fn run_console(options: &ConsoleOptions) -> io::Result<bool> {
    let mut console = Console::new(client::address(options.host.as_deref(), options.port));
    let mut out = io::stdout().lock();
    if options.lines.is_empty() {
        return console.run(&mut out);
    }
    console.run_lines(options.lines.iter().flat_map(|argument| argument.lines()), &mut out)
}

fn collect(words: &[String]) -> ExitCode {
    let target = match Target::from_words(words) {
        Ok(target) => target,
        Err(error) => return complain(&error, EXIT_USAGE),
    };
    let (mut out, mut complaints) = (io::stdout().lock(), io::stderr().lock());
    finish(collectd::run(&target, &Circumstances::from_environment(), &mut out, &mut complaints).map(|()| true))
}

/// What a plugin says, and its exit code.
fn tell((line, code): (String, u8)) -> ExitCode {
    // Whoever does not read the line has the exit code.
    let _ = writeln!(io::stdout(), "{line}");
    ExitCode::from(code)
}

fn finish(outcome: io::Result<bool>) -> ExitCode {
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(EXIT_FAILURE),
        // `wtarantool … | head -1` is not a failure.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => complain(&error, EXIT_FAILURE),
    }
}

fn complain(error: &dyn std::error::Error, code: u8) -> ExitCode {
    // Nobody is left to tell if standard error is gone.
    let _ = writeln!(io::stderr(), "wtarantool: {error}");
    ExitCode::from(code)
}

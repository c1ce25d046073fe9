//! The checks of Nagios and its kin: package `wallarm-monitoring` has a small script for each.
//!
//! Guidelines: <https://www.monitoring-plugins.org/doc/guidelines.html>. Where there is no telling – no answer, no sensible
//! one, a wrong command line – the state is UNKNOWN; `--help` and `--version` end with it, too, as the guidelines ask.

mod outcome;
mod range;

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use clap::error::ErrorKind;
use clap::{Args, Subcommand};

use crate::client::{self, Client, ClientError};
use crate::statistics::{Number, Statistic};
use outcome::{Datum, Limits, Outcome, State};
use range::Range;

const RANGES: &str = "\
RANGE is a number, or [@]START:END: values outside of START and END alert, with @ those inside. An END left out is \
without limit, so is ~ for START.

Exit codes: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN";

const NO_RANGES: &str = "Exit codes: 0 OK, 2 CRITICAL, 3 UNKNOWN";

/// What is looked at.
#[derive(Debug, Subcommand)]
pub enum Check {
    /// Check how far back the requests reach that postanalytics has stored.
    ///
    /// A young server has had no time to store more, and is told of as any other: the answer says how long it has been up.
    #[command(
        version,
        display_name = "check_wallarm_tarantool_timeframe",
        override_usage = "check_wallarm_tarantool_timeframe [OPTIONS]",
        after_help = RANGES
    )]
    Timeframe {
        #[command(flatten)]
        server: ServerOptions,
        /// WARNING for an age outside of this, in seconds; a number alone is the least that is good
        #[arg(short, long, value_name = "RANGE", default_value = "1800", value_parser = Range::at_least)]
        #[arg(allow_hyphen_values = true)]
        warning: Range,
        /// CRITICAL for an age outside of this, in seconds; a number alone is the least that is good
        #[arg(short, long, value_name = "RANGE", default_value = "900", value_parser = Range::at_least)]
        #[arg(allow_hyphen_values = true)]
        critical: Range,
    },
    /// Check how late postanalytics is with the export of attacks.
    #[command(
        version,
        display_name = "check_wallarm_export_delay",
        override_usage = "check_wallarm_export_delay [OPTIONS]",
        after_help = RANGES
    )]
    ExportDelay {
        #[command(flatten)]
        server: ServerOptions,
        /// WARNING for a delay outside of this, in seconds; a number alone is the most that is good
        #[arg(short, long, value_name = "RANGE", default_value = "120", value_parser = Range::up_to)]
        #[arg(allow_hyphen_values = true)]
        warning: Range,
        /// CRITICAL for a delay outside of this, in seconds; a number alone is the most that is good
        #[arg(short, long, value_name = "RANGE", default_value = "300", value_parser = Range::up_to)]
        #[arg(allow_hyphen_values = true)]
        critical: Range,
    },
    /// Check whether postanalytics is losing attacks before it has exported them.
    ///
    /// CRITICAL if it has lost one within the last ten minutes.
    #[command(
        version,
        display_name = "check_wallarm_export_drops",
        override_usage = "check_wallarm_export_drops [OPTIONS]",
        after_help = NO_RANGES
    )]
    ExportDrops {
        #[command(flatten)]
        server: ServerOptions,
    },
}

/// Where the server is.
#[derive(Debug, Args)]
pub struct ServerOptions {
    /// Address of the server [default: HOST of the settings file, else 127.0.0.1]
    #[arg(short = 'H', long, alias = "host", value_name = "HOST")]
    hostname: Option<String>,
    /// Port of the server [default: PORT of the settings file, else 3313]
    #[arg(short, long)]
    port: Option<u16>,
    /// Seconds after which the answer is UNKNOWN
    #[arg(short, long, value_name = "SECONDS", default_value = "10")]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=3600))]
    timeout: u64,
}

impl Check {
    /// Checks. Gives the line to print and the exit code.
    #[must_use]
    pub fn run(self) -> (String, u8) {
        let outcome = self.outcome();
        (outcome.to_string(), outcome.state.code())
    }

    fn outcome(self) -> Outcome {
        let server = self.server();
        let address = client::address(server.hostname.as_deref(), server.port);
        let timeout = Duration::from_secs(server.timeout);
        let mut client = Client::new(address.clone(), timeout);
        let (sender, receiver) = mpsc::channel();
        // Looking up a name has no limit of its own; a thread that is stuck in it ends with the process.
        thread::spawn(move || sender.send(self.look(&mut client)));
        match receiver.recv_timeout(timeout) {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(error)) => Outcome::unknown(error),
            Err(_) => Outcome::unknown(format_args!("{address}: no answer within {} s", timeout.as_secs())),
        }
    }

    fn server(&self) -> &ServerOptions {
        match self {
            Self::Timeframe { server, .. } | Self::ExportDelay { server, .. } | Self::ExportDrops { server } => server,
        }
    }

    fn look(&self, client: &mut Client) -> Result<Outcome, ClientError> {
        match self {
            Self::Timeframe { warning, critical, .. } => {
                timeframe(client, Limits { warning: *warning, critical: *critical })
            }
            Self::ExportDelay { warning, critical, .. } => {
                export_delay(client, Limits { warning: *warning, critical: *critical })
            }
            Self::ExportDrops { .. } => export_drops(client),
        }
    }
}

fn timeframe(client: &mut Client, limits: Limits) -> Result<Outcome, ClientError> {
    let value = client.figure(Statistic::TimeframeSize)?;
    let mut text = if value.as_f64() == 0.0 {
        "no request is stored".to_owned()
    } else {
        format!("the oldest stored request is {value} s old")
    };
    // An older server does not tell.
    if let Ok(uptime) = client.figure(Statistic::Uptime) {
        text += &format!(", the server is up for {uptime} s");
    }
    let data = vec![Datum { label: "timeframe", value, unit: "s", limits: Some(limits) }];
    Ok(Outcome { state: limits.judge(value.as_f64()), text, data })
}

fn export_delay(client: &mut Client, limits: Limits) -> Result<Outcome, ClientError> {
    let value = client.figure(Statistic::ExportDelay)?;
    let text = if value.as_f64() == 0.0 {
        "no attack waits for its export".to_owned()
    } else {
        format!("the oldest attack that is not exported is {value} s old")
    };
    let data = vec![Datum { label: "export_delay", value, unit: "s", limits: Some(limits) }];
    Ok(Outcome { state: limits.judge(value.as_f64()), text, data })
}

fn export_drops(client: &mut Client) -> Result<Outcome, ClientError> {
    let flag = client.figure(Statistic::ExportDropsFlag)?;
    let value = client.figure(Statistic::DroppedBeforeExport)?;
    let lately = if flag == Number::Count(0) { "none" } else { "some" };
    let text = format!("{value} requests with attacks lost before export since the start, {lately} within ten minutes");
    let state = if flag == Number::Count(0) { State::Ok } else { State::Critical };
    let data = vec![
        Datum { label: "export_drops", value, unit: "c", limits: None },
        Datum { label: "export_drops_flag", value: flag, unit: "", limits: None },
    ];
    Ok(Outcome { state, text, data })
}

/// What is said of a command line that asks for help or is wrong, and the exit code.
#[must_use]
pub fn usage(error: &clap::Error) -> (String, u8) {
    let text = error.to_string();
    let text = match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            text.trim_end().to_owned()
        }
        _ => {
            let first = text.lines().next().unwrap_or_default();
            Outcome::unknown(format_args!("{}; see --help", first.trim_start_matches("error: "))).to_string()
        }
    };
    (text, State::Unknown.code())
}

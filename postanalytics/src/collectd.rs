//! Values for collectd, which runs this through its plugin `exec` and reads `PUTVAL` lines.
//!
//! Protocol: collectd-exec(5), <https://www.collectd.org/documentation/manpages/collectd-exec.html>.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::thread;
use std::time::{Duration, Instant};

use crate::client::{self, Client, ClientError, PATIENCE};
use crate::statistics::{Number, Statistic};

/// The documented identifiers, behind host and plugin, and what they tell.
const VALUES: [(&str, Statistic); 7] = [
    ("counter-last_request_id", Statistic::LastRequestId),
    ("gauge-last_request_id", Statistic::LastRequestId),
    ("gauge-export_drops_flag", Statistic::ExportDropsFlag),
    ("gauge-export_drops", Statistic::DroppedBeforeExport),
    ("derive-export_drops", Statistic::DroppedBeforeExport),
    ("gauge-export_delay", Statistic::ExportDelay),
    ("gauge-timeframe_size", Statistic::TimeframeSize),
];

/// collectd's own interval when nobody has set one.
const INTERVAL: Duration = Duration::from_secs(10);
const HOST_NAME: &str = "localhost";

/// Words of the fragment that cannot be used.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum WordsError {
    /// There is no such key.
    #[error("unknown key `{0}`; known: Host, Port")]
    Key(String),
    /// A key stands alone.
    #[error("{0} has no value")]
    Alone(String),
    /// The port is none.
    #[error("Port `{0}` is no port")]
    Port(String),
}

/// The keys of the fragment.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Target {
    host: Option<String>,
    port: Option<u16>,
}

impl Target {
    /// Reads pairs of key and value; as everywhere in collectd's files, the case of a key does not count.
    ///
    /// # Errors
    ///
    /// [`WordsError`] if they are no such pairs.
    pub fn from_words(words: &[String]) -> Result<Self, WordsError> {
        let mut target = Self::default();
        for pair in words.chunks(2) {
            let [key, value] = pair else { return Err(WordsError::Alone(pair.concat())) };
            match key.to_ascii_lowercase().as_str() {
                "host" => target.host = Some(value.clone()),
                "port" => target.port = Some(port(value)?),
                _ => return Err(WordsError::Key(key.clone())),
            }
        }
        Ok(target)
    }
}

/// collectd hands on a number that was written without quotes as `3313.000000`.
fn port(value: &str) -> Result<u16, WordsError> {
    let digits = value.split_once('.').filter(|(_, fraction)| fraction.bytes().all(|digit| digit == b'0'));
    digits.map_or(value, |(whole, _)| whole).parse().map_err(|_| WordsError::Port(value.to_owned()))
}

/// What collectd tells the programs that it runs.
#[derive(Debug)]
pub struct Circumstances {
    host_name: String,
    interval: Duration,
}

impl Circumstances {
    /// Reads them from the environment.
    #[must_use]
    pub fn from_environment() -> Self {
        let interval = std::env::var("COLLECTD_INTERVAL").ok().and_then(|text| text.parse::<f64>().ok());
        let interval = interval.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        Self {
            host_name: std::env::var("COLLECTD_HOSTNAME").unwrap_or_else(|_| HOST_NAME.to_owned()),
            interval: interval.filter(|interval| !interval.is_zero()).unwrap_or(INTERVAL),
        }
    }
}

/// Writes the values to `out` once in each interval until nobody reads them; what is wrong goes to `complaints`, once.
///
/// # Errors
///
/// `out` cannot be written any more: collectd is gone.
pub fn run(
    target: &Target,
    circumstances: &Circumstances,
    out: &mut dyn Write,
    complaints: &mut dyn Write,
) -> io::Result<()> {
    let Circumstances { host_name, interval } = circumstances;
    let mut client = Client::new(client::address(target.host.as_deref(), target.port), PATIENCE.min(*interval));
    let mut last_complaint = None;
    loop {
        let begun = Instant::now();
        let Collected { lines, complaint } = collect(host_name, *interval, |statistic| client.figure(statistic));
        out.write_all(lines.as_bytes())?;
        out.flush()?;
        if complaint != last_complaint {
            // Without its log, collectd still wants values.
            let _ = writeln!(complaints, "{}", complaint.as_deref().unwrap_or("the server answers again"));
        }
        last_complaint = complaint;
        thread::sleep(interval.saturating_sub(begun.elapsed()));
    }
}

/// The values of one turn.
struct Collected {
    lines: String,
    complaint: Option<String>,
}

/// Each figure is asked for once. One that is refused leaves the others; an older server has fewer.
fn collect(
    host_name: &str,
    interval: Duration,
    mut figure: impl FnMut(Statistic) -> Result<Number, ClientError>,
) -> Collected {
    let mut collected = Collected { lines: String::new(), complaint: None };
    for statistic in Statistic::ALL {
        let mut identifiers = VALUES.iter().filter(|(_, told)| *told == statistic).peekable();
        if identifiers.peek().is_none() {
            continue;
        }
        match figure(statistic) {
            Ok(number) => {
                for (identifier, _) in identifiers {
                    let _ = put_value(&mut collected.lines, host_name, identifier, interval, number);
                }
            }
            Err(error) => {
                let is_refused = matches!(error, ClientError::Refused { .. });
                collected.complaint = Some(error.to_string());
                if !is_refused {
                    break;
                }
            }
        }
    }
    collected
}

/// Appends a line of the protocol. Quotes and backslashes in the name of the host would end its string.
fn put_value(
    lines: &mut String,
    host_name: &str,
    identifier: &str,
    interval: Duration,
    number: Number,
) -> std::fmt::Result {
    let host_name = host_name.replace(['"', '\\'], "_");
    let interval = interval.as_secs_f64();
    writeln!(lines, "PUTVAL \"{host_name}/wallarm-tarantool/{identifier}\" interval={interval:.3} N:{number}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(words: &[&str]) -> Result<Target, WordsError> {
        Target::from_words(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn keys_are_those_of_the_fragment_in_any_case() {
        let expected = Ok(Target { host: Some("::1".into()), port: Some(3413) });
        assert_eq!(target(&["Host", "::1", "Port", "3413"]), expected);
        assert_eq!(target(&["PORT", "3413.000000", "host", "::1"]), expected);
        assert_eq!(target(&[]), Ok(Target::default()));
    }

    #[test]
    fn words_that_are_no_keys_and_values_are_refused() {
        assert_eq!(target(&["Socket", "x"]), Err(WordsError::Key("Socket".into())));
        assert_eq!(target(&["Host"]), Err(WordsError::Alone("Host".into())));
        for port in ["", "x", "-1", "65536", "3313.5"] {
            assert_eq!(target(&["Port", port]), Err(WordsError::Port(port.into())), "{port}");
        }
    }

    #[test]
    fn every_documented_identifier_is_in_a_turn() {
        let mut next = 0;
        let collected = collect("no\"de", Duration::from_millis(2500), |statistic| {
            next += 1;
            Ok(if statistic == Statistic::ExportDelay { Number::Seconds(0.5) } else { Number::Count(next) })
        });
        assert_eq!(collected.complaint, None);
        let expected = [
            ("gauge-export_delay", "0.5"),
            ("gauge-timeframe_size", "2"),
            ("gauge-export_drops", "3"),
            ("derive-export_drops", "3"),
            ("gauge-export_drops_flag", "4"),
            ("counter-last_request_id", "5"),
            ("gauge-last_request_id", "5"),
        ];
        let line =
            |(identifier, value)| format!("PUTVAL \"no_de/wallarm-tarantool/{identifier}\" interval=2.500 N:{value}\n");
        assert_eq!(collected.lines, expected.map(line).concat());
    }

    #[test]
    fn a_server_that_knows_fewer_figures_still_tells_the_others() {
        let collected = collect("node", INTERVAL, |statistic| match statistic {
            Statistic::ExportDropsFlag => Err(ClientError::Refused { code: 33, message: "not defined".into() }),
            _ => Ok(Number::Count(1)),
        });
        assert_eq!(collected.complaint.as_deref(), Some("not defined (error 33)"));
        assert_eq!(collected.lines.lines().count(), VALUES.len() - 1);
    }

    #[test]
    fn a_server_that_is_gone_is_asked_once_a_turn() {
        let mut asked = 0;
        let collected = collect("node", INTERVAL, |_| {
            asked += 1;
            Err(ClientError::Long)
        });
        assert_eq!((asked, collected.lines.as_str()), (1, ""));
        assert!(collected.complaint.is_some());
    }
}

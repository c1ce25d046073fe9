//! The state as a person reads it.

use std::fmt::{self, Write as _};

use super::{DELAY_BORNE, DELAY_WANTED, State, TIMEFRAME_NEEDED, TIMEFRAME_WANTED};

/// Characters of a bar.
const BAR: usize = 24;

/// How good a figure is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mark {
    Good,
    Warning,
    Critical,
}

/// Writes what is there, with colours or without.
struct Page {
    text: String,
    colours: bool,
}

/// The state as lines of text. Colours are for terminals.
#[must_use]
pub fn page(state: &State, colours: bool) -> String {
    let mut page = Page { text: String::new(), colours };
    page.head(state);
    page.window(state);
    page.requests(state);
    page.hits(state);
    page.export(state);
    page.analysis(state);
    page.warnings(state);
    page.text
}

impl Page {
    fn line(&mut self, name: &str, text: fmt::Arguments<'_>) {
        // Writing into a String cannot fail.
        let _ = writeln!(self.text, "{name:<10}{text}");
    }

    fn coloured(&self, mark: Mark, text: &str) -> String {
        let code = match mark {
            Mark::Good => "32",
            Mark::Warning => "33",
            Mark::Critical => "31",
        };
        if self.colours { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    fn head(&mut self, state: &State) {
        let good = state.degraded.is_empty() && state.balance.holds();
        let word = if good { self.coloured(Mark::Good, "ok") } else { self.coloured(Mark::Critical, "degraded") };
        let (version, pid, up) = (&state.version, state.pid, duration(state.uptime_seconds));
        let connections = state.connections;
        self.line("server", format_args!("{word}, version {version}, pid {pid}, up {up}, {connections} connections"));
    }

    fn window(&mut self, state: &State) {
        let seconds = state.requests.timeframe_seconds;
        let mark = if seconds >= TIMEFRAME_WANTED {
            Mark::Good
        } else if seconds >= TIMEFRAME_NEEDED {
            Mark::Warning
        } else {
            Mark::Critical
        };
        // Before anything had to go, the window is as long as there were requests, and says nothing of the memory.
        let mark = if state.requests.evicted == 0 { Mark::Good } else { mark };
        let bar = self.coloured(mark, &bar(seconds / TIMEFRAME_WANTED));
        self.line("window", format_args!("{bar} {} of {} wanted", duration(seconds), duration(TIMEFRAME_WANTED)));
        let (used, arena) = (state.requests.used_bytes, state.requests.arena_bytes);
        let share = if arena == 0 { 0.0 } else { used as f64 / arena as f64 };
        self.line("memory", format_args!("{} {} of {}", self::bar(share), bytes(used), bytes(arena)));
    }

    fn requests(&mut self, state: &State) {
        let requests = &state.requests;
        let (received, stored) = (number(requests.received), number(requests.stored));
        let (evicted, refused) = (number(requests.evicted), number(requests.refused));
        let sum = self.sum(state.balance.requests);
        self.line(
            "requests",
            format_args!("received {received} {sum} stored {stored} + evicted {evicted} + refused {refused}"),
        );
    }

    /// The sign of equality, if the sides are equal.
    fn sum(&self, right: bool) -> String {
        if right { "=".to_owned() } else { self.coloured(Mark::Critical, "≠") }
    }

    fn hits(&mut self, state: &State) {
        let hits = &state.hits;
        let parts = [
            ("exported", hits.exported, true),
            ("waiting", hits.waiting, true),
            ("spooled", hits.spooled, true),
            ("in flight", hits.in_flight, false),
            ("sampled", hits.sampled, false),
            ("withheld", hits.withheld, false),
            ("rejected", hits.rejected, false),
            ("lost", hits.lost, false),
            ("dropped", hits.dropped, true),
        ];
        let shown = parts.iter().filter(|(_, count, always)| *always || *count > 0);
        let parts: Vec<_> = shown.map(|(name, count, _)| format!("{name} {}", number(*count))).collect();
        let recovered =
            if hits.recovered == 0 { String::new() } else { format!(" + recovered {}", number(hits.recovered)) };
        let sum = self.sum(state.balance.hits);
        self.line("hits", format_args!("made {}{recovered} {sum} {}", number(hits.made), parts.join(" + ")));
        let spool = &state.spool;
        if spool.limit_bytes > 0 {
            let damaged = if spool.damaged == 0 {
                String::new()
            } else {
                format!(", {} damaged records passed over", number(spool.damaged))
            };
            self.line("spool", format_args!("{} of {}{damaged}", bytes(spool.bytes), bytes(spool.limit_bytes)));
        }
    }

    fn export(&mut self, state: &State) {
        let export = &state.export;
        let mark = if export.delay_seconds > DELAY_BORNE {
            Mark::Critical
        } else if export.delay_seconds > DELAY_WANTED {
            Mark::Warning
        } else {
            Mark::Good
        };
        let delay = self.coloured(mark, &duration(export.delay_seconds));
        let host = export.host.as_ref().map_or_else(String::new, |host| format!(" with {host}"));
        let paused = export.paused_seconds.map_or_else(String::new, |left| format!(", next try in {}", duration(left)));
        self.line("export", format_args!("{}{host}, delay {delay}{paused}", export.registration));
        if let Some(failure) = &export.last_failure {
            self.line("", format_args!("last failure: {failure}"));
        }
    }

    fn analysis(&mut self, state: &State) {
        let analysis = &state.analysis;
        let sampling = if analysis.sampling { "on" } else { "off" };
        let (seen, groups) = (number(analysis.seen), number(analysis.groups));
        let counters = number(analysis.counters);
        self.line(
            "analysis",
            format_args!("{seen} requests seen, {groups} attacks, {counters} counters, sampling {sampling}"),
        );
    }

    fn warnings(&mut self, state: &State) {
        if !state.balance.holds() {
            let text = self
                .coloured(Mark::Critical, "a sum above is not right: please report it with `wtarantool status --json`");
            self.line("balance", format_args!("{text}"));
        }
        for reason in &state.degraded {
            let reason = self.coloured(Mark::Critical, reason);
            self.line("degraded", format_args!("{reason}"));
        }
    }
}

/// A share between 0 and 1 as a bar.
fn bar(share: f64) -> String {
    let filled = ((share.clamp(0.0, 1.0) * BAR as f64).round() as usize).min(BAR);
    format!("[{}{}]", "#".repeat(filled), "-".repeat(BAR - filled))
}

/// Seconds in the largest two units.
fn duration(seconds: f64) -> String {
    let whole = seconds.max(0.0) as u64;
    match whole {
        0..60 if whole < 10 => format!("{:.1} s", seconds.max(0.0)),
        0..60 => format!("{whole} s"),
        60..3600 => format!("{} min {} s", whole / 60, whole % 60),
        3600..86_400 => format!("{} h {} min", whole / 3600, whole % 3600 / 60),
        _ => format!("{} d {} h", whole / 86_400, whole % 86_400 / 3600),
    }
}

/// Bytes in a unit that leaves few digits.
fn bytes(count: u64) -> String {
    match count {
        0..10_000 => format!("{count} bytes"),
        10_000..10_000_000 => format!("{:.1} kB", count as f64 / 1e3),
        10_000_000..10_000_000_000 => format!("{:.1} MB", count as f64 / 1e6),
        _ => format!("{:.1} GB", count as f64 / 1e9),
    }
}

/// A number with a comma between thousands.
fn number(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::{AnalysisState, Balance, ExportState, Hits, Requests, SpoolState};
    use super::*;

    fn state() -> State {
        let requests = Requests {
            received: 1_234_567,
            stored: 1_000_000,
            evicted: 234_560,
            refused: 7,
            timeframe_seconds: 450.0,
            arena_bytes: 1 << 30,
            used_bytes: 1_012_000_000,
        };
        let hits = Hits {
            made: 40,
            recovered: 2,
            sampled: 10,
            waiting: 1,
            spooled: 3,
            in_flight: 20,
            exported: 8,
            ..Hits::default()
        };
        State {
            version: "4.8.9".to_owned(),
            pid: 42,
            uptime_seconds: 8040.0,
            connections: 3,
            degraded: Vec::new(),
            balance: Balance::of(&requests, &hits),
            requests,
            hits,
            spool: SpoolState { bytes: 14_300, limit_bytes: 1 << 30, damaged: 1 },
            export: ExportState {
                registration: "registered".to_owned(),
                host: Some("api.example:443".to_owned()),
                delay_seconds: 75.0,
                paused_seconds: Some(4.2),
                last_failure: Some("it answers 503".to_owned()),
                ..ExportState::default()
            },
            analysis: AnalysisState { seen: 1_234_560, groups: 12, counters: 3400, ..AnalysisState::default() },
        }
    }

    #[test]
    fn the_page_of_a_server_at_work() {
        assert_eq!(page(&state(), false), include_str!("../../tests/golden/status.txt"));
    }

    #[test]
    fn what_is_wrong_stands_at_the_end_and_in_the_head() {
        let mut state = state();
        state.requests.received += 1;
        state.balance = Balance::of(&state.requests, &state.hits);
        state.degraded.push("the spool cannot be written: No space left on device".to_owned());
        let page = page(&state, false);
        assert!(page.starts_with("server    degraded, "), "{page}");
        assert!(page.contains("received 1,234,568 ≠ stored") && page.contains("degraded  the spool cannot"), "{page}");
    }

    #[test]
    fn colours_are_there_only_when_asked_for() {
        assert!(page(&state(), true).contains('\x1b') && !page(&state(), false).contains('\x1b'));
    }

    #[test]
    fn a_bar_is_as_long_whatever_it_shows() {
        for share in [-1.0, 0.0, 0.5, 1.0, 7.0, f64::NAN] {
            assert_eq!(bar(share).len(), BAR + 2, "{share}");
        }
    }

    #[test]
    fn numbers_and_times_are_read_at_a_glance() {
        assert_eq!([number(7), number(1000), number(12_345_678)], ["7", "1,000", "12,345,678"]);
        assert_eq!(
            [duration(0.5), duration(75.0), duration(8040.0), duration(200_000.0)],
            ["0.5 s", "1 min 15 s", "2 h 14 min", "2 d 7 h"]
        );
        assert_eq!([bytes(9999), bytes(14_300), bytes(1 << 30)], ["9999 bytes", "14.3 kB", "1073.7 MB"]);
    }
}

//! Output for people and for pipelines: progress on standard error, results on standard output.
#![expect(clippy::print_stderr, reason = "this is the one place that prints")]

use std::fmt::Write as _;
use std::io::{IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

/// Steps as they happen: a moving line on a terminal, plain lines elsewhere, nothing when quiet.
pub struct Progress {
    style: Style,
}

#[derive(Clone, Copy, PartialEq)]
enum Style {
    Silent,
    Lines,
    Terminal,
}

impl Progress {
    /// Looks at where standard error goes.
    pub fn new(quiet: bool) -> Self {
        let style = match (quiet, std::io::stderr().is_terminal()) {
            (true, _) => Style::Silent,
            (false, true) => Style::Terminal,
            (false, false) => Style::Lines,
        };
        Self { style }
    }

    /// Nothing is to be printed.
    pub fn is_silent(&self) -> bool {
        self.style == Style::Silent
    }

    /// Begins a step of which nothing but its end is known.
    pub fn step(&self, what: impl Into<String>) -> Step {
        self.begin(what.into(), None)
    }

    /// Begins a step of `length` parts.
    pub fn counted(&self, what: impl Into<String>, length: usize) -> Step {
        self.begin(what.into(), Some(length as u64))
    }

    fn begin(&self, what: String, length: Option<u64>) -> Step {
        let bar = match (self.style, length) {
            (Style::Terminal, None) => {
                let bar = ProgressBar::new_spinner().with_message(what.clone());
                bar.set_style(template("{spinner:.cyan} {msg} {elapsed:.dim}"));
                bar.enable_steady_tick(Duration::from_millis(120));
                Some(bar)
            }
            (Style::Terminal, Some(length)) => {
                let bar = ProgressBar::new(length).with_message(what.clone());
                bar.set_style(template("{spinner:.cyan} {msg} {bar:30.cyan/dim} {pos}/{len} {elapsed:.dim}"));
                Some(bar)
            }
            (Style::Lines, _) => {
                eprintln!("==> {what}");
                None
            }
            (Style::Silent, _) => None,
        };
        Step { what, bar, begun: Instant::now() }
    }

    /// A remark that is no step.
    pub fn note(&self, text: &str) {
        if self.style != Style::Silent {
            eprintln!("{text}");
        }
    }
}

fn template(text: &str) -> ProgressStyle {
    ProgressStyle::with_template(text).unwrap_or_else(|_| ProgressStyle::default_spinner())
}

/// One step under way. Dropped without [`Step::done`] it leaves no mark: the error that follows says what happened.
pub struct Step {
    what: String,
    bar: Option<ProgressBar>,
    begun: Instant,
}

impl Step {
    /// One part of a counted step is done.
    pub fn advance(&self) {
        if let Some(bar) = &self.bar {
            bar.inc(1);
        }
    }

    /// Another program prints now: make room for it.
    pub fn hand_over(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
            eprintln!("==> {}", self.what);
        }
    }

    /// The step went well.
    pub fn done(self) -> Duration {
        let took = self.begun.elapsed();
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
            eprintln!("\x1b[32m✓\x1b[0m {} \x1b[2m{}\x1b[0m", self.what, seconds(took));
        }
        took
    }
}

impl Drop for Step {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// `1.2 s`, `3 min 04 s`.
pub fn seconds(took: Duration) -> String {
    match took.as_secs() {
        0..100 => format!("{:.1} s", took.as_secs_f64()),
        long => format!("{} min {:02} s", long / 60, long % 60),
    }
}

/// `1.6 MB`: decimal units, as package managers show them.
pub fn bytes(count: u64) -> String {
    match count {
        0..1_000 => format!("{count} B"),
        1_000..1_000_000 => format!("{}.{} kB", count / 1_000, count % 1_000 / 100),
        _ => format!("{}.{} MB", count / 1_000_000, count % 1_000_000 / 100_000),
    }
}

/// Prints a line of result.
pub fn line(text: &str) {
    // A reader who has seen enough (`| head`) is no error.
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// Prints a line that is no result.
pub fn aside(text: &str) {
    eprintln!("{text}");
}

/// Prints bytes of result as they are.
pub fn raw(bytes: &[u8]) -> std::io::Result<()> {
    std::io::stdout().write_all(bytes)
}

/// Prints a result as JSON.
pub fn json(value: &impl Serialize) -> anyhow::Result<()> {
    line(&serde_json::to_string_pretty(value)?);
    Ok(())
}

/// Prints an aligned table; the head is bold on a terminal.
pub fn table<const N: usize>(head: [&str; N], rows: &[[String; N]]) {
    let rows: Vec<Vec<String>> = rows.iter().map(|row| row.to_vec()).collect();
    line(aligned(&head.map(str::to_owned), &rows).trim_end());
}

/// An aligned table as text, for a number of columns that only the data know. The head is bold where standard output is a terminal.
pub fn aligned(head: &[String], rows: &[Vec<String>]) -> String {
    let mut widths: Vec<usize> = head.iter().map(|cell| cell.chars().count()).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let render = |cells: &[String]| {
        let mut text = String::new();
        for (cell, width) in cells.iter().zip(&widths) {
            let _ = write!(text, "{cell:width$}  ");
        }
        text.truncate(text.trim_end().len());
        text
    };
    let (bold, plain) = if std::io::stdout().is_terminal() { ("\x1b[1m", "\x1b[0m") } else { ("", "") };
    let mut text = format!("{bold}{}{plain}\n", render(head));
    for row in rows {
        text.push_str(&render(row));
        text.push('\n');
    }
    text
}

/// Tells of a failure: the chain of causes on standard error, and as JSON on standard output where that is asked for.
pub fn failure(error: &anyhow::Error, as_json: bool) {
    let causes: Vec<String> = error.chain().map(ToString::to_string).collect();
    // Library errors show their source in their own text; a cause that the line above has said is not said again.
    let mut said = String::new();
    for cause in &causes {
        if !said.contains(cause.as_str()) {
            eprintln!("{}{cause}", if said.is_empty() { "error: " } else { "  because: " });
            said.push_str(cause);
        }
    }
    if as_json {
        let _ = json(&serde_json::json!({ "error": causes.first(), "causes": causes.get(1..) }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_times_read_as_people_say_them() {
        assert_eq!([999, 1_650, 5_500_000].map(bytes), ["999 B", "1.6 kB", "5.5 MB"]);
        assert_eq!([1.24, 184.0].map(|s| seconds(Duration::from_secs_f64(s))), ["1.2 s", "3 min 04 s"]);
    }
}

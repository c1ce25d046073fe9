//! What a plugin says: a state, which is its exit code, and one line.
//!
//! Guidelines: <https://www.monitoring-plugins.org/doc/guidelines.html#PLUGOUTPUT>.

use std::fmt;

use super::range::Range;
use crate::statistics::Number;

/// Letters of a text that reaches a terminal, a mail or a page; servers that are none of ours may send more.
const LONGEST: usize = 400;

/// The four states of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// All is well.
    Ok,
    /// Somebody should look.
    Warning,
    /// Somebody must look.
    Critical,
    /// There is no telling.
    Unknown,
}

impl State {
    /// The exit code that says so.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Warning => 1,
            Self::Critical => 2,
            Self::Unknown => 3,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Warning => "WARNING",
            Self::Critical => "CRITICAL",
            Self::Unknown => "UNKNOWN",
        }
    }
}

/// The limits of a value.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Outside of it, somebody should look.
    pub warning: Range,
    /// Outside of it, somebody must look.
    pub critical: Range,
}

impl Limits {
    /// The state of a service with this value.
    #[must_use]
    pub fn judge(self, value: f64) -> State {
        if self.critical.alerts(value) {
            State::Critical
        } else if self.warning.alerts(value) {
            State::Warning
        } else {
            State::Ok
        }
    }
}

/// One figure for whoever draws graphs.
#[derive(Clone, Copy, Debug)]
pub struct Datum {
    /// What it is called.
    pub label: &'static str,
    /// The figure.
    pub value: Number,
    /// `s` for seconds, `c` for a count that only grows, or nothing.
    pub unit: &'static str,
    /// The limits that it was held against.
    pub limits: Option<Limits>,
}

/// `label=value[unit];warning;critical;least`
impl fmt::Display for Datum {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { label, value, unit, limits } = self;
        write!(formatter, "{label}={value}{unit}")?;
        match limits {
            Some(Limits { warning, critical }) => write!(formatter, ";{warning};{critical};0"),
            None => formatter.write_str(";;;0"),
        }
    }
}

/// What came of a check.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The state.
    pub state: State,
    /// Why, in a few words.
    pub text: String,
    /// Figures.
    pub data: Vec<Datum>,
}

impl Outcome {
    /// No telling, and why.
    #[must_use]
    pub fn unknown(text: impl fmt::Display) -> Self {
        Self { state: State::Unknown, text: text.to_string(), data: Vec::new() }
    }
}

/// The line, without its end.
impl fmt::Display for Outcome {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} - ", self.state.name())?;
        // A bar begins the figures, and an end of line begins what is not shown in lists.
        for letter in self.text.chars().take(LONGEST) {
            write!(formatter, "{}", if letter.is_control() || letter == '|' { ' ' } else { letter })?;
        }
        for (number, datum) in self.data.iter().enumerate() {
            write!(formatter, "{}{datum}", if number == 0 { " | " } else { " " })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(warning: &str, critical: &str) -> Limits {
        Limits { warning: Range::up_to(warning).unwrap(), critical: Range::up_to(critical).unwrap() }
    }

    #[test]
    fn the_line_is_what_the_guidelines_ask_for() {
        let datum = |label, value, unit, limits| Datum { label, value, unit, limits };
        let outcome = Outcome {
            state: State::Warning,
            text: "late".into(),
            data: vec![
                datum("delay", Number::Seconds(130.5), "s", Some(limits("120", "300"))),
                datum("drops", Number::Count(3), "c", None),
            ],
        };
        assert_eq!(outcome.to_string(), "WARNING - late | delay=130.5s;120;300;0 drops=3c;;;0");
    }

    #[test]
    fn the_worse_state_counts() {
        let limits = limits("120", "300");
        let states = [0.0, 120.0, 120.1, 300.0, 300.1].map(|value| limits.judge(value));
        assert_eq!(states, [State::Ok, State::Ok, State::Warning, State::Warning, State::Critical]);
    }

    #[test]
    fn texts_from_outside_neither_break_the_line_nor_pose_as_figures() {
        let outcome = Outcome::unknown("a\nb|c=1\x1b[31m");
        assert_eq!(outcome.to_string(), "UNKNOWN - a b c=1 [31m");
        assert!(Outcome::unknown("x".repeat(10_000)).to_string().len() < 500);
    }
}

//! What the API answers when.
//!
//! A script is a list of phases, one after another. A phase ends after a number of calls or after a time on the script's clock, which may run
//! faster than others; the last one may have no end. Each call of a phase is answered with one of the phase's answers, by chance that comes
//! out the same for the same seed. When all phases are over, everything is taken.

mod player;
mod table;

use std::time::Duration;

use crate::endpoint::Endpoint;

pub(crate) use player::Player;
pub use table::ScriptError;

/// How a call is answered.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// It is taken: hits by their names, the same hit once.
    Takes,
    /// It is not taken, with this status.
    Says(Said),
    /// A batch of more hits is not taken, with status 413; others are.
    TooLarge {
        /// The most hits.
        above: usize,
    },
    /// A batch with a hit of which the id of the request contains this is not taken, with status 422; others are.
    RefusesBatch {
        /// A part of the id.
        with: String,
    },
    /// Hits of which the id of the request contains this are rejected, the others of the batch are taken.
    RejectsHits {
        /// A part of the id.
        with: String,
    },
    /// The first hit of a batch is rejected, the others are taken.
    RejectsFirst,
    /// It is taken, and the answer takes its time.
    Slow {
        /// Time before its first byte.
        before: Duration,
        /// Time in the middle of it.
        within: Duration,
    },
    /// It is taken, and the answer ends in the middle of its head.
    CutHead,
    /// It is taken, and the answer ends in the middle of its body.
    CutBody,
    /// It is taken, and the connection is closed without an answer.
    Loses,
    /// It is not taken and never answered; the connection stays open.
    Never,
    /// It is not taken, and the connection is closed without an answer.
    Closes,
    /// Those who connect are turned away before they can call. A call on a connection that is there is treated as by `Closes`.
    ClosesAtAccept,
    /// It is not taken, and answered with bytes that are no HTTP.
    Garbage,
    /// It is not taken, and answered with status 200 and a page, as by a proxy that wants somebody to log in.
    WrongEnvelope,
    /// It is not taken, and sent elsewhere.
    Redirects {
        /// Where.
        to: String,
    },
}

/// An answer with a status.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Said {
    /// The status.
    pub status: u16,
    /// Why, in the envelope.
    pub reason: String,
    /// Headers.
    pub headers: Vec<(String, String)>,
    /// `Retry-After`.
    pub retry_after: Option<RetryAfter>,
}

/// `Retry-After` (RFC 9110, section 10.2.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryAfter {
    /// A number of seconds.
    Seconds(u64),
    /// The date that is so many seconds ahead.
    Date(u64),
}

impl Answer {
    /// Not taken, with this status and reason.
    #[must_use]
    pub fn says(status: u16, reason: &str) -> Self {
        Self::Says(Said { status, reason: reason.to_owned(), ..Said::default() })
    }

    /// The same with `Retry-After`.
    #[must_use]
    pub fn says_later(status: u16, reason: &str, retry_after: RetryAfter) -> Self {
        Self::Says(Said { status, reason: reason.to_owned(), retry_after: Some(retry_after), ..Said::default() })
    }
}

/// When a phase ends.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum End {
    /// After so many calls that it answered.
    Calls(u64),
    /// After this time on the script's clock.
    Time(Duration),
    /// Never.
    Open,
}

/// A part of a script.
#[derive(Debug, Clone, PartialEq)]
pub struct Phase {
    /// When it ends.
    pub end: End,
    /// The calls that it is about; empty for all. Others are taken.
    pub on: Vec<Endpoint>,
    /// Answers, and how often each is given in relation to the others.
    pub answers: Vec<(Answer, u32)>,
}

impl Phase {
    /// A phase of one answer to calls of every kind.
    #[must_use]
    pub fn of(end: End, answer: Answer) -> Self {
        Self { end, on: Vec::new(), answers: vec![(answer, 1)] }
    }
}

/// What the API answers when.
#[derive(Debug, Clone, PartialEq)]
pub struct Script {
    /// What chance begins with.
    pub seed: u64,
    /// How many times as fast as others the script's clock runs. What is told to nodes, such as `Retry-After`, is told as it stands.
    pub speed: f64,
    /// Seconds that the clock in answers is ahead of this machine's.
    pub clock_ahead: i64,
    /// The phases.
    pub phases: Vec<Phase>,
}

impl Default for Script {
    fn default() -> Self {
        Self { seed: 0, speed: 1.0, clock_ahead: 0, phases: Vec::new() }
    }
}

impl Script {
    /// One call is answered with each of these, and all that follow with the last.
    #[must_use]
    pub fn in_turn(answers: &[Answer]) -> Self {
        let last = answers.len().saturating_sub(1);
        let end = |number| if number == last { End::Open } else { End::Calls(1) };
        let phases = answers.iter().enumerate().map(|(number, answer)| Phase::of(end(number), answer.clone()));
        Self { phases: phases.collect(), ..Self::default() }
    }

    /// Every call is answered with one of these, each as often as its number says in relation to the others.
    #[must_use]
    pub fn by_chance(seed: u64, answers: &[(Answer, u32)]) -> Self {
        let phase = Phase { end: End::Open, on: Vec::new(), answers: answers.to_vec() };
        Self { seed, phases: vec![phase], ..Self::default() }
    }

    /// The same, about calls of this kind alone.
    #[must_use]
    pub fn only(mut self, endpoint: Endpoint) -> Self {
        self.phases.iter_mut().for_each(|phase| phase.on = vec![endpoint]);
        self
    }

    /// Reads one from TOML; `CONTRIBUTING.md` shows the keys.
    ///
    /// # Errors
    ///
    /// [`ScriptError`], with the line of what is wrong.
    pub fn parse(text: &str) -> Result<Self, ScriptError> {
        table::parse(text)
    }

    /// A time of the script as others see it.
    pub(crate) fn real(&self, time: Duration) -> Duration {
        time.div_f64(self.speed)
    }
}

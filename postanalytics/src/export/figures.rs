//! The figures of the export.

use std::fmt;
use std::time::{Duration, SystemTime};

/// Whether there is a Cloud to send to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Registration {
    /// `node.yaml` is not there, or names no node.
    Unregistered,
    /// It cannot be used.
    Broken(String),
    /// It can.
    Registered {
        /// Host and port of the API.
        host: String,
    },
}

impl fmt::Display for Registration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unregistered => "unregistered",
            Self::Broken(_) => "broken",
            Self::Registered { .. } => "registered",
        })
    }
}

/// Why a call did not do what it should.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// When.
    pub at: SystemTime,
    /// Why, on one line.
    pub reason: String,
}

/// The figures of one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Figures {
    /// Whether there is a Cloud to send to.
    pub registration: Registration,
    /// Hits that the Cloud has; those that it had before are among them.
    pub exported: u64,
    /// Hits that it had before.
    pub duplicates: u64,
    /// Hits that it will never take.
    pub rejected: u64,
    /// Hits that were fetched from the queue and have not come to their end.
    pub in_flight: u64,
    /// When a call last succeeded.
    pub last_success: Option<SystemTime>,
    /// What failed last, also if a call has succeeded since.
    pub last_failure: Option<Failure>,
    /// How long no hits are sent, after a failure.
    pub paused: Option<Duration>,
    /// Seconds that the clock of the Cloud is ahead of this machine's, as its last answer said.
    pub clock_ahead: Option<i64>,
}

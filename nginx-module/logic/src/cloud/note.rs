//! What an operator should read.

use std::fmt;
use std::time::Duration;

/// How grave a note is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grave {
    /// Requests are lost.
    Error,
    /// Requests wait, or something is odd.
    Warning,
}

/// Something worth a line in the log. None holds anything of a request but its id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// The API refuses this node; nothing is sent for an hour.
    Stopped {
        /// The status.
        status: u16,
        /// What the API said.
        reason: String,
    },
    /// A try failed and is repeated.
    Again {
        /// Why.
        reason: String,
        /// When it is repeated.
        pause: Duration,
    },
    /// A batch was refused for good.
    SetAside {
        /// Hits in it.
        hits: usize,
        /// The status.
        status: u16,
        /// What the API said.
        reason: String,
    },
    /// The API will never take a hit.
    Rejected {
        /// The request.
        request_id: String,
        /// The kind of attack.
        kind: String,
        /// What the API said.
        reason: String,
    },
    /// No place is left for more.
    Full,
    /// The clocks of the Cloud and of this machine differ.
    Clock {
        /// Seconds that the Cloud is ahead.
        ahead: i64,
    },
}

impl Note {
    /// How grave it is.
    #[must_use]
    pub const fn grave(&self) -> Grave {
        match self {
            Self::Again { .. } | Self::Clock { .. } => Grave::Warning,
            _ => Grave::Error,
        }
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stopped { status: 401, reason } => {
                write!(f, "it refuses \"uuid\" and \"secret\" of node.yaml (401){}; {STOPPED}", Said(reason))
            }
            Self::Stopped { status, reason } => write!(f, "it refuses this node ({status}){}; {STOPPED}", Said(reason)),
            Self::Again { reason, pause } => {
                write!(f, "{reason}; attacks wait, the next try is in {} s", pause.as_secs())
            }
            Self::SetAside { hits, status, reason } => {
                write!(f, "it refused {hits} hits for good ({status}){}; they are lost", Said(reason))
            }
            Self::Rejected { request_id, kind, reason } => {
                write!(f, "it will not take the hit {request_id} {kind}{}", Said(reason))
            }
            Self::Full => write!(f, "the queue of attacks is full, new ones are lost"),
            Self::Clock { ahead } if *ahead > 0 => write!(f, "its clock is {ahead} s ahead of this machine's"),
            Self::Clock { ahead } => write!(f, "its clock is {} s behind this machine's", ahead.unsigned_abs()),
        }
    }
}

const STOPPED: &str = "attacks are lost, the next try is in an hour or after a reload";

/// What the API said, behind a colon.
struct Said<'a>(&'a str);

impl fmt::Display for Said<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() { Ok(()) } else { write!(f, ": {}", self.0) }
    }
}

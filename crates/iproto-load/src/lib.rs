//! Puts load on a server of Tarantool's protocol, and says what came back.
//!
//! Requests are prepared before the clock runs: sending one is to number it where it lies and to hand it to the system, together
//! with as many of its neighbours as may be in flight. One thread serves all connections, so that the server keeps the other
//! processors for itself. Every answer is decoded; an answer that is missing, comes twice or is an error does not go unnoticed.
//!
//! | Module | Holds |
//! |---|---|
//! | `requests` | prepared requests and how they are numbered |
//! | `connection` | one connection: what is in flight, what came back |
//! | `load` | all connections of one load, from the first request to the last answer |
//! | `latency` | percentiles |

mod connection;
mod latency;
mod load;
mod requests;

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use iproto::frame::FrameError;
use iproto::greeting::GreetingError;
use iproto::msgpack::DecodeError;

pub use latency::Latency;
pub use load::run;
pub use requests::{Key, Requests};

/// One load.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// The server.
    pub address: SocketAddr,
    /// Connections that are open all the time.
    pub connections: usize,
    /// Requests that are in flight on each of them at most. They are sent when half of them are answered.
    pub window: usize,
    /// No request is sent after this time. Those in flight are waited for.
    pub time: Duration,
    /// No more requests than this are sent, on all connections together.
    pub at_most: u64,
    /// The number of the first request. The others count on, each connection in steps as wide as there are connections, so that all are
    /// below `first_key + at_most × connections`.
    pub first_key: u64,
    /// What is made of an error among the answers.
    pub refusals: Refusals,
}

/// What is made of an error among the answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusals {
    /// The load fails.
    Fail,
    /// They are counted.
    Count,
}

/// What came of a load.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Requests that were answered; each that was sent was.
    pub answered: u64,
    /// Those of them whose answer was an error.
    pub refused: u64,
    /// The first of these errors.
    pub first_refusal: Option<Refusal>,
    /// From the first request to the last answer.
    pub elapsed: Duration,
    /// Processor time of the load generator.
    pub own_cpu: Duration,
    /// Time from handing requests to the system until the last of them was answered.
    pub latency: Latency,
}

/// The server refused a request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("error {code}: {message}")]
pub struct Refusal {
    /// Number of the error.
    pub code: u32,
    /// Its text.
    pub message: String,
}

/// A load came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// There is nothing to send, or nothing to send it by.
    #[error("a load needs at least one request, one connection and a window of one")]
    Nothing,
    /// The server does not take connections.
    #[error("cannot connect to {address}: {source}")]
    Connect {
        /// The server.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The server does not greet as one of this protocol.
    #[error(transparent)]
    Greeting(#[from] GreetingError),
    /// A connection fails.
    #[error("a connection failed: {0}")]
    Io(#[from] io::Error),
    /// The server closed a connection.
    #[error("the server closed a connection on which {in_flight} requests were not answered")]
    Closed {
        /// How many.
        in_flight: u64,
    },
    /// What came is no frame.
    #[error("an answer cannot be read: {0}")]
    Frame(#[from] FrameError),
    /// What came is no answer.
    #[error("an answer cannot be read: {0}")]
    Answer(#[from] DecodeError),
    /// What came answers other requests than were sent.
    #[error("the numbers of the answers are not those of the requests: some were answered twice or never")]
    Numbers,
    /// An answer is larger than any that is expected.
    #[error("an answer of {0} bytes, more than is waited for")]
    TooLarge(usize),
    /// The server refused a request.
    #[error("the server refused a request with {0}")]
    Refused(Refusal),
    /// Nothing came back for a long time.
    #[error("no answer for {} s", .0.as_secs())]
    Silent(Duration),
}

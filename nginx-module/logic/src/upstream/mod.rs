//! The client of postanalytics: it queues records and sends them to the servers of an `upstream` block.
//!
//! No I/O happens here, and no clock is read. The caller owns sockets and timers, tells what happened and when, and is told what
//! to write, where to connect and when to come back:
//!
//! | File | Decides |
//! |---|---|
//! | [`client`](Client) | what one worker does: it joins the parts below |
//! | `queue` | which records wait, and which one finds no place any more |
//! | `peers` | which server gets the next connection, and which one the next record |
//! | `connection` | how a connection begins, what it carries, and what becomes of that when it breaks |
//! | `flights` | which answer belongs to which record |
//! | `reconnect` | when to try again |
//! | `log_limit` | which errors are news |
//!
//! A record ends exactly once: it is delivered, or refused, or lost, or it finds no place in the queue. See
//! `docs/decisions/records-in-flight.md` for what happens to one that was written and not answered.

mod client;
mod connection;
mod flights;
mod log_limit;
mod moment;
mod peers;
mod queue;
mod reconnect;

pub use client::{Client, Settings, Slot, Tally};
pub use connection::{ANSWER_TIMEOUT, ConnectionError, Identity, Refusal, Stage};
pub use log_limit::LogLimit;
pub use moment::Moment;
pub use peers::{PeerId, PeerSettings, key_of};
pub use queue::QueueLimits;

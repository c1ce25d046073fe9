//! The backend `api`: requests with attacks, and only those, are sent to the Cloud as hits.
//!
//! No I/O happens here, and no clock is read. The caller tells what happened and when, and is told what to send and when to come
//! back:
//!
//! | File | Decides |
//! |---|---|
//! | `hits` | what is told of a request |
//! | [`outbox`](Outbox) | which hits find a place, and what becomes of the requests behind them; when they are sent, `cloud_api::dispatch` decides |
//! | `note` | what an operator should read of it |
//!
//! A request ends exactly once: all of its hits were taken, or it is lost. See `docs/decisions/attacks-straight-to-the-api.md`.

mod hits;
mod note;
mod outbox;

pub use hits::{Found, hits};
pub use note::{Grave, Note};
pub use outbox::{Batch, Next, Outbox, Settings, Tally, Ticket};

//! What postanalytics makes of stored requests: hits for the Cloud, grouped into attacks and sampled, and counts of what shows only
//! across many requests.
//!
//! No I/O happens here, no clock is read and no thread started: the same records at the same times with the same key make the same
//! hits and counts. Memory is bounded whatever is sent, see `docs/decisions/counting-in-fixed-memory.md`.
//!
//! | File | Holds |
//! |---|---|
//! | [`analysis`](Analysis) | the way of a record through all of it |
//! | `record`, `signs` | reading a record without copying it |
//! | `hits` | what is told of a request with attacks |
//! | `groups` | which attacks a hit belongs to |
//! | `sampling` | which of the hits that are alike are sent |
//! | `behaviour` | counting what shows only across many requests |
//! | `blocked` | events of blocked sources |
//! | `counters`, `minute` | what is told once a minute |
//! | `budget`, `table`, `hourly`, `window`, `hash` | remembering in fixed memory |
//! | `figures` | what an operator wants to read |

mod analysis;
mod behaviour;
mod blocked;
mod budget;
mod config;
mod counters;
mod figures;
mod groups;
mod hash;
mod hits;
mod hourly;
mod kind;
mod minute;
mod moment;
mod record;
mod sampling;
mod signs;
mod table;
mod window;

pub use analysis::Analysis;
pub use behaviour::{BehaviourFigures, PatternError, RefusedMarker, Scopes, UnreliableMarker, WhyRefused};
pub use blocked::BlockedFigures;
pub use budget::LEAST_BUDGET;
pub use config::{Config, Limits, ShareLimits};
pub use figures::{Figures, HitFigures, Tables, Tally};
pub use groups::GroupFigures;
pub use hits::Hit;
pub use kind::Kind;
pub use minute::{Minute, Taking};
pub use moment::{Moment, UnixMillis};
pub use record::Record;
pub use sampling::ShareFigures;
pub use table::TableFigures;

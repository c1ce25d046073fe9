//! What the server knows of itself, as one document of one moment.
//!
//! | File | Holds |
//! |---|---|
//! | `mod.rs` | the document; its JSON is what scripts read, so fields are added and never change their meaning |
//! | `snapshot.rs` | how it is taken, and under which locks |
//! | `socket.rs` | where it can be read: a unix socket in `WORKDIR` |
//! | `page.rs` | the document as a person reads it |

pub mod page;
mod snapshot;
pub mod socket;

use serde::{Deserialize, Serialize};

/// A window that is shorter, in seconds, is worth a warning.
pub const TIMEFRAME_WANTED: f64 = 900.0;
/// A window that is shorter, in seconds, is critical.
pub const TIMEFRAME_NEEDED: f64 = 300.0;
/// An export that lags behind more, in seconds, is worth a warning.
pub const DELAY_WANTED: f64 = 60.0;
/// An export that lags behind more, in seconds, is critical.
pub const DELAY_BORNE: f64 = 300.0;

/// Everything, of one moment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// Version of the server.
    pub version: String,
    /// Its process.
    pub pid: u32,
    /// Seconds since it started.
    pub uptime_seconds: f64,
    /// Open connections on port 3313.
    pub connections: usize,
    /// What an operator should do something about; empty when there is nothing.
    pub degraded: Vec<String>,
    /// Stored requests.
    pub requests: Requests,
    /// Attacks on their way to the Cloud, a hit for each kind of attack in a request.
    pub hits: Hits,
    /// What waits on disk.
    pub spool: SpoolState,
    /// The way to the Cloud.
    pub export: ExportState,
    /// What is counted.
    pub analysis: AnalysisState,
    /// Whether the sums are right.
    pub balance: Balance,
}

/// Stored requests.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Requests {
    /// Sent to this server.
    pub received: u64,
    /// There now.
    pub stored: u64,
    /// Given way to newer ones.
    pub evicted: u64,
    /// No records, or too large ones.
    pub refused: u64,
    /// Age of the oldest one that is there, in seconds.
    pub timeframe_seconds: f64,
    /// Bytes that they may take.
    pub arena_bytes: u64,
    /// Bytes that they take.
    pub used_bytes: u64,
}

/// Hits: a request with two kinds of attack makes two.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Hits {
    /// Made of requests since the start.
    pub made: u64,
    /// Found in the spool at the start.
    pub recovered: u64,
    /// Counted and not sent, since the same was sent often enough.
    pub sampled: u64,
    /// Counted and not kept, since this server is not registered.
    pub withheld: u64,
    /// In memory, soon on disk.
    pub waiting: u64,
    /// On disk, not taken by the export yet.
    pub spooled: u64,
    /// On their way.
    pub in_flight: u64,
    /// Taken by the Cloud.
    pub exported: u64,
    /// Refused by the Cloud, each by its own fault.
    pub rejected: u64,
    /// Lost before export: memory or spool had no room.
    pub dropped: u64,
    /// Saved, and not readable any more.
    pub lost: u64,
}

/// The spool.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SpoolState {
    /// Its bytes on disk.
    pub bytes: u64,
    /// The most that they may be.
    pub limit_bytes: u64,
    /// Records that could not be read, and were passed over.
    pub damaged: u64,
}

/// The export.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ExportState {
    /// `unregistered`, `broken` or `registered`.
    pub registration: String,
    /// Host and port of the Cloud.
    pub host: Option<String>,
    /// Age of the oldest hit that is not exported, in seconds; 0 without any.
    pub delay_seconds: f64,
    /// Requests with hits that were lost before export: the figure that the console tells.
    pub drops: u64,
    /// Whether hits were lost in the last ten minutes.
    pub drops_flag: bool,
    /// Seconds until the next try, after a failure.
    pub paused_seconds: Option<f64>,
    /// Why the last upload failed, if it did.
    pub last_failure: Option<String>,
    /// Hits that the Cloud already had.
    pub duplicates: u64,
}

/// The analysis.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AnalysisState {
    /// Requests that were looked at.
    pub seen: u64,
    /// Requests that could be stored and not be read.
    pub malformed: u64,
    /// Requests over which the analysis stumbled, which is a fault of the server.
    pub stumbles: u64,
    /// Whether attacks are so large a share of the traffic that they are sampled.
    pub sampling: bool,
    /// Attacks: groups of hits of the same kind, parameter and address.
    pub groups: u64,
    /// Places in the tables of counters that are taken.
    pub counters: u64,
    /// Counters that gave way to others, since memory is bounded.
    pub forgotten: u64,
    /// Bytes that the tables take.
    pub bytes: u64,
}

/// Whether what came in is what is there, what left and what was lost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Balance {
    /// received = stored + evicted + refused
    pub requests: bool,
    /// made + recovered = sampled + withheld + waiting + spooled + in flight + exported + rejected + dropped + lost
    pub hits: bool,
}

impl Balance {
    /// The balance of these figures.
    #[must_use]
    pub fn of(requests: &Requests, hits: &Hits) -> Self {
        let Requests { received, stored, evicted, refused, .. } = requests;
        let away = hits.sampled + hits.withheld + hits.exported + hits.rejected + hits.dropped + hits.lost;
        let here = hits.waiting + hits.spooled + hits.in_flight;
        Self { requests: *received == stored + evicted + refused, hits: hits.made + hits.recovered == away + here }
    }

    /// Whether all sums are right.
    #[must_use]
    pub fn holds(self) -> bool {
        self.requests && self.hits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_or_a_hit_that_is_nowhere_upsets_the_balance() {
        let requests = Requests { received: 10, stored: 5, evicted: 3, refused: 2, ..Requests::default() };
        let hits = Hits {
            made: 9,
            recovered: 1,
            sampled: 2,
            waiting: 1,
            spooled: 2,
            in_flight: 1,
            exported: 3,
            dropped: 1,
            ..Hits::default()
        };
        assert!(Balance::of(&requests, &hits).holds());
        assert!(!Balance::of(&Requests { received: 11, ..requests.clone() }, &hits).requests);
        assert!(!Balance::of(&requests, &Hits { withheld: 1, ..hits }).hits);
    }
}

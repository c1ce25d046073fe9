//! What `/wallarm-status` tells: counters in memory that all workers share, and the two formats they are shown in.
//!
//! [`Shared`] is a view of that memory; the boundary allocates it and hands it over as words. Each key of the answer is
//! declared once, in [`keys`]; JSON, Prometheus and `docs/status.md` come from that list.

mod json;
pub mod keys;
mod prometheus;
mod shared;
mod snapshot;
mod split;
mod workers;

pub use shared::{Applied, Processed, Rare, Shared};
pub use snapshot::{Client, Counts, Instances, Local, RulesetFile, Snapshot};
pub use split::{Application, ClientId, ClientIdError, Entry};
pub use workers::{StalledWorker, WorkerSlot};

/// The formats that the directive `wallarm_status` knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// One JSON object.
    #[default]
    Json,
    /// Prometheus' text format 0.0.4.
    Prometheus,
}

impl Format {
    /// The format with this name, as in `format=json`.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        match name {
            "json" => Some(Self::Json),
            "prometheus" => Some(Self::Prometheus),
            _ => None,
        }
    }

    /// The `Content-Type` of an answer.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Prometheus => "text/plain; version=0.0.4",
        }
    }

    /// Writes a whole answer.
    #[must_use]
    pub fn write(self, snapshot: &Snapshot<'_>) -> String {
        match self {
            Self::Json => json::write(snapshot),
            Self::Prometheus => prometheus::write(snapshot),
        }
    }
}

#[cfg(test)]
mod tests;

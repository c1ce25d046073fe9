//! What an analysis is given at its start.

/// How an analysis is set up.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// Bytes that all tables together may take. Less than [`crate::LEAST_BUDGET`] counts as that.
    pub budget: usize,
    /// The key of the hashes in the tables: random, so that nobody outside can make entries meet in one place.
    pub key: [u8; 16],
    /// Limits that the Cloud may set.
    pub limits: Limits,
}

/// Limits that the Cloud may set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// When attacks are a large share of the traffic.
    pub share: ShareLimits,
}

/// When attacks are a large share of the traffic, and when no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShareLimits {
    /// They are above this many per cent of the requests of a minute …
    pub high_percent: u32,
    /// … if they are also above this many a second.
    pub high_per_second: u32,
    /// They are no more once they stayed below this many per cent …
    pub low_percent: u32,
    /// … for this many seconds.
    pub low_seconds: u32,
}

impl Default for ShareLimits {
    fn default() -> Self {
        Self { high_percent: 20, high_per_second: 10, low_percent: 10, low_seconds: 300 }
    }
}

//! The figures, as others see them.

use spool::Damage;

/// How much of something there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Amount {
    /// Attacks.
    pub count: u64,
    /// Bytes that they take.
    pub bytes: u64,
}

/// The disk takes nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Degraded {
    /// Since when, in milliseconds since 1970.
    pub since: u64,
    /// The file and the reason.
    pub why: String,
}

/// Where all attacks are that were offered or found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Offered since the start.
    pub offered: u64,
    /// Found on disk at the start.
    pub recovered: u64,
    /// In memory, not handed out.
    pub waiting: Amount,
    /// On disk, not handed out; bytes of all files.
    pub spooled: Amount,
    /// Handed out, not done.
    pub in_flight: u64,
    /// Handed out and dealt with: exported or rejected, which the export knows.
    pub done: u64,
    /// Gave way, in memory or on disk.
    pub dropped: u64,
    /// Requests whose attacks these were: one with several counts once, unless some gave way in memory and others on disk.
    pub dropped_requests: u64,
    /// Could not be read again since the start.
    pub lost: u64,
    /// When one gave way or was lost last, in milliseconds since 1970.
    pub last_drop: Option<u64>,
    /// What of the spool was damaged, at the start and since.
    pub damage: Damage,
    /// Whether the disk takes nothing at the moment.
    pub degraded: Option<Degraded>,
    /// Arrival of the oldest attack that is not done, in milliseconds since 1970.
    pub oldest: Option<u64>,
}

impl Figures {
    /// Whether each attack is in one place, and only there. It holds at every moment.
    #[cfg(test)]
    #[must_use]
    pub fn balances(&self) -> bool {
        let kept = self.waiting.count + self.spooled.count + self.in_flight;
        self.offered + self.recovered == kept + self.done + self.dropped + self.lost
    }
}

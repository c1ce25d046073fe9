//! What became of the records of a load: each is stored by postanalytics, or counted as lost by the module.
//!
//! A module that loses records has less to do than one that sends them, so a figure of its cost is worth no more than this count.

use std::net::SocketAddr;

use anyhow::{Context as _, Result};

use crate::nginx::postanalytics::Postanalytics;
use crate::nginx::{server, status_page};

/// Counters of both sides, since both began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ledger {
    /// Requests that the module processed.
    processed: u64,
    /// Records that it counts as lost.
    pub lost: u64,
    /// Requests that postanalytics stored.
    stored: u64,
}

impl Ledger {
    /// Waits until every request that the module at `address` ever processed is stored or lost. `analytics` hears of no other.
    ///
    /// # Errors
    ///
    /// If some are neither after a time that is ample, or if a side does not show its counters.
    pub fn settled(address: SocketAddr, analytics: &Postanalytics) -> Result<Self> {
        let mut last = None;
        let waited = server::wait("each record to be stored or counted as lost", || {
            let (processed, lost) = module(address)?;
            let now = Self { processed, lost, stored: analytics.requests()? };
            last = Some(now);
            Ok(now.balances())
        });
        waited.with_context(|| format!("the last counters are {last:?}"))?;
        last.context("nothing was read")
    }

    fn balances(self) -> bool {
        self.processed == self.stored + self.lost
    }
}

/// Requests that the module at `address` processed, and how many of their records it counts as lost.
///
/// # Errors
///
/// If it does not show them.
pub fn module(address: SocketAddr) -> Result<(u64, u64)> {
    let page = status_page::read(address)?;
    let number = |key: &str| page[key].as_u64().with_context(|| format!("the status page has no number `{key}`"));
    Ok((number("requests")?, number("requests_lost")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_that_is_neither_stored_nor_lost_is_missed() {
        let ledger = Ledger { processed: 20, lost: 3, stored: 17 };
        assert!(ledger.balances());
        assert!(!Ledger { stored: 16, ..ledger }.balances());
        // Stored twice.
        assert!(!Ledger { stored: 18, ..ledger }.balances());
    }
}

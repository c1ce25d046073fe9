//! Counts that begin anew an hour after their first event: how the first ones of each hour are told from the rest.

use crate::hash::Key;
use crate::table::{Table, Value, Worth};

/// Seconds of an hour.
pub(crate) const HOUR: u32 = 3600;

/// Events since the first of an hour.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Hourly {
    began: u32,
    count: u32,
}

impl Value for Hourly {
    fn worth(&self, now: u32) -> Worth {
        let lasts = now.saturating_sub(self.began) < HOUR;
        Worth { weight: if lasts { self.count } else { 0 }, seen: self.began }
    }
}

impl Table<Hourly> {
    /// Counts an event, and says the how many of this hour it is.
    pub(crate) fn count(&mut self, key: Key, now: u32) -> u32 {
        let Some(place) = self.claim(key, now) else { return 1 };
        let events = place.value;
        if place.is_new || now.saturating_sub(events.began) >= HOUR {
            *events = Hourly { began: now, count: 0 };
        }
        events.count = events.count.saturating_add(1);
        events.count
    }
}

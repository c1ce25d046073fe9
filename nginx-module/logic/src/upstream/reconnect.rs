//! When to try again after connections broke or could not be made.

use std::time::Duration;

use super::Moment;

/// Counts tries: so many at once, then one in each interval.
#[derive(Clone, Debug)]
pub(super) struct Reconnect {
    /// `wallarm_upstream_connect_attempts`
    immediate: u32,
    /// `wallarm_upstream_reconnect_interval`
    interval: Duration,
    used: u32,
    last: Option<Moment>,
}

impl Reconnect {
    pub(super) fn new(immediate: u32, interval: Duration) -> Self {
        Self { immediate, interval, used: 0, last: None }
    }

    /// From when on a try is allowed; `None` if it always was.
    pub(super) fn due(&self) -> Option<Moment> {
        match self.last {
            Some(last) if self.used >= self.immediate => Some(last.plus(self.interval)),
            _ => None,
        }
    }

    /// Whether a try is allowed.
    pub(super) fn is_due(&self, now: Moment) -> bool {
        self.due().is_none_or(|due| now >= due)
    }

    /// A try begins.
    pub(super) fn started(&mut self, now: Moment) {
        self.used = self.used.saturating_add(1);
        self.last = Some(now);
    }

    /// A connection broke, or never came about.
    pub(super) fn broke(&mut self, now: Moment) {
        self.last = Some(now);
    }

    /// A connection has shown that it works: when it breaks, tries are immediate again.
    pub(super) fn proved(&mut self) {
        self.used = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_tries_at_once_then_one_every_15_seconds() {
        let mut reconnect = Reconnect::new(10, Duration::from_secs(15));
        let mut tries = Vec::new();
        for now in (0..60_000).map(Moment::from_millis) {
            while reconnect.is_due(now) {
                reconnect.started(now);
                reconnect.broke(now);
                tries.push(now.as_millis());
            }
        }
        assert_eq!(tries, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 15_000, 30_000, 45_000]);
    }

    #[test]
    fn after_a_connection_that_worked_tries_are_immediate_again() {
        let mut reconnect = Reconnect::new(1, Duration::from_secs(15));
        let now = Moment::from_millis(0);
        reconnect.started(now);
        assert!(!reconnect.is_due(now));
        reconnect.proved();
        reconnect.broke(now);
        assert!(reconnect.is_due(now));
    }

    #[test]
    fn without_immediate_tries_the_interval_counts_from_the_break() {
        let mut reconnect = Reconnect::new(0, Duration::from_secs(15));
        assert!(reconnect.is_due(Moment::from_millis(0)));
        reconnect.broke(Moment::from_millis(1000));
        assert_eq!(reconnect.due(), Some(Moment::from_millis(16_000)));
    }
}

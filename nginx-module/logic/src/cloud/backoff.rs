//! How long nothing is sent after a failure.

use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

use crate::upstream::Moment;

/// The first pause.
const SHORTEST: Duration = Duration::from_secs(1);
/// The longest one.
const LONGEST: Duration = Duration::from_secs(300);
/// The longest one that the API can ask for.
const LONGEST_ASKED: Duration = Duration::from_secs(3600);

/// Pauses that double with each failure, a random part of the half shorter: the workers of many nodes do not come back at once.
#[derive(Debug)]
pub(super) struct Backoff {
    failures: u32,
    until: Option<Moment>,
    random: RandomState,
}

impl Backoff {
    pub(super) fn new() -> Self {
        Self { failures: 0, until: None, random: RandomState::new() }
    }

    /// A try failed; `asked` is how long the API wants to be left alone, if it said. Returns how long the pause is.
    pub(super) fn failed(&mut self, now: Moment, asked: Option<Duration>) -> Duration {
        let longest = SHORTEST.saturating_mul(1 << self.failures.min(16)).min(LONGEST);
        self.failures = self.failures.saturating_add(1);
        let pause = match asked {
            Some(asked) => asked.clamp(SHORTEST, LONGEST_ASKED),
            None => {
                let half = u64::try_from(longest.as_millis()).unwrap_or(u64::MAX) / 2;
                let spared = self.random.hash_one((self.failures, now.as_millis())) % (half + 1);
                longest.saturating_sub(Duration::from_millis(spared)).max(SHORTEST)
            }
        };
        // Two tries that were under way together make one pause, the longer one.
        self.until = self.until.max(Some(now.plus(pause)));
        pause
    }

    /// A try was answered well.
    pub(super) fn succeeded(&mut self) {
        (self.failures, self.until) = (0, None);
    }

    /// Whether the last try failed: the next one is made alone.
    pub(super) fn is_doubtful(&self) -> bool {
        self.failures > 0
    }

    /// When the pause ends, if it has not.
    pub(super) fn pause(&self, now: Moment) -> Option<Moment> {
        self.until.filter(|until| now < *until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Moment = Moment::from_millis(5000);

    #[test]
    fn pauses_grow_from_a_second_to_five_minutes() {
        let mut backoff = Backoff::new();
        assert_eq!(backoff.pause(START), None);
        let mut now = START;
        for try_number in 0..40u32 {
            let pause = backoff.failed(now, None);
            let most = Duration::from_secs(1 << try_number.min(20)).min(LONGEST);
            assert!(pause >= SHORTEST.max(most / 2) && pause <= most, "try {try_number}: {pause:?}");
            let end = backoff.pause(now).unwrap();
            assert_eq!((end.since(now), backoff.pause(end)), (pause, None));
            now = end;
        }
    }

    #[test]
    fn two_workers_do_not_pause_alike() {
        let pauses = || {
            let mut backoff = Backoff::new();
            (0..12).map(|_| backoff.failed(START, None)).collect::<Vec<_>>()
        };
        assert_ne!(pauses(), pauses());
    }

    #[test]
    fn what_the_api_asks_for_holds_within_reason() {
        let pause = |seconds| Backoff::new().failed(START, Some(Duration::from_secs(seconds)));
        assert_eq!((pause(120), pause(0), pause(u64::MAX)), (Duration::from_secs(120), SHORTEST, LONGEST_ASKED));
    }

    #[test]
    fn a_success_ends_it() {
        let mut backoff = Backoff::new();
        (0..5).for_each(|_| _ = backoff.failed(START, None));
        assert!(backoff.is_doubtful());
        backoff.succeeded();
        assert_eq!((backoff.is_doubtful(), backoff.pause(START)), (false, None));
        assert_eq!(backoff.failed(START, None), SHORTEST);
    }
}

//! How long nothing is sent after a failure.
//!
//! Times are what a clock of the caller shows, from any start.

use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

/// How long pauses are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// The first pause.
    pub shortest: Duration,
    /// The longest one.
    pub longest: Duration,
    /// The longest one that the API can ask for.
    pub longest_asked: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            shortest: Duration::from_secs(1),
            longest: Duration::from_secs(300),
            longest_asked: Duration::from_secs(3600),
        }
    }
}

/// Pauses that double with each failure, a random part of the half shorter: those who failed together do not come back at once.
#[derive(Debug)]
pub struct Backoff {
    pace: Pace,
    failures: u32,
    /// A moment that has passed if there is no pause. No `Option`, which LLVM compares before it looks whether it is there; valgrind
    /// would call that a decision by memory that was never written.
    until: Duration,
    random: RandomState,
}

impl Backoff {
    /// Nothing has failed.
    #[must_use]
    pub fn new(pace: Pace) -> Self {
        Self { pace, failures: 0, until: Duration::ZERO, random: RandomState::new() }
    }

    /// A try failed; `asked` is how long the API wants to be left alone, if it said. Returns how long the pause is.
    pub fn failed(&mut self, now: Duration, asked: Option<Duration>) -> Duration {
        let Pace { shortest, longest, longest_asked } = self.pace;
        let most = shortest.saturating_mul(1 << self.failures.min(16)).min(longest);
        self.failures = self.failures.saturating_add(1);
        let pause = match asked {
            Some(asked) => asked.clamp(shortest, longest_asked),
            None => {
                let half = u64::try_from(most.as_micros()).unwrap_or(u64::MAX) / 2;
                let spared = self.random.hash_one((self.failures, now)) % (half + 1);
                most.saturating_sub(Duration::from_micros(spared)).max(shortest)
            }
        };
        // Two tries that were under way together make one pause, the longer one.
        self.until = self.until.max(now.saturating_add(pause));
        pause
    }

    /// A try was answered well.
    pub fn succeeded(&mut self) {
        (self.failures, self.until) = (0, Duration::ZERO);
    }

    /// Something has changed that makes the next try worth while now.
    pub fn end_pause(&mut self) {
        self.until = Duration::ZERO;
    }

    /// Whether the last try failed: the next one is made alone.
    #[must_use]
    pub fn is_doubtful(&self) -> bool {
        self.failures > 0
    }

    /// When the pause ends, if it has not.
    #[must_use]
    pub fn pause(&self, now: Duration) -> Option<Duration> {
        (now < self.until).then_some(self.until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Duration = Duration::from_secs(5);
    const SECOND: Duration = Duration::from_secs(1);

    fn backoff() -> Backoff {
        Backoff::new(Pace::default())
    }

    #[test]
    fn pauses_grow_from_a_second_to_five_minutes() {
        let mut backoff = backoff();
        assert_eq!(backoff.pause(START), None);
        let mut now = START;
        for try_number in 0..40u32 {
            let pause = backoff.failed(now, None);
            let most = Duration::from_secs(1 << try_number.min(20)).min(Duration::from_secs(300));
            assert!(pause >= SECOND.max(most / 2) && pause <= most, "try {try_number}: {pause:?}");
            let end = backoff.pause(now).unwrap();
            assert_eq!((end - now, backoff.pause(end)), (pause, None));
            now = end;
        }
    }

    #[test]
    fn two_nodes_do_not_pause_alike() {
        let pauses = || {
            let mut backoff = backoff();
            (0..12).map(|_| backoff.failed(START, None)).collect::<Vec<_>>()
        };
        assert_ne!(pauses(), pauses());
    }

    #[test]
    fn what_the_api_asks_for_holds_within_reason() {
        let pause = |seconds| backoff().failed(START, Some(Duration::from_secs(seconds)));
        assert_eq!((pause(120), pause(0), pause(u64::MAX)), (120 * SECOND, SECOND, 3600 * SECOND));
    }

    #[test]
    fn a_success_ends_it() {
        let mut backoff = backoff();
        (0..5).for_each(|_| _ = backoff.failed(START, None));
        assert!(backoff.is_doubtful());
        backoff.succeeded();
        assert_eq!((backoff.is_doubtful(), backoff.pause(START)), (false, None));
        assert_eq!(backoff.failed(START, None), SECOND);
    }

    #[test]
    fn a_pause_that_is_ended_leaves_the_doubt() {
        let mut backoff = backoff();
        backoff.failed(START, None);
        backoff.end_pause();
        assert_eq!((backoff.is_doubtful(), backoff.pause(START)), (true, None));
    }
}

//! Which errors are news: the same one is logged at most once per second per worker.

use std::time::Duration;

use super::Moment;
use super::peers::key_of;

/// Time for which an error is no news.
const QUIET: Duration = Duration::from_secs(1);
/// Different errors that are remembered; servers times ways to fail, in practice.
const REMEMBERED: usize = 64;

/// Remembers what was logged in the last second.
#[derive(Debug, Default)]
pub struct LogLimit {
    /// Digest of the text, and when it was logged.
    logged: Vec<(u64, Moment)>,
}

impl LogLimit {
    /// Whether an error with this text may be logged now; if so, it counts as logged.
    pub fn permits(&mut self, text: &str, now: Moment) -> bool {
        let digest = key_of(text.as_bytes());
        self.logged.retain(|(_, at)| now.since(*at) < QUIET);
        if self.logged.iter().any(|(logged, _)| *logged == digest) {
            return false;
        }
        if self.logged.len() < REMEMBERED {
            self.logged.push((digest, now));
        }
        // With too many to remember, some are logged too often, which is better than not at all.
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_error_is_logged_once_a_second_and_another_one_at_once() {
        let mut limit = LogLimit::default();
        let mut permits = |text, millis| limit.permits(text, Moment::from_millis(millis));
        assert!(permits("a: refused", 0));
        assert!(!permits("a: refused", 999));
        assert!(permits("b: refused", 999));
        assert!(permits("a: refused", 1000));
        assert!(!permits("b: refused", 1998));
    }

    #[test]
    fn a_flood_of_different_errors_takes_bounded_memory() {
        let mut limit = LogLimit::default();
        (0..10_000).for_each(|number| assert!(limit.permits(&number.to_string(), Moment::from_millis(5))));
        assert_eq!(limit.logged.len(), REMEMBERED);
    }
}

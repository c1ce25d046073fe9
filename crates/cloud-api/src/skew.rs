//! When the difference between the clock of the Cloud and this machine's is news.

use std::time::Duration;

/// Seconds that clocks may differ.
const BORNE: u64 = 300;
/// Time for which a difference is no news.
const QUIET: Duration = Duration::from_secs(3600);

/// Looks at what answers say of the time.
#[derive(Clone, Copy, Debug, Default)]
pub struct Skew {
    /// When a difference is news again.
    quiet_until: Duration,
}

impl Skew {
    /// The difference that an answer tells, if an operator should read of it. `now` is what any clock shows that only moves forward.
    pub fn news(&mut self, ahead: Option<i64>, now: Duration) -> Option<i64> {
        let ahead = ahead.filter(|ahead| ahead.unsigned_abs() > BORNE)?;
        if now < self.quiet_until {
            return None;
        }
        self.quiet_until = now.saturating_add(QUIET);
        Some(ahead)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_five_minutes_are_told_once_an_hour() {
        let mut skew = Skew::default();
        let mut told = |ahead, second| skew.news(Some(ahead), Duration::from_secs(second));
        assert_eq!(
            (told(300, 0), told(-301, 0), told(301, 3599), told(301, 3600)),
            (None, Some(-301), None, Some(301))
        );
        assert_eq!(skew.news(None, Duration::MAX), None);
    }
}

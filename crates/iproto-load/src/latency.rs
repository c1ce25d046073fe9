//! How long answers took.

use std::time::Duration;

/// Percentiles of the times of one load.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Latency {
    /// Half of them are not longer.
    pub p50: Duration,
    /// 99 in a hundred are not longer.
    pub p99: Duration,
}

/// Times as they are taken, in nanoseconds; beyond four seconds all are alike.
#[derive(Debug, Default)]
pub struct Times(Vec<u32>);

impl Times {
    pub fn push(&mut self, time: Duration) {
        self.0.push(u32::try_from(time.as_nanos()).unwrap_or(u32::MAX));
    }

    pub fn percentiles(mut self) -> Latency {
        self.0.sort_unstable();
        let at = |percent: usize| {
            // The smallest time that so many of a hundred do not exceed.
            let place = (self.0.len() * percent).div_ceil(100).saturating_sub(1);
            Duration::from_nanos(self.0.get(place).copied().unwrap_or(0).into())
        };
        Latency { p50: at(50), p99: at(99) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn percentiles(nanoseconds: impl IntoIterator<Item = u64>) -> (u128, u128) {
        let mut times = Times::default();
        nanoseconds.into_iter().for_each(|time| times.push(Duration::from_nanos(time)));
        let Latency { p50, p99 } = times.percentiles();
        (p50.as_nanos(), p99.as_nanos())
    }

    #[test]
    fn percentiles_are_times_that_were_measured() {
        assert_eq!(percentiles((1..=1000).rev()), (500, 990));
        assert_eq!(percentiles([7]), (7, 7));
        assert_eq!(percentiles([1, 9]), (1, 9));
        assert_eq!(percentiles([]), (0, 0));
    }

    #[test]
    fn a_time_beyond_what_is_kept_is_long_and_not_short() {
        assert_eq!(percentiles([10_000_000_000]).1, u128::from(u32::MAX));
    }
}

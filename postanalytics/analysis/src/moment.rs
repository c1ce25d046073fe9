//! Points in time, as those who call tell them.

/// Milliseconds of the server's monotonic clock since an arbitrary start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(pub u64);

impl Moment {
    /// Whole seconds, of which the tables think. They last for 136 years.
    pub(crate) fn seconds(self) -> u32 {
        u32::try_from(self.0 / 1000).unwrap_or(u32::MAX)
    }
}

/// Milliseconds since 1970.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct UnixMillis(pub u64);

impl UnixMillis {
    pub(crate) const fn seconds(self) -> u64 {
        self.0 / 1000
    }
}

/// What both clocks showed at once. Tables keep monotonic seconds, so that a clock that is set moves nothing in them; the Cloud is
/// told Unix time.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Clocks {
    pub(crate) now: Moment,
    pub(crate) wall: UnixMillis,
}

impl Clocks {
    /// Monotonic seconds as Unix seconds.
    pub(crate) fn unix(self, seconds: u32) -> u64 {
        let since = i64::from(self.now.seconds()) - i64::from(seconds);
        self.wall.seconds().saturating_add_signed(-since)
    }

    /// Unix seconds as monotonic ones. What was before the start was at the start.
    pub(crate) fn monotonic(self, unix: u64) -> u32 {
        let (now, wall) = (u64::from(self.now.seconds()), self.wall.seconds());
        u32::try_from(now.saturating_add(unix).saturating_sub(wall)).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_clocks_can_be_told_by_each_other() {
        let clocks = Clocks { now: Moment(100_900), wall: UnixMillis(1_700_000_000_000) };
        assert_eq!((clocks.unix(40), clocks.unix(160)), (1_699_999_940, 1_700_000_060));
        assert_eq!((clocks.monotonic(1_699_999_940), clocks.monotonic(1_700_000_060)), (40, 160));
        assert_eq!((clocks.monotonic(0), clocks.monotonic(u64::MAX)), (0, u32::MAX));
    }
}

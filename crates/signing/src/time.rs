//! Points in time as people and index files read them, always in UTC.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A point in time in UTC, in whole seconds. `Display` gives the date alone: `2031-04-30`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct UtcTime(u64);

const DAY: u64 = 86_400;
const WEEKDAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

impl UtcTime {
    /// Seconds since 1970-01-01, leap seconds not counted.
    #[must_use]
    pub fn seconds(self) -> u64 {
        self.0
    }

    /// Year, month from 1, day of the month from 1, by the Gregorian calendar.
    ///
    /// Counts from 1 March of the year 0, so that the leap day is the last of a year and every 400 years are alike.
    fn date(self) -> (u64, u64, u64) {
        const DAYS_FROM_YEAR_0_TO_1970: u64 = 719_468;
        const DAYS_IN_400_YEARS: u64 = 146_097;
        let days = self.0 / DAY + DAYS_FROM_YEAR_0_TO_1970;
        let (era, day_of_era) = (days / DAYS_IN_400_YEARS, days % DAYS_IN_400_YEARS);
        let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
        let month = (month_from_march + 2) % 12 + 1;
        let year = era * 400 + year_of_era + u64::from(month <= 2);
        (year, month, day)
    }

    /// As a `Date` field of a `Release` file has it: `Sun, 22 Nov 2026 16:23:18 UTC`.
    #[must_use]
    pub fn release_date(self) -> String {
        let (year, month, day) = self.date();
        let of_day = self.0 % DAY;
        let pick = |names: &[&'static str], index: u64| {
            usize::try_from(index).ok().and_then(|i| names.get(i).copied()).unwrap_or_default()
        };
        format!(
            "{}, {day:02} {} {year:04} {:02}:{:02}:{:02} UTC",
            pick(&WEEKDAYS, self.0 / DAY % 7),
            pick(&MONTHS, month - 1),
            of_day / 3600,
            of_day / 60 % 60,
            of_day % 60
        )
    }

    /// Time from `self` to `later`; zero when `later` is not later.
    #[must_use]
    pub fn until(self, later: UtcTime) -> Duration {
        Duration::from_secs(later.0.saturating_sub(self.0))
    }

    /// Whole days from `self` to `later`; zero when `later` is not later.
    #[must_use]
    pub fn whole_days_until(self, later: UtcTime) -> u64 {
        later.0.saturating_sub(self.0) / DAY
    }
}

impl From<SystemTime> for UtcTime {
    /// Times before 1970 become 1970-01-01: no OpenPGP or index format can express them.
    fn from(time: SystemTime) -> Self {
        Self(time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()))
    }
}

impl From<UtcTime> for SystemTime {
    fn from(time: UtcTime) -> Self {
        UNIX_EPOCH + Duration::from_secs(time.0)
    }
}

impl fmt::Display for UtcTime {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.date();
        write!(out, "{year:04}-{month:02}-{day:02}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_agree_with_the_calendar() {
        let cases = [
            (0, "1970-01-01", "Thu, 01 Jan 1970 00:00:00 UTC"),
            (951_782_399, "2000-02-28", "Mon, 28 Feb 2000 23:59:59 UTC"),
            (951_782_400, "2000-02-29", "Tue, 29 Feb 2000 00:00:00 UTC"),
            (1_795_364_598, "2026-11-22", "Sun, 22 Nov 2026 16:23:18 UTC"),
            (4_107_542_400, "2100-03-01", "Mon, 01 Mar 2100 00:00:00 UTC"),
        ];
        for (seconds, date, release) in cases {
            assert_eq!(UtcTime(seconds).to_string(), date);
            assert_eq!(UtcTime(seconds).release_date(), release);
        }
    }
}

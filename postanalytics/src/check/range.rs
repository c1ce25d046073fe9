//! Ranges of good values, as the guidelines of monitoring plugins write them: `[@]start:end`.
//!
//! Guidelines: <https://www.monitoring-plugins.org/doc/guidelines.html#THRESHOLDFORMAT>.

use std::fmt;

/// A text that is no range.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum RangeError {
    /// A part is neither a number nor what may stand in its place.
    #[error("`{0}` is no number; write a number, or a range such as 10:20, 10:, ~:20 or @10:20")]
    Number(String),
    /// Nothing lies between.
    #[error("the range ends before it begins")]
    Backwards,
}

/// Values from `start` to `end`, both included.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Range {
    start: f64,
    end: f64,
    /// The values inside are the bad ones.
    inside: bool,
}

impl Range {
    /// Reads a range; a number alone is the **most** that is good, as everywhere among plugins.
    ///
    /// # Errors
    ///
    /// [`RangeError`] if `text` is no range.
    pub fn up_to(text: &str) -> Result<Self, RangeError> {
        Self::read(text, |number| (0.0, number))
    }

    /// Reads a range; a number alone is the **least** that is good.
    ///
    /// # Errors
    ///
    /// [`RangeError`] if `text` is no range.
    pub fn at_least(text: &str) -> Result<Self, RangeError> {
        Self::read(text, |number| (number, f64::INFINITY))
    }

    fn read(text: &str, alone: fn(f64) -> (f64, f64)) -> Result<Self, RangeError> {
        let (inside, bounds) = text.strip_prefix('@').map_or((false, text), |bounds| (true, bounds));
        let (start, end) = match bounds.split_once(':') {
            None => alone(number(bounds)?),
            Some((start, end)) => (
                if start == "~" { f64::NEG_INFINITY } else { number(start)? },
                if end.is_empty() { f64::INFINITY } else { number(end)? },
            ),
        };
        if start > end { Err(RangeError::Backwards) } else { Ok(Self { start, end, inside }) }
    }

    /// Whether `value` calls for attention.
    #[must_use]
    pub fn alerts(self, value: f64) -> bool {
        (self.start <= value && value <= self.end) == self.inside
    }
}

fn number(text: &str) -> Result<f64, RangeError> {
    let number = text.parse().ok().filter(|number: &f64| number.is_finite());
    number.ok_or_else(|| RangeError::Number(text.to_owned()))
}

/// As performance data has it.
impl fmt::Display for Range {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.inside {
            formatter.write_str("@")?;
        }
        match (self.start == 0.0, self.end.is_finite()) {
            (true, true) => self.end.fmt(formatter),
            (_, has_end) => {
                if self.start.is_finite() { self.start.fmt(formatter) } else { formatter.write_str("~") }?;
                formatter.write_str(":")?;
                if has_end { self.end.fmt(formatter) } else { Ok(()) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_examples_of_the_guidelines_alert_as_they_say() {
        for (range, alerting, quiet) in [
            ("10", [-0.5, 10.5], [0.0, 10.0]),
            ("10:", [-1.0, 9.5], [10.0, 1e9]),
            ("~:10", [10.5, 1e9], [-1e9, 10.0]),
            ("10:20", [9.5, 20.5], [10.0, 20.0]),
            ("@10:20", [10.0, 20.0], [9.5, 20.5]),
        ] {
            let read = Range::up_to(range).unwrap();
            assert_eq!(alerting.map(|value| read.alerts(value)), [true; 2], "{range}");
            assert_eq!(quiet.map(|value| read.alerts(value)), [false; 2], "{range}");
            assert_eq!(read.to_string(), range);
        }
    }

    #[test]
    fn a_number_alone_can_be_the_least_that_is_good() {
        let least = Range::at_least("900").unwrap();
        assert!(least.alerts(899.9) && !least.alerts(900.0));
        assert_eq!(least.to_string(), "900:");
        assert_eq!(Range::at_least("10:20").unwrap(), Range::up_to("10:20").unwrap());
    }

    #[test]
    fn what_is_no_range_is_refused() {
        for text in ["", ":", "@", "~", "ten", "1,5", "10:x", "x:10", "10:20:30", "nan", "inf:", "1 0", "10s"] {
            assert!(matches!(Range::up_to(text), Err(RangeError::Number(_))), "{text}");
        }
        assert_eq!(Range::up_to("20:10"), Err(RangeError::Backwards));
        assert_eq!(Range::up_to("-1"), Err(RangeError::Backwards));
    }

    proptest! {
        #[test]
        fn what_is_shown_reads_as_the_same(start in -1e6..1e6, length in 0.0..1e6, inside: bool) {
            for (start, end) in [(start, start + length), (f64::NEG_INFINITY, start), (start, f64::INFINITY)] {
                let range = Range { start, end, inside };
                prop_assert_eq!(Range::up_to(&range.to_string()), Ok(range));
            }
        }

        #[test]
        fn no_text_panics(text in ".{0,20}") {
            let _ = Range::up_to(&text);
        }
    }
}

//! Values of directives: flags, sizes, times and numbers, as NGINX writes them.
//!
//! Units are those of NGINX: <https://nginx.org/en/docs/syntax.html>.

use std::time::Duration;

/// Why a value of a directive is refused. The text completes `"wallarm_x" directive: …` and says what would be right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ValueError {
    /// Neither `on` nor `off`.
    #[error("it must be \"on\" or \"off\", not \"{0}\"")]
    Flag(String),
    /// Not one of the words that the directive knows.
    #[error("invalid value \"{value}\", it must be one of: {expected}")]
    Keyword {
        /// What was written.
        value: String,
        /// The words, separated by commas.
        expected: String,
    },
    /// Not a number, or not in the range.
    #[error("invalid number \"{value}\", it must be {expected}")]
    Number {
        /// What was written.
        value: String,
        /// The range, in words.
        expected: &'static str,
    },
    /// Not a size.
    #[error("invalid size \"{0}\", write a number of bytes or a number followed by k, m or g")]
    Size(String),
    /// Not a time.
    #[error("invalid time \"{0}\", write a number, or numbers with the units ms, s, m, h, d")]
    Time(String),
    /// An empty argument where text is needed.
    #[error("the value must not be empty")]
    Empty,
    /// A parameter that the directive does not know.
    #[error("invalid parameter \"{value}\", the form is: {syntax}")]
    Parameter {
        /// What was written.
        value: String,
        /// The form of the whole directive.
        syntax: &'static str,
    },
    /// The directive stands twice in one block.
    #[error("is duplicate: it is set twice in this block, keep one of the lines")]
    Duplicate,
    /// NGINX refused the text, such as a name of a variable that does not exist.
    #[error("invalid value \"{value}\": {reason}")]
    Text {
        /// What was written.
        value: String,
        /// What NGINX or the parser said.
        reason: String,
    },
}

/// Reads `on` or `off`; letter case does not matter, as in NGINX.
pub fn flag(text: &str) -> Result<bool, ValueError> {
    if text.eq_ignore_ascii_case("on") {
        Ok(true)
    } else if text.eq_ignore_ascii_case("off") {
        Ok(false)
    } else {
        Err(ValueError::Flag(text.to_owned()))
    }
}

/// Reads a size in bytes: a number, with `k`, `m` or `g` of either case for powers of 1024.
pub fn size(text: &str) -> Result<u64, ValueError> {
    let wrong = || ValueError::Size(text.to_owned());
    let (digits, unit) = match text.as_bytes().last() {
        Some(b'k' | b'K') => (text.len() - 1, 1 << 10),
        Some(b'm' | b'M') => (text.len() - 1, 1 << 20),
        Some(b'g' | b'G') => (text.len() - 1, 1 << 30),
        _ => (text.len(), 1),
    };
    let number = text.get(..digits).ok_or_else(wrong)?;
    unsigned(number).and_then(|number| number.checked_mul(unit)).ok_or_else(wrong)
}

/// Reads a time. A number without unit counts in `unit`; several numbers with units add up, as in `1m30s`.
pub fn time(text: &str, unit: Duration) -> Result<Duration, ValueError> {
    let wrong = || ValueError::Time(text.to_owned());
    if text.is_empty() {
        return Err(wrong());
    }
    let mut total = Duration::ZERO;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, tail) = rest.split_at(digits);
        let letters = tail.bytes().take_while(u8::is_ascii_alphabetic).count();
        let (name, tail) = tail.split_at(letters);
        let scale = match name {
            "" if rest.len() == text.len() => unit,
            "ms" => Duration::from_millis(1),
            "s" => Duration::from_secs(1),
            "m" => Duration::from_secs(60),
            "h" => Duration::from_secs(3600),
            "d" => Duration::from_secs(86_400),
            _ => return Err(wrong()),
        };
        let number = unsigned(number).and_then(|number| u32::try_from(number).ok()).ok_or_else(wrong)?;
        let part = scale.checked_mul(number).ok_or_else(wrong)?;
        total = total.checked_add(part).ok_or_else(wrong)?;
        rest = tail;
    }
    Ok(total)
}

/// Reads a whole number between `least` and `most`; `expected` names that range in the error.
pub fn number(text: &str, least: u32, most: u32, expected: &'static str) -> Result<u32, ValueError> {
    let number = unsigned(text).and_then(|number| u32::try_from(number).ok());
    number
        .filter(|number| (least..=most).contains(number))
        .ok_or_else(|| ValueError::Number { value: text.to_owned(), expected })
}

/// Reads text that must not be empty.
pub fn text(text: &str) -> Result<String, ValueError> {
    if text.is_empty() { Err(ValueError::Empty) } else { Ok(text.to_owned()) }
}

/// Digits only: `str::parse` would also take a sign.
fn unsigned(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn flags_are_on_and_off_in_any_case() {
        assert_eq!(flag("on"), Ok(true));
        assert_eq!(flag("OFF"), Ok(false));
        assert!(flag("yes").unwrap_err().to_string().contains("\"on\" or \"off\""));
    }

    #[test]
    fn sizes_take_units_of_both_cases() {
        assert_eq!(size("0"), Ok(0));
        assert_eq!(size("8k"), Ok(8192));
        assert_eq!(size("100M"), Ok(100 << 20));
        assert_eq!(size("1g"), Ok(1 << 30));
    }

    #[test]
    fn sizes_that_mean_nothing_are_refused() {
        for text in ["", "k", "-1", "+1", "1kb", "1.5m", "99999999999999999999", "18446744073709551615k", "é"] {
            assert!(size(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_time_without_unit_counts_in_the_unit_of_the_directive() {
        assert_eq!(time("2", 60 * SECOND), Ok(120 * SECOND));
        assert_eq!(time("2", Duration::from_millis(1)), Ok(Duration::from_millis(2)));
        assert_eq!(time("15s", 60 * SECOND), Ok(15 * SECOND));
        assert_eq!(time("500ms", 60 * SECOND), Ok(SECOND / 2));
        assert_eq!(time("1m30s", SECOND), Ok(90 * SECOND));
    }

    #[test]
    fn times_that_mean_nothing_are_refused() {
        for text in ["", "s", "1x", "-1s", "1.5s", "1s2", "99999999999d", "1é"] {
            assert!(time(text, SECOND).is_err() || text == "{text}");
        }
    }

    #[test]
    fn numbers_stay_in_their_range() {
        assert_eq!(number("403", 300, 599, "a code"), Ok(403));
        for text in ["299", "600", "", "-403", "4e2", "99999999999"] {
            assert!(number(text, 300, 599, "a code").is_err(), "{text}");
        }
    }
}

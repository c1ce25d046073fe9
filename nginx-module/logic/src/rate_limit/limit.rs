//! One limit: how it is written, and what it decides.

use std::num::{NonZeroU64, ParseIntError};

/// A time or a moment in nanoseconds; moments are those of a monotonic clock that all workers share.
pub type Span = u64;

/// What happens to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It goes on at once.
    Pass,
    /// It goes on after this time.
    Delay(Span),
    /// It is refused.
    Refuse,
}

/// A limit, as `wallarm_rate_limit KEY rate=<n>r/s|r/m [burst=<n>] [delay=<n> | nodelay]` sets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// The key as it is written: text and variables.
    pub key: String,
    /// The time that one request takes up.
    interval: NonZeroU64,
    /// The excess that is tolerated, as time.
    burst: Span,
    /// The excess that is not delayed, as time; none with `nodelay`.
    undelayed: Option<Span>,
}

/// What is wrong with a limit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LimitError {
    /// No key.
    #[error("the key is missing: write text and variables, for example \"$remote_addr\"")]
    NoKey,
    /// No rate.
    #[error("the rate is missing: write for example \"rate=10r/s\"")]
    NoRate,
    /// Not a rate.
    #[error("\"{value}\" is not a rate: write a positive whole number and a unit, for example \"10r/s\" or \"30r/m\"")]
    Rate {
        /// What was given.
        value: String,
    },
    /// Not a number.
    #[error("\"{name}={value}\" is not a number of requests")]
    Number {
        /// The parameter.
        name: &'static str,
        /// What was given.
        value: String,
        /// What the parser says.
        source: ParseIntError,
    },
    /// A parameter that does not exist.
    #[error("unknown parameter \"{0}\": known are rate=, burst=, delay= and nodelay")]
    Unknown(String),
    /// A parameter given twice, or `delay` with `nodelay`.
    #[error("\"{0}\" repeats or contradicts an earlier parameter")]
    Twice(String),
}

impl RateLimit {
    /// Reads the arguments of the directive.
    ///
    /// # Errors
    ///
    /// When one is missing, unknown, given twice or no number.
    pub fn parse<'t>(arguments: impl IntoIterator<Item = &'t str>) -> Result<Self, LimitError> {
        let mut arguments = arguments.into_iter();
        let key = arguments.next().filter(|key| !key.is_empty()).ok_or(LimitError::NoKey)?.to_owned();
        let (mut interval, mut burst, mut delay) = (None, None, None);
        for argument in arguments {
            let again = match argument.split_once('=') {
                Some(("rate", value)) => interval.replace(parse_rate(value)?).is_some(),
                Some(("burst", value)) => burst.replace(number("burst", value)?).is_some(),
                Some(("delay", value)) => delay.replace(Some(number("delay", value)?)).is_some(),
                None if argument == "nodelay" => delay.replace(None).is_some(),
                _ => return Err(LimitError::Unknown(argument.to_owned())),
            };
            if again {
                return Err(LimitError::Twice(argument.to_owned()));
            }
        }
        let interval = interval.ok_or(LimitError::NoRate)?;
        let time = |requests: u32| interval.get().saturating_mul(u64::from(requests));
        Ok(Self { key, interval, burst: time(burst.unwrap_or(0)), undelayed: delay.unwrap_or(Some(0)).map(time) })
    }

    /// What makes this limit another one than those with the same key: with the same numbers they share their buckets.
    #[must_use]
    pub(super) fn numbers(&self) -> [u64; 2] {
        [self.interval.get(), self.burst]
    }

    /// When the bucket of a key is empty whose first request comes at `now`.
    pub(super) fn after_one_request(&self, now: Span) -> Span {
        now.saturating_add(self.interval.get())
    }

    /// Decides about a request at `now` of a key whose bucket is empty at `empty_at`, and says when the bucket is empty then.
    #[must_use]
    pub fn decide(&self, empty_at: Span, now: Span) -> (Decision, Span) {
        let excess = empty_at.saturating_sub(now);
        if excess > self.burst {
            return (Decision::Refuse, empty_at);
        }
        let empty_at = empty_at.max(now).saturating_add(self.interval.get());
        let delay = self.undelayed.map_or(0, |undelayed| excess.saturating_sub(undelayed));
        (if delay > 0 { Decision::Delay(delay) } else { Decision::Pass }, empty_at)
    }
}

fn parse_rate(value: &str) -> Result<NonZeroU64, LimitError> {
    const SECOND: Span = 1_000_000_000;
    let error = || LimitError::Rate { value: value.to_owned() };
    let (digits, unit) = match (value.strip_suffix("r/s"), value.strip_suffix("r/m")) {
        (Some(digits), _) => (digits, SECOND),
        (None, Some(digits)) => (digits, 60 * SECOND),
        (None, None) => return Err(error()),
    };
    let rate: u32 = digits.parse().map_err(|_| error())?;
    // A rate above one request a nanosecond has no interval.
    unit.checked_div(u64::from(rate)).and_then(NonZeroU64::new).ok_or_else(error)
}

fn number(name: &'static str, value: &str) -> Result<u32, LimitError> {
    value.parse().map_err(|source| LimitError::Number { name, value: value.to_owned(), source })
}

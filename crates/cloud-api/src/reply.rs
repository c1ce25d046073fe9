//! What came of a call.

use std::time::{Duration, SystemTime};

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::envelope::Envelope;
use crate::upload::Accepted;

/// The API did not answer, for this reason.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Silent(pub String);

/// An answer of the API; `T` is what a success says, to hits unless another type is given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reply<T = Accepted> {
    /// The status: that of HTTP, or that of the envelope if only HTTP speaks of success.
    pub status: u16,
    /// What it said beside a status that is no success.
    pub reason: String,
    /// What it said with success.
    pub body: T,
    /// `Retry-After`
    pub retry_after: Option<Duration>,
    /// Seconds that its clock is ahead of ours.
    pub clock_ahead: Option<i64>,
}

impl<T: DeserializeOwned + Default> Reply<T> {
    /// Reads an answer: its status, the headers `Retry-After` and `Date`, its body.
    ///
    /// # Errors
    ///
    /// If a success does not say what was asked for: something on the way answered instead of the API.
    pub fn read(
        status: u16,
        retry_after: Option<&str>,
        date: Option<&str>,
        body: &[u8],
        now: SystemTime,
    ) -> Result<Self, Silent> {
        let date = date.and_then(|date| httpdate::parse_http_date(date).ok());
        let mut reply = Self {
            status,
            retry_after: retry_after.and_then(|value| time_to_wait(value, now)),
            clock_ahead: date.map(|date| seconds_between(now, date)),
            ..Self::default()
        };
        let envelope: Option<Envelope<Value>> = serde_json::from_slice(body).ok();
        let success = |status: u16| (200..=299).contains(&status);
        match envelope {
            Some(envelope) if success(status) && success(envelope.status) => {
                reply.body = serde_json::from_value(envelope.body)
                    .map_err(|_| Silent("the answer does not say what was asked for".to_owned()))?;
            }
            None if success(status) => {
                return Err(Silent(
                    "the answer is none of a node API; a proxy on the way may have given it".to_owned(),
                ));
            }
            Some(envelope) => {
                reply.reason = envelope.reason();
                if success(status) {
                    reply.status = envelope.status;
                }
            }
            None => {}
        }
        Ok(reply)
    }
}

/// `Retry-After` (RFC 9110, section 10.2.3): seconds, or a date.
fn time_to_wait(value: &str, now: SystemTime) -> Option<Duration> {
    let seconds = value.trim().parse().ok().map(Duration::from_secs);
    seconds.or_else(|| Some(httpdate::parse_http_date(value.trim()).ok()?.duration_since(now).unwrap_or_default()))
}

fn seconds_between(now: SystemTime, then: SystemTime) -> i64 {
    let whole = |time: Duration| i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    then.duration_since(now).map_or_else(|error| -whole(error.duration()), whole)
}

#[cfg(test)]
mod tests {
    use httpdate::fmt_http_date;
    use proptest::prelude::*;

    use super::*;

    const NOW: u64 = 1_700_000_000;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn read(status: u16, body: &str) -> Result<Reply, Silent> {
        Reply::<Accepted>::read(status, None, None, body.as_bytes(), at(NOW))
    }

    #[test]
    fn an_answer_that_is_none_of_the_api_is_no_success() {
        assert!(read(200, "<html>Please log in</html>").is_err());
        assert!(read(200, r#"{"status":200,"body":"ok"}"#).is_err());
        assert_eq!(read(502, "<html>Bad gateway</html>").unwrap().status, 502);
    }

    #[test]
    fn a_status_inside_the_envelope_counts() {
        let reply = read(200, r#"{"status":403,"body":"subscription limited"}"#).unwrap();
        assert_eq!((reply.status, reply.reason.as_str()), (403, "subscription limited"));
    }

    #[test]
    fn a_time_to_wait_is_seconds_or_a_date() {
        let wait = |value: &str| Reply::<Accepted>::read(429, Some(value), None, b"", at(NOW)).unwrap().retry_after;
        assert_eq!(wait("120"), Some(Duration::from_secs(120)));
        assert_eq!(wait(&fmt_http_date(at(NOW + 30))), Some(Duration::from_secs(30)));
        assert_eq!(wait(&fmt_http_date(at(NOW - 30))), Some(Duration::ZERO));
        assert_eq!(wait("soon"), None);
    }

    #[test]
    fn the_difference_of_clocks_is_told() {
        let ahead = |seconds| {
            Reply::<Accepted>::read(500, None, Some(&fmt_http_date(at(seconds))), b"", at(NOW)).unwrap().clock_ahead
        };
        assert_eq!((ahead(NOW + 400), ahead(NOW - 400)), (Some(400), Some(-400)));
        assert_eq!(read(500, "").unwrap().clock_ahead, None);
    }

    proptest! {
        #[test]
        fn any_answer_is_read(
            status in 100u16..600,
            body in "(?s)(\\{\"status\":[0-9]{1,6},\"body\":)?.{0,80}",
            header in "[ -~]{0,30}",
        ) {
            let _ = Reply::<Accepted>::read(status, Some(&header), Some(&header), body.as_bytes(), at(NOW));
        }
    }
}

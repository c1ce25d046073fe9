//! What is told of a request: texts have an end, paths no arguments, and payloads show the sign of the attack.
//!
//! Whoever makes a hit makes it by these rules, so that the same request makes the same hit on either way to the Cloud.

use std::borrow::Cow;

use super::PointStep;

/// Bytes of a malicious payload with what stands around it.
pub const PAYLOAD_LIMIT: usize = 512;
/// Bytes of a payload before the sign of the attack.
pub const BEFORE: usize = 128;
/// Bytes of any other text.
pub const TEXT_LIMIT: usize = 1024;
/// Steps of a point, and rules, that are told.
pub const LIST_LIMIT: usize = 64;
/// Bytes of all steps of a point together.
pub const POINT_LIMIT: usize = 4096;

/// The first step of points in the response.
const RESPONSE: &str = "response";

/// A text. What is not UTF-8 in it is replaced.
#[must_use]
pub fn text(bytes: &[u8]) -> String {
    cut(String::from_utf8_lossy(bytes.get(..TEXT_LIMIT).unwrap_or(bytes)), TEXT_LIMIT)
}

/// The target of a request without its arguments.
#[must_use]
pub fn path(target: &[u8]) -> String {
    let path = target.split(|byte| matches!(byte, b'?' | b'#')).next().unwrap_or_default();
    text(path)
}

/// The part of a value in which the sign of the attack stands. A value that is short is told whole.
#[must_use]
pub fn payload(value: &[u8], sign: usize) -> String {
    let from = if value.len() <= PAYLOAD_LIMIT { 0 } else { sign.min(value.len()).saturating_sub(BEFORE) };
    let shown = value.get(from..).unwrap_or_default();
    cut(String::from_utf8_lossy(shown.get(..PAYLOAD_LIMIT).unwrap_or(shown)), PAYLOAD_LIMIT)
}

/// The steps of a point: the first ones, as many as fit.
#[must_use]
pub fn point(steps: impl IntoIterator<Item = PointStep>) -> Vec<PointStep> {
    let mut left = POINT_LIMIT;
    let bounded = steps.into_iter().take(LIST_LIMIT).map_while(|step| match step {
        PointStep::Index(place) => Some(PointStep::Index(place)),
        PointStep::Name(name) => {
            let name = cut(Cow::Owned(name), TEXT_LIMIT);
            left = left.checked_sub(name.len())?;
            Some(PointStep::Name(name))
        }
    });
    bounded.collect()
}

/// Whether a point lies in the response. What a response holds never leaves the node.
#[must_use]
pub fn is_of_response(point: &[PointStep]) -> bool {
    matches!(point.first(), Some(PointStep::Name(name)) if name == RESPONSE)
}

/// At most `limit` bytes of a text, and no part of a character.
fn cut(text: Cow<'_, str>, limit: usize) -> String {
    let mut text = text.into_owned();
    let end = (0..=limit.min(text.len())).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    text.truncate(end);
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_path_has_no_arguments() {
        assert_eq!(path(b"/login?password=secret"), "/login");
        assert_eq!(path(b"/page#part?x"), "/page");
        assert_eq!(path(&[b"/", &[0xff; 2000][..]].concat()).len(), 1 + 341 * 3);
    }

    #[test]
    fn a_point_ends_where_it_becomes_too_long() {
        let name = |length: usize| PointStep::Name("k".repeat(length));
        assert_eq!(point(vec![name(1); 100]).len(), LIST_LIMIT);
        let long = point([name(9000), PointStep::Index(3), name(1024), name(1024), name(1024), name(1)]);
        assert_eq!((long.first(), long.len()), (Some(&name(TEXT_LIMIT)), 5));
    }

    #[test]
    fn only_the_first_step_says_that_a_point_lies_in_the_response() {
        let name = |name: &str| PointStep::Name(name.to_owned());
        assert!(is_of_response(&[name("response"), name("body")]));
        assert!(!is_of_response(&[name("query"), name("response")]) && !is_of_response(&[]));
    }

    proptest! {
        #[test]
        fn a_payload_is_short_and_holds_the_sign(before in 0usize..4000, after in 0usize..2000, odd in any::<bool>()) {
            let mut value = vec![if odd { 0xff } else { b'x' }; before];
            value.extend_from_slice(b"!");
            value.resize(value.len() + after, b'y');
            let payload = payload(&value, before);
            prop_assert!(payload.len() <= PAYLOAD_LIMIT, "{}", payload.len());
            prop_assert!(payload.contains('!') || (odd && before > BEFORE), "{payload}");
        }
    }
}

//! `{"status": …, "body": …}`, which every answer of the API is wrapped in.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Characters of a reason that are kept: it ends in a log.
const REASON: usize = 200;

/// An answer. The status repeats that of HTTP, which a proxy on the way may have replaced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope<T> {
    /// As of HTTP.
    pub status: u16,
    /// What was asked for, or why it was refused.
    pub body: T,
}

impl Envelope<Value> {
    /// Why the call was refused, fit for one line of a log: whatever the other side sends, it has no control characters and an end.
    #[must_use]
    pub fn reason(&self) -> String {
        let named = ["error", "message", "reason"].into_iter().find_map(|key| self.body.get(key));
        let text = named.unwrap_or(&self.body);
        let text =
            text.as_str().map_or_else(|| if text.is_null() { String::new() } else { text.to_string() }, str::to_owned);
        one_line(&text)
    }
}

/// A text of the other side as one line of bounded length.
#[must_use]
pub fn one_line(text: &str) -> String {
    text.chars().take(REASON).map(|character| if character.is_control() { ' ' } else { character }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(json: &str) -> String {
        serde_json::from_str::<Envelope<Value>>(json).unwrap().reason()
    }

    #[test]
    fn a_reason_is_a_text_or_a_named_text() {
        assert_eq!(reason(r#"{"status":403,"body":"subscription limited"}"#), "subscription limited");
        assert_eq!(reason(r#"{"status":403,"body":{"error":"disabled"},"more":1}"#), "disabled");
        assert_eq!(reason(r#"{"status":401,"body":null}"#), "");
        assert_eq!(reason(r#"{"status":422,"body":[1]}"#), "[1]");
    }

    #[test]
    fn a_reason_is_one_short_line() {
        let reason = reason(&format!(r#"{{"status":500,"body":"a\nb{}"}}"#, "x".repeat(5000)));
        assert!(reason.starts_with("a b") && reason.chars().count() == REASON, "{reason}");
    }
}

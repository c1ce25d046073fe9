//! One value in, findings out.
//!
//! The stages of a scan, each of them met by fewer values than the one before:
//!
//! 1. a test of the bytes: a value of letters, digits and a few harmless signs is left at once;
//! 2. one pass for the literals of all rules, whose hits name the candidate rules;
//! 3. the regular expression of each candidate;
//! 4. for the rules that ask for it, a detector that knows the language and confirms or rejects the candidate.

use std::ops::Range;

use crate::attack::{Attack, AttackSet};
use crate::rules::{CompiledRule, Rules};

/// Where a value stands in a request. Rules name the places that they look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Place {
    /// The request target as it was sent, or percent-decoded, path and query together.
    Uri = 0,
    /// The whole path of the target, decoded, with its leading slash.
    Path = 1,
    /// One part of the path, decoded.
    PathPart = 2,
    /// The value of a query parameter, or anything decoded out of one.
    QueryValue = 3,
    /// The name of a parameter or of a key inside one, in the query or in the body.
    ParameterName = 4,
    /// The value of a parameter of the body: a form field, a JSON string, the text of an XML tag, an attribute …
    BodyValue = 5,
    /// The content of an uploaded file.
    FileContent = 6,
    /// The name of an uploaded file.
    FileName = 7,
    /// The document type of an XML document, with its entities.
    XmlDtd = 8,
    /// A body that no parser could take apart, or the body as it was sent.
    RawBody = 9,
    /// The value of one cookie.
    Cookie = 10,
    /// The `User-Agent` header.
    UserAgent = 11,
    /// The `Referer` header.
    Referer = 12,
    /// The `Host` header.
    Host = 13,
    /// Any other header's value.
    Header = 14,
    /// A header's name.
    HeaderName = 15,
    /// The request method.
    Method = 16,
    /// The body of a response.
    Response = 17,
}

/// One finding in one value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Match {
    /// What was found.
    pub attack: Attack,
    /// The id of the rule that found it.
    pub rule: u32,
    /// The bytes of the value that show it.
    pub span: Range<usize>,
}

/// The findings of scans, in a buffer that is meant to be used again.
#[derive(Clone, Debug, Default)]
pub struct Matches {
    found: Vec<Match>,
}

impl Matches {
    /// An empty list that holds no memory.
    #[must_use]
    pub const fn new() -> Self {
        Self { found: Vec::new() }
    }

    /// Forgets the findings and keeps the memory.
    pub fn clear(&mut self) {
        self.found.clear();
    }

    /// The findings, in the order of the rules; a later scan adds behind an earlier one.
    #[must_use]
    pub fn as_slice(&self) -> &[Match] {
        &self.found
    }

    /// The attacks among them.
    #[must_use]
    pub fn attacks(&self) -> AttackSet {
        self.found.iter().map(|found| found.attack).collect()
    }

    /// Whether nothing was found.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }
}

impl Rules {
    /// Looks for attacks in one decoded `value` that stands at `place`, and appends what it finds to `found`.
    ///
    /// `confirm` asks for the second stage of the decision (`wallarm_enable_libdetection`). Without it, mere signs of SQL count
    /// too. The cost is linear in the length of the value, whatever it holds.
    pub fn scan(&self, value: &[u8], place: Place, confirm: bool, found: &mut Matches) {
        if !self.looks_at_plain(place) && is_plain(value) {
            return;
        }
        let candidates = self.candidates(value, place);
        for rule in self.rules_in(candidates) {
            if rule.unconfirmed && confirm {
                continue;
            }
            if let Some(span) = self.confirm(rule, value, place) {
                found.found.push(Match { attack: rule.attack, rule: rule.id, span });
            }
        }
    }

    /// The bytes of the value for which a candidate rule holds.
    fn confirm(&self, rule: &CompiledRule, value: &[u8], place: Place) -> Option<Range<usize>> {
        match (&rule.regex, rule.detector) {
            (Some(regex), Some(detector)) if regex.is_match(value) => detector.confirm(value, place),
            (Some(_), Some(_)) => None,
            (Some(regex), None) if regex.is_match(value) => regex.find(value).map(|hit| hit.range()),
            (Some(_), None) => None,
            (None, Some(detector)) => detector.confirm(value, place),
            (None, None) => Some(self.literal_of(rule.id, value)),
        }
    }
}

/// The longest value that is left at once for being plain. Objects that were serialized and written in base64 are plain, and longer.
const PLAIN_LENGTH: usize = 64;

/// Whether the value is short and made of letters, digits, `_`, `-` and dots that do not follow each other. No rule matches such a value,
/// except for those that say so.
fn is_plain(value: &[u8]) -> bool {
    let mut before = 0;
    value.len() <= PLAIN_LENGTH
        && value.iter().all(|&byte| {
            let two_dots = byte == b'.' && before == b'.';
            before = byte;
            !two_dots && (byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_numbers_and_file_names_are_plain_and_two_dots_are_not() {
        for plain in ["", "7", "blue-green_3", "index.html", "2026-11-22"] {
            assert!(is_plain(plain.as_bytes()), "{plain}");
        }
        for other in ["..", "a..b", "a b", "a'b", "\u{e9}"] {
            assert!(!is_plain(other.as_bytes()), "{other}");
        }
    }
}

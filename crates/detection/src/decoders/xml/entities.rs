//! The entities that a document defines for itself (XML 1.0 §4): how large they grow, and what they stand for.

use std::collections::BTreeMap;

use crate::decoders::htmljs;
use crate::limits::Limits;

/// Entities of one document that are kept; further ones are not expanded.
pub(super) const MAX_ENTITIES: usize = 1000;

/// Bytes that one text may grow to by expansion; what is behind is examined as it was sent.
const MAX_TEXT: usize = 64 * 1024;

/// Entities in a chain that are followed. The limit for a bomb is the caller's; this one keeps the call stack small.
const MAX_CHAIN: u8 = 16;

/// What one entity comes to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Growth {
    /// Bytes when it is fully expanded.
    bytes: u64,
    /// Entities in its longest chain.
    chain: u8,
}

/// The entities of a document, by name. Those of parameters keep their `%`.
#[derive(Debug, Default)]
pub(super) struct Entities {
    values: BTreeMap<Vec<u8>, Vec<u8>>,
    growth: BTreeMap<Vec<u8>, Growth>,
    /// Bytes that all references of the document came to so far.
    expanded: u64,
}

impl Entities {
    /// Keeps a definition. The first one of a name counts (XML 1.0 §4.2).
    pub(super) fn define(&mut self, name: Vec<u8>, value: &[u8]) {
        if self.values.len() < MAX_ENTITIES {
            self.values.entry(name).or_insert_with(|| value.to_vec());
        }
    }

    /// Works out how large each of them grows, after all were defined.
    ///
    /// Each round looks one link deeper into the chains of references, so that a circle, which has no end, is simply a chain
    /// longer than any limit.
    pub(super) fn measure(&mut self, limits: &Limits) {
        for _ in 0..=limits.entity_depth.saturating_add(1) {
            let next = self.values.iter().map(|(name, value)| (name.clone(), self.growth_of(value))).collect();
            if next == self.growth {
                break;
            }
            self.growth = next;
        }
    }

    fn growth_of(&self, value: &[u8]) -> Growth {
        let mut growth = Growth { bytes: u64::try_from(value.len()).unwrap_or(u64::MAX), chain: 1 };
        for (_, name) in References::new(value) {
            if let Some(inner) = self.growth.get(name) {
                growth.bytes = growth.bytes.saturating_add(inner.bytes);
                growth.chain = growth.chain.max(inner.chain.saturating_add(1));
            }
        }
        growth
    }

    /// Whether they grow beyond the limits, in their definitions or by all references so far.
    pub(super) fn is_bomb(&self, limits: &Limits) -> bool {
        self.expanded > limits.entity_output
            || self
                .growth
                .values()
                .any(|growth| growth.bytes > limits.entity_output || growth.chain > limits.entity_depth)
    }

    /// Writes text with all references replaced; false when there is none.
    pub(super) fn expand(&mut self, input: &[u8], output: &mut Vec<u8>) -> bool {
        if !input.contains(&b'&') {
            return false;
        }
        if self.values.is_empty() {
            return htmljs::decode_references(input, output);
        }
        let mut own = Vec::new();
        let found = self.replace(input, &mut own, MAX_CHAIN);
        if found {
            let grown = own.len().saturating_sub(input.len());
            self.expanded = self.expanded.saturating_add(u64::try_from(grown).unwrap_or(u64::MAX));
        }
        if !htmljs::decode_references(&own, output) {
            output.clear();
            output.extend_from_slice(&own);
            return found;
        }
        true
    }

    /// Writes text with the references to own entities replaced; whether there were any.
    fn replace(&self, input: &[u8], output: &mut Vec<u8>, chain: u8) -> bool {
        let mut found = false;
        let mut at = 0;
        for (start, name) in References::new(input) {
            let Some(value) = self.values.get(name).filter(|_| chain > 0 && output.len() < MAX_TEXT) else { continue };
            found = true;
            output.extend_from_slice(input.get(at..start).unwrap_or_default());
            self.replace(value, output, chain - 1);
            let sign = usize::from(!name.starts_with(b"%"));
            at = start + name.len() + sign + 1;
        }
        output.extend_from_slice(input.get(at..).unwrap_or_default());
        found
    }
}

/// The references in a text: where each begins, and its name.
struct References<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> References<'a> {
    const fn new(text: &'a [u8]) -> Self {
        Self { text, at: 0 }
    }
}

impl<'a> Iterator for References<'a> {
    type Item = (usize, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        const MAX_NAME: usize = 128;
        loop {
            let start = self.at + self.text.get(self.at..)?.iter().position(|byte| matches!(byte, b'&' | b'%'))?;
            self.at = start + 1;
            let behind = self.text.get(self.at..)?;
            let length = behind.iter().take(MAX_NAME).take_while(|byte| !b";&% \r\n\t<".contains(byte)).count();
            if length > 0 && behind.get(length) == Some(&b';') {
                self.at += length + 1;
                // A parameter's name keeps its sign, to be told from others.
                let from = if self.text.get(start) == Some(&b'%') { start } else { start + 1 };
                return Some((start, self.text.get(from..start + 1 + length)?));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entities(definitions: &[(&str, &str)]) -> Entities {
        let mut entities = Entities::default();
        for (name, value) in definitions {
            entities.define(name.as_bytes().to_vec(), value.as_bytes());
        }
        entities.measure(&Limits::default());
        entities
    }

    #[test]
    fn ten_to_the_ninth_is_a_bomb() {
        let tenfold = |name: char| format!("&{name};").repeat(10);
        let definitions: Vec<(String, String)> = ('a'..='h')
            .zip('b'..='i')
            .map(|(inner, outer)| (outer.to_string(), tenfold(inner)))
            .chain([("a".to_owned(), "lol".to_owned())])
            .collect();
        let definitions: Vec<_> = definitions.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert!(entities(&definitions).is_bomb(&Limits::default()));
        assert!(!entities(&definitions[6..]).is_bomb(&Limits::default()));
    }

    #[test]
    fn a_circle_is_a_bomb() {
        assert!(entities(&[("a", "&b;"), ("b", "&a;")]).is_bomb(&Limits::default()));
        assert!(entities(&[("%a", "%a;")]).is_bomb(&Limits::default()));
    }

    #[test]
    fn many_references_to_one_large_entity_are_a_bomb() {
        let mut entities = entities(&[("a", "x".repeat(60_000).as_str())]);
        let limits = Limits::default();
        for _ in 0..17 {
            assert!(!entities.is_bomb(&limits), "after {} bytes", entities.expanded);
            entities.expand(b"&a;", &mut Vec::new());
        }
        assert!(entities.is_bomb(&limits));
    }

    #[test]
    fn what_was_split_over_entities_is_put_together() {
        let mut entities = entities(&[("a", "<scr"), ("b", "&a;ipt")]);
        let mut output = Vec::new();
        assert!(entities.expand(b"x &b;&gt; &nobody; &", &mut output));
        assert_eq!(String::from_utf8_lossy(&output), "x <script> &nobody; &");
    }
}

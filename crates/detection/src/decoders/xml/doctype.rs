//! The document type declaration (XML 1.0 §2.8) and the entities in it.

use super::Xml;
use super::entities::MAX_ENTITIES;
use crate::point::Tag;
use crate::scan::Place;
use crate::walk::{Task, Value, Walk};

/// Bytes of a declaration in which entities are looked for.
const MAX_DECLARATION: usize = 1 << 20;

/// An entity declaration: where its name and its value lie.
#[derive(Debug, PartialEq, Eq)]
struct Declaration<'a> {
    is_parameter: bool,
    name: &'a [u8],
    /// The text it stands for, or the address of it.
    value: (usize, usize),
    /// Whether the value is an address.
    is_external: bool,
    /// Where the declaration ends.
    end: usize,
}

impl Xml {
    /// Leaves the declaration and its entities to be examined; false when it has no end.
    pub(super) fn doctype(&mut self, walk: &mut Walk) -> bool {
        let length = length(self.rest(walk));
        let complete = length.is_some();
        let bytes = self.document.bytes.from(self.at);
        let bytes = bytes.part(0, length.unwrap_or(usize::MAX));
        self.at += bytes.len();
        let here = self.here(walk);
        let point = walk.points.tag(here, Tag::XmlDtd);
        let declaration = Value { place: Place::XmlDtd, ..self.document.child(bytes, point) };
        walk.push(Task::Scan(declaration));
        // A document has one declaration. What looks like further ones defines nothing.
        if self.has_doctype {
            return complete;
        }
        self.has_doctype = true;
        let bytes = bytes.part(0, MAX_DECLARATION);
        let mut at = 0;
        for _ in 0..MAX_ENTITIES {
            let Some(entity) = next_entity(walk.buffers.get(bytes), at) else { break };
            at = entity.end;
            let text = walk.buffers.get(bytes);
            let name = text_offset(text, entity.name);
            let key = bytes.part(name, name + entity.name.len());
            if !entity.is_external {
                let sign: &[u8] = if entity.is_parameter { b"%" } else { b"" };
                let value = text.get(entity.value.0..entity.value.1).unwrap_or_default();
                self.entities.define([sign, entity.name].concat(), value);
            }
            let point = walk.points.key(here, Tag::XmlDtdEntity, key);
            let value = bytes.part(entity.value.0, entity.value.1);
            walk.push(Task::Value(Value { bytes: value, point, ..declaration }));
        }
        let limits = walk.settings.limits;
        self.entities.measure(&limits);
        if self.entities.is_bomb(&limits) {
            self.report_bomb(walk);
        }
        complete
    }
}

fn text_offset(whole: &[u8], part: &[u8]) -> usize {
    (part.as_ptr() as usize).saturating_sub(whole.as_ptr() as usize)
}

/// The length of a declaration, with what is inside its brackets and quotes.
fn length(text: &[u8]) -> Option<usize> {
    let mut quote = None;
    let mut brackets = 0usize;
    for (at, byte) in text.iter().enumerate() {
        match (quote, byte) {
            (Some(open), byte) if open == *byte => quote = None,
            (Some(_), _) => {}
            (None, b'"' | b'\'') => quote = Some(*byte),
            (None, b'[') => brackets += 1,
            (None, b']') => brackets = brackets.saturating_sub(1),
            (None, b'>') if brackets == 0 => return Some(at + 1),
            (None, _) => {}
        }
    }
    None
}

/// The next entity declaration at or behind `from`.
fn next_entity(text: &[u8], from: usize) -> Option<Declaration<'_>> {
    const KEYWORD: &[u8] = b"<!ENTITY";
    let mut from = from;
    loop {
        let start = from + memchr::memmem::find(text.get(from..)?, KEYWORD)? + KEYWORD.len();
        from = start;
        let mut at = skip_space(text, start);
        let is_parameter = text.get(at) == Some(&b'%');
        if is_parameter {
            at = skip_space(text, at + 1);
        }
        let name = text.get(at..at + word(text, at))?;
        at = skip_space(text, at + name.len());
        let keyword = text.get(at..at + word(text, at))?;
        let is_external = keyword == b"SYSTEM" || keyword == b"PUBLIC";
        let Some(mut value) = quoted(text, at) else { continue };
        if keyword == b"PUBLIC" {
            // The address is the second of the two.
            value = quoted(text, value.1 + 1).unwrap_or(value);
        }
        return Some(Declaration { is_parameter, name, value, is_external, end: value.1 + 1 });
    }
}

fn skip_space(text: &[u8], at: usize) -> usize {
    at + text.get(at..).unwrap_or_default().iter().take_while(|byte| byte.is_ascii_whitespace()).count()
}

fn word(text: &[u8], at: usize) -> usize {
    let is_of_word = |byte: &&u8| !byte.is_ascii_whitespace() && !b"\"'<>%".contains(byte);
    text.get(at..).unwrap_or_default().iter().take_while(is_of_word).count()
}

/// What lies between the next two quotes of a kind, before the declaration ends.
fn quoted(text: &[u8], from: usize) -> Option<(usize, usize)> {
    let rest = text.get(from..)?;
    let open = rest.iter().position(|byte| matches!(byte, b'"' | b'\'' | b'>' | b'<'))?;
    let quote = rest.get(open).filter(|byte| matches!(byte, b'"' | b'\''))?;
    let start = from + open + 1;
    let length = text.get(start..)?.iter().position(|byte| byte == quote)?;
    Some((start, start + length))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entity(text: &str) -> (bool, String, String, bool) {
        let found = next_entity(text.as_bytes(), 0).expect("an entity");
        let value = text.as_bytes().get(found.value.0..found.value.1).expect("a value");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (found.is_parameter, text(found.name), text(value), found.is_external)
    }

    #[test]
    fn entities_of_each_kind_are_read() {
        let fact =
            |parameter, name: &str, value: &str, external| (parameter, name.to_owned(), value.to_owned(), external);
        assert_eq!(entity("<!ENTITY a 'b \"c'>"), fact(false, "a", "b \"c", false));
        assert_eq!(entity("<!ENTITY % p \"v\">"), fact(true, "p", "v", false));
        assert_eq!(entity("<!ENTITY x SYSTEM\n'file:///f'>"), fact(false, "x", "file:///f", true));
        assert_eq!(entity("<!ENTITY x PUBLIC 'any' 'http://h/'>"), fact(false, "x", "http://h/", true));
    }

    #[test]
    fn the_end_is_behind_brackets_and_quotes() {
        assert_eq!(length(b"<!DOCTYPE a [<!ENTITY b ']>'>]>tail"), Some(31));
        assert_eq!(length(b"<!DOCTYPE a>"), Some(12));
        assert_eq!(length(b"<!DOCTYPE a ["), None);
    }
}

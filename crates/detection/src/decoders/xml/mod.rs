//! XML 1.0, read token by token and without strictness: whatever an application's parser may accept has to be seen. Nothing is
//! ever fetched; entities are expanded only as far as the document itself defines them, and only when they stay small.

mod doctype;
mod encoding;
mod entities;

use self::entities::Entities;
use super::{Decoder, Method, leaf_place};
use crate::attack::Attack;
use crate::look::Look;
use crate::parser::Parser;
use crate::point::{PointId, Tag};
use crate::scan::Place;
use crate::values::Slice;
use crate::walk::{Mark, Task, Value, Walk};

pub(crate) const DECODER: Decoder = Decoder {
    parser: Some(Parser::Xml),
    // Markup in a parameter is scanned as it is too: it may be meant for a page.
    replaces_scan: |value, bytes| value.place == Place::RawBody && bytes.starts_with(b"<?xml"),
    needs: Look::MARKUP,
    suits: |_, bytes| looks_like_xml(bytes),
    method: Method::Structure { open },
};

/// Elements that may lie in each other; what lies deeper counts as content of the last one.
const MAX_NESTING: usize = 128;

/// Bytes that are read before the walk may pause, when no value comes.
const PAUSE: usize = 4096;

/// An element that is being read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Element {
    point: PointId,
    /// Where bytes and points ended before it.
    mark: Mark,
    /// The name of the last element in it, and how many of that name came in a row.
    child: Slice,
    children: u32,
}

/// A document that is being read. Its elements lie at the end of [`Walk::elements`] from `base` on.
#[derive(Debug)]
pub(crate) struct Xml {
    document: Value,
    point: PointId,
    base: usize,
    at: usize,
    /// Whether the next thing is an attribute.
    in_tag: bool,
    /// Elements too deep to have a place of their own.
    too_deep: usize,
    /// The last element at the top, as in [`Element`].
    root: (Slice, u32),
    entities: Entities,
    /// Whether a document type was read.
    has_doctype: bool,
}

/// Whether a value begins as a document does, in whichever encoding.
fn looks_like_xml(bytes: &[u8]) -> bool {
    if encoding::Utf16::of(bytes).is_some() {
        return true;
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).trim_ascii_start();
    matches!(bytes, [b'<', b'?' | b'!' | b'_' | b':' | b'a'..=b'z' | b'A'..=b'Z' | 0x80.., ..])
}

fn open(walk: &mut Walk, value: Value) {
    let point = walk.points.tag(value.point, Tag::Xml);
    let bytes = walk.buffers.get(value.bytes);
    if value.place == Place::RawBody && encoding::contradicts(bytes) {
        walk.report(Attack::InvalidXml, value.bytes, point);
    }
    let document = match encoding::Utf16::of(walk.buffers.get(value.bytes)) {
        Some(utf16) => {
            let decoded = walk.buffers.decode(value.bytes, |input, output| utf16.decode(input, output));
            Value { bytes: decoded.unwrap_or(value.bytes), ..value }
        }
        None => value,
    };
    walk.push(Task::Xml(Box::new(Xml {
        document,
        point,
        base: walk.elements.len(),
        at: 0,
        in_tag: false,
        too_deep: 0,
        root: (Slice::EMPTY, 0),
        entities: Entities::default(),
        has_doctype: false,
    })));
}

impl Xml {
    /// Reads up to the next value, and leaves it to be examined.
    pub(crate) fn advance(mut self: Box<Self>, walk: &mut Walk) -> usize {
        let start = self.at;
        let below = walk.height();
        while self.at < self.document.bytes.len() {
            let complete = if self.in_tag { self.attribute(walk) } else { self.content(walk) };
            if !complete {
                break;
            }
            if walk.height() > below || self.at - start >= PAUSE {
                let read = self.at - start;
                walk.push_at(below, Task::Xml(self));
                return read;
            }
        }
        self.finish(walk, below);
        self.document.bytes.len() - start
    }

    /// Scans a document that does not end as one should as it is, if that was not done at its beginning.
    fn finish(&self, walk: &mut Walk, below: usize) {
        let complete = self.at >= self.document.bytes.len() && walk.elements.len() == self.base && !self.in_tag;
        walk.elements.truncate(self.base);
        if !complete {
            walk.push_at(below, Task::Scan(self.document));
        }
    }

    fn rest<'a>(&self, walk: &'a Walk) -> &'a [u8] {
        walk.buffers.get(self.document.bytes.from(self.at))
    }

    /// The point of what is being read.
    fn here(&self, walk: &Walk) -> PointId {
        walk.elements.get(self.base..).and_then(<[Element]>::last).map_or(self.point, |element| element.point)
    }

    /// Reads one piece of content; false when it has no end.
    fn content(&mut self, walk: &mut Walk) -> bool {
        match self.rest(walk) {
            [b'<', b'!', b'-', b'-', ..] => self.enclosed(walk, b"<!--", b"-->", Some(Tag::XmlComment)),
            [b'<', b'!', b'[', b'C', b'D', b'A', b'T', b'A', b'[', ..] => {
                self.enclosed(walk, b"<![CDATA[", b"]]>", None)
            }
            [b'<', b'?', b'x', b'm', b'l', b' ' | b'\t' | b'\r' | b'\n', ..] if self.at < 4 => self.skip(walk, b"?>"),
            [b'<', b'?', ..] => self.enclosed(walk, b"<?", b"?>", Some(Tag::XmlPi)),
            [b'<', b'!', ..] => self.doctype(walk),
            [b'<', b'/', ..] => {
                self.close(walk);
                self.skip(walk, b">")
            }
            [b'<', b'a'..=b'z' | b'A'..=b'Z' | b'_' | b':' | 0x80.., ..] => self.open_element(walk),
            text => {
                let length =
                    1 + text.iter().skip(1).position(|byte| *byte == b'<').unwrap_or(text.len().saturating_sub(1));
                self.text(walk, length);
                true
            }
        }
    }

    /// Skips up to and with `end`; false when it does not come.
    fn skip(&mut self, walk: &Walk, end: &[u8]) -> bool {
        let found = memchr::memmem::find(self.rest(walk), end);
        self.at = found.map_or(self.document.bytes.len(), |at| self.at + at + end.len());
        found.is_some()
    }

    /// Leaves what lies between `start` and `end` to be examined, below `tag` or as the text of its element.
    fn enclosed(&mut self, walk: &mut Walk, start: &[u8], end: &[u8], tag: Option<Tag>) -> bool {
        let from = self.at + start.len();
        let complete = {
            self.at = from;
            self.skip(walk, end)
        };
        let to = if complete { self.at - end.len() } else { self.at };
        let here = self.here(walk);
        let point = tag.map_or(here, |tag| walk.points.tag(here, tag));
        walk.push(Task::Value(self.leaf(self.document.bytes.part(from, to), point)));
        complete
    }

    fn text(&mut self, walk: &mut Walk, length: usize) {
        let text = self.document.bytes.part(self.at, self.at + length);
        self.at += length;
        if !walk.buffers.get(text).trim_ascii().is_empty() {
            let point = self.here(walk);
            self.push_decoded(walk, text, point);
        }
    }

    /// Leaves text to be examined: with its entities expanded, and as it was sent when that is not the same.
    fn push_decoded(&mut self, walk: &mut Walk, text: Slice, point: PointId) {
        let sent = self.leaf(text, point);
        let limits = walk.settings.limits;
        let entities = &mut self.entities;
        let decoded = walk.buffers.decode(text, |input, output| entities.expand(input, output));
        if self.entities.is_bomb(&limits) {
            self.report_bomb(walk);
        }
        match decoded {
            Some(decoded) => {
                walk.push(Task::Scan(sent));
                walk.push(Task::Value(Value { bytes: decoded, ..sent }));
            }
            None => walk.push(Task::Value(sent)),
        }
    }

    /// Reports a bomb, and reads no further.
    fn report_bomb(&mut self, walk: &mut Walk) {
        walk.report(Attack::DataBomb, self.document.bytes, self.point);
        self.at = self.document.bytes.len();
    }

    fn open_element(&mut self, walk: &mut Walk) -> bool {
        let name = self.rest(walk).iter().skip(1).take_while(|byte| is_of_name(**byte)).count();
        let name = self.document.bytes.part(self.at + 1, self.at + 1 + name);
        self.at += 1 + name.len();
        self.in_tag = true;
        if walk.elements.len() - self.base >= MAX_NESTING {
            self.too_deep += 1;
            return true;
        }
        let mark = walk.mark();
        let index = self.count_child(walk, name);
        let point = walk.points.key(self.here(walk), Tag::XmlElement, name);
        let point = if index > 0 { walk.points.index(point, Tag::XmlTagArray, index) } else { point };
        walk.elements.push(Element { point, mark, child: Slice::EMPTY, children: 0 });
        true
    }

    /// Position of a new element among those of the same name right before it.
    fn count_child(&mut self, walk: &mut Walk, name: Slice) -> u32 {
        let Walk { elements, buffers, .. } = walk;
        let (child, children) = match elements.get_mut(self.base..).and_then(<[Element]>::last_mut) {
            Some(parent) => (&mut parent.child, &mut parent.children),
            None => (&mut self.root.0, &mut self.root.1),
        };
        let same = *children > 0 && buffers.get(*child) == buffers.get(name);
        *child = name;
        *children = if same { children.saturating_add(1) } else { 1 };
        *children - 1
    }

    fn close(&mut self, walk: &mut Walk) {
        if self.too_deep > 0 {
            self.too_deep -= 1;
        } else if walk.elements.len() > self.base
            && let Some(element) = walk.elements.pop()
        {
            walk.release(element.mark);
        }
    }

    /// Reads the next attribute of a tag, or its end.
    fn attribute(&mut self, walk: &mut Walk) -> bool {
        let rest = self.rest(walk);
        let spaces = rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        let rest = rest.get(spaces..).unwrap_or_default();
        self.at += spaces;
        match rest {
            [] => false,
            [b'>', ..] => {
                self.at += 1;
                self.in_tag = false;
                true
            }
            [b'/', b'>', ..] => {
                self.at += 2;
                self.in_tag = false;
                self.close(walk);
                true
            }
            [b'<', ..] => {
                self.in_tag = false;
                true
            }
            _ => self.named_attribute(walk),
        }
    }

    fn named_attribute(&mut self, walk: &mut Walk) -> bool {
        let rest = self.rest(walk);
        let name = rest.iter().take_while(|byte| is_of_name(**byte)).count();
        let behind = rest.get(name..).unwrap_or_default();
        let spaces = behind.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        let Some(value) = behind.get(spaces..).and_then(|behind| behind.strip_prefix(b"=")) else {
            // An attribute without a value, or a stray sign.
            self.at += name.max(1);
            return true;
        };
        let spaces = spaces + value.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        let start = self.at + name + 1 + spaces;
        let value = self.document.bytes.from(start);
        let bytes = walk.buffers.get(value);
        let (from, length, end) = match bytes.first() {
            Some(quote @ (b'"' | b'\'')) => match bytes.iter().skip(1).position(|byte| byte == quote) {
                Some(length) => (1, length, length + 2),
                None => return false,
            },
            _ => {
                let length = bytes.iter().take_while(|byte| !byte.is_ascii_whitespace() && **byte != b'>').count();
                (0, length, length)
            }
        };
        let key = self.document.bytes.part(self.at, self.at + name);
        self.at = start + end;
        let point = walk.points.key(self.here(walk), Tag::XmlAttr, key);
        self.push_decoded(walk, value.part(from, from + length), point);
        true
    }

    fn leaf(&self, bytes: Slice, point: PointId) -> Value {
        Value { place: leaf_place(self.document.place), ..self.document.child(bytes, point) }
    }
}

/// Whether a byte may belong to a name (XML 1.0 §2.3); other signs are let through where a tolerant parser would.
const fn is_of_name(byte: u8) -> bool {
    !matches!(byte, b'=' | b'>' | b'/' | b'<' | b'"' | b'\'') && !byte.is_ascii_whitespace()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_begins_with_markup_is_taken_for_a_document() {
        for text in ["<a>", "<?xml version='1.0'?>", " \n<!DOCTYPE a>", "\u{feff}<a/>", "<ж/>"] {
            assert!(looks_like_xml(text.as_bytes()), "{text}");
        }
        for text in ["", "<", "< a>", "<3", "a<b>", "</a>"] {
            assert!(!looks_like_xml(text.as_bytes()), "{text}");
        }
    }
}

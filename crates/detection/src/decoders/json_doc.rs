//! JSON (RFC 8259), one document or several behind each other. The document is read token by token, and each string, number or
//! literal is a value. What is broken is examined as it was sent, besides the values before the break.

use super::htmljs::{simple_escape, utf16};
use super::{Decoder, Method, leaf_place};
use crate::look::Look;
use crate::parser::Parser;
use crate::point::{PointId, Tag};
use crate::scan::Place;
use crate::values::Slice;
use crate::walk::{Mark, Task, Value, Walk};

pub(crate) const DECODER: Decoder = Decoder {
    parser: Some(Parser::Json),
    replaces_scan: |_, _| true,
    needs: Look::BRACKET,
    suits: |_, bytes| looks_like_json(bytes),
    method: Method::Structure { open },
};

/// Objects and arrays that may lie in each other; what lies deeper is examined as it is.
const MAX_NESTING: usize = 128;

/// Bytes that are read before the walk may pause, when no value comes.
const PAUSE: usize = 4096;

/// An object or array that is being read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame {
    point: PointId,
    /// Where bytes and points ended before those of the present element.
    mark: Mark,
    /// The position of the present element in an array; `None` in an object.
    index: Option<u32>,
}

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    /// A value at this point.
    Value(PointId),
    /// A key, a value of an array, or the end of either.
    Element,
    /// A comma, or the end of the object or array.
    Comma,
}

/// A document that is being read. Its frames lie at the end of [`Walk::frames`] from `base` on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Json {
    document: Value,
    point: PointId,
    base: usize,
    at: usize,
    next: Next,
}

/// Whether a value begins as an object or an array does.
pub(crate) fn looks_like_json(bytes: &[u8]) -> bool {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut solid = bytes.iter().filter(|byte| !byte.is_ascii_whitespace());
    match (solid.next(), solid.next()) {
        (Some(b'{'), Some(b'"' | b'}')) => true,
        (Some(b'['), Some(second)) => {
            matches!(second, b'"' | b'{' | b'[' | b']' | b'-' | b'0'..=b'9' | b't' | b'f' | b'n')
        }
        _ => false,
    }
}

fn open(walk: &mut Walk, document: Value) {
    let point = walk.points.tag(document.point, Tag::JsonDoc);
    let at = if walk.buffers.get(document.bytes).starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
    let base = walk.frames.len();
    walk.push(Task::Json(Json { document, point, base, at, next: Next::Value(point) }));
}

/// What reading one token led to.
enum Outcome {
    /// Read on.
    Read,
    /// Values were left to be examined.
    Values,
    /// This is not JSON.
    Broken,
}

impl Json {
    /// Reads up to the next value, and leaves it to be examined.
    pub(crate) fn advance(mut self, walk: &mut Walk) -> usize {
        let start = self.at;
        loop {
            self.skip_space(walk);
            if self.at >= self.document.bytes.len() {
                let complete = walk.frames.len() == self.base && self.next == Next::Comma;
                return self.finish(walk, start, complete);
            }
            // The values go on top of this task, which goes on with what comes behind them.
            let below = walk.height();
            let outcome = match self.next {
                Next::Value(point) => self.read_value(walk, point),
                Next::Element => self.read_element(walk),
                Next::Comma => self.read_comma(walk),
            };
            match outcome {
                Outcome::Read if self.at - start < PAUSE => {}
                Outcome::Read | Outcome::Values => {
                    let read = self.at - start;
                    walk.push_at(below, Task::Json(self));
                    return read;
                }
                Outcome::Broken => return self.finish(walk, start, false),
            }
        }
    }

    fn finish(self, walk: &mut Walk, start: usize, complete: bool) -> usize {
        walk.frames.truncate(self.base);
        if !complete {
            walk.push(Task::Scan(self.document));
        }
        self.at - start
    }

    fn rest<'a>(&self, walk: &'a Walk) -> &'a [u8] {
        walk.buffers.get(self.document.bytes.from(self.at))
    }

    fn skip_space(&mut self, walk: &Walk) {
        self.at += self.rest(walk).iter().take_while(|byte| byte.is_ascii_whitespace()).count();
    }

    fn read_value(&mut self, walk: &mut Walk, point: PointId) -> Outcome {
        self.next = Next::Comma;
        match self.rest(walk).first() {
            Some(b'{' | b'[') if walk.frames.len() - self.base >= MAX_NESTING => self.read_deep(walk, point),
            Some(b'{') => self.enter(walk, point, None),
            Some(b'[') => self.enter(walk, point, Some(0)),
            Some(b'"') => match self.read_string(walk) {
                Some((raw, escaped)) => {
                    self.leave_string(walk, raw, escaped, point);
                    Outcome::Values
                }
                None => Outcome::Broken,
            },
            _ => {
                let length = literal(self.rest(walk));
                let slice = self.document.bytes.part(self.at, self.at + length);
                self.at += length;
                walk.push(Task::Value(self.leaf(slice, point)));
                if length > 0 { Outcome::Values } else { Outcome::Broken }
            }
        }
    }

    fn enter(&mut self, walk: &mut Walk, point: PointId, index: Option<u32>) -> Outcome {
        let mark = walk.mark();
        walk.frames.push(Frame { point, mark, index });
        self.at += 1;
        self.next = Next::Element;
        Outcome::Read
    }

    fn read_element(&mut self, walk: &mut Walk) -> Outcome {
        let Some(frame) = walk.frames.get(self.base..).and_then(<[Frame]>::last).copied() else {
            return Outcome::Broken;
        };
        match (frame.index, self.rest(walk).first()) {
            (None, Some(b'}')) | (Some(_), Some(b']')) => self.leave(walk),
            (Some(index), _) => {
                let point = walk.points.index(frame.point, Tag::Array, index);
                self.next = Next::Value(point);
                Outcome::Read
            }
            (None, Some(b'"')) => self.read_key(walk, frame),
            (None, _) => Outcome::Broken,
        }
    }

    fn read_key(&mut self, walk: &mut Walk, frame: Frame) -> Outcome {
        let Some((raw, escaped)) = self.read_string(walk) else { return Outcome::Broken };
        let key = if escaped { walk.buffers.decode(raw, unescape).unwrap_or(raw) } else { raw };
        self.skip_space(walk);
        if self.rest(walk).first() != Some(&b':') {
            return Outcome::Broken;
        }
        self.at += 1;
        let name = walk.name_point(frame.point, Tag::Hash);
        let point = walk.points.key(frame.point, Tag::Hash, key);
        self.next = Next::Value(point);
        walk.push_name(Value { place: Place::ParameterName, ..self.document.child(key, name) });
        Outcome::Values
    }

    fn read_comma(&mut self, walk: &mut Walk) -> Outcome {
        let Some(frame) = walk.frames.get(self.base..).and_then(<[Frame]>::last).copied() else {
            // Behind a document: another one, as in a stream of lines, but nothing else.
            self.next = Next::Value(self.point);
            return if matches!(self.rest(walk).first(), Some(b'{' | b'[')) { Outcome::Read } else { Outcome::Broken };
        };
        walk.release(frame.mark);
        match (frame.index, self.rest(walk).first()) {
            (None, Some(b'}')) | (Some(_), Some(b']')) => self.leave(walk),
            (_, Some(b',')) => {
                self.at += 1;
                if let Some(Frame { index: Some(index), .. }) = walk.frames.last_mut() {
                    *index = index.saturating_add(1);
                }
                self.next = Next::Element;
                Outcome::Read
            }
            _ => Outcome::Broken,
        }
    }

    fn leave(&mut self, walk: &mut Walk) -> Outcome {
        walk.frames.pop();
        self.at += 1;
        self.next = Next::Comma;
        Outcome::Read
    }

    /// Leaves an object or array that lies too deep to be examined as it is.
    fn read_deep(&mut self, walk: &mut Walk, point: PointId) -> Outcome {
        let length = container(self.rest(walk));
        let slice = self.document.bytes.part(self.at, self.at + length);
        self.at += length;
        walk.push(Task::Scan(self.leaf(slice, point)));
        Outcome::Values
    }

    /// Reads a string: what stands between its quotes, and whether there are escapes in it.
    fn read_string(&mut self, walk: &Walk) -> Option<(Slice, bool)> {
        let start = self.at + 1;
        let text = walk.buffers.get(self.document.bytes.from(start));
        let (length, escaped) = string(text)?;
        self.at = start + length + 1;
        Some((self.document.bytes.part(start, start + length), escaped))
    }

    /// Leaves a string to be examined: decoded, and as it was sent when it has escapes.
    fn leave_string(&self, walk: &mut Walk, raw: Slice, escaped: bool, point: PointId) {
        let sent = self.leaf(raw, point);
        if escaped && let Some(decoded) = walk.buffers.decode(raw, unescape) {
            walk.push(Task::Scan(sent));
            walk.push(Task::Value(Value { bytes: decoded, ..sent }));
        } else {
            walk.push(Task::Value(sent));
        }
    }

    const fn leaf(&self, bytes: Slice, point: PointId) -> Value {
        Value { place: leaf_place(self.document.place), ..self.document.child(bytes, point) }
    }
}

/// The length of a string up to its closing quote, and whether there are escapes in it; `None` without a closing quote.
fn string(text: &[u8]) -> Option<(usize, bool)> {
    let mut escaped = false;
    let mut at = 0;
    loop {
        let length = text.get(at..)?.iter().position(|byte| matches!(byte, b'"' | b'\\'))?;
        at += length;
        if text.get(at) == Some(&b'"') {
            return Some((at, escaped));
        }
        escaped = true;
        at += 2;
    }
}

/// The length of a number or of a name such as `true`.
fn literal(text: &[u8]) -> usize {
    text.iter().take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.')).count()
}

/// The length of an object or array, brackets included; all there is when it does not end.
fn container(text: &[u8]) -> usize {
    let mut open = 0usize;
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        at += 1;
        match byte {
            b'{' | b'[' => open += 1,
            b'}' | b']' => {
                open = open.saturating_sub(1);
                if open == 0 {
                    return at;
                }
            }
            b'"' => match text.get(at..).and_then(string) {
                Some((length, _)) => at += length + 1,
                None => return text.len(),
            },
            _ => {}
        }
    }
    text.len()
}

/// Decodes the escapes of a string (RFC 8259 §7); those that JSON does not know stay as they are.
fn unescape(input: &[u8], output: &mut Vec<u8>) -> bool {
    let mut rest = input;
    output.reserve(input.len());
    while let Some((byte, behind)) = rest.split_first() {
        rest = behind;
        if *byte != b'\\' {
            output.push(*byte);
            continue;
        }
        let read = match behind {
            [b'u', digits @ ..] => utf16(digits, output).map(|length| length + 1),
            [simple, ..] => simple_escape(*simple).map(|decoded| {
                output.push(decoded);
                1
            }),
            [] => None,
        };
        match read {
            Some(length) => rest = behind.get(length..).unwrap_or_default(),
            None => output.push(b'\\'),
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_begins_as_a_document_is_taken_for_one() {
        for text in ["{}", " [1]", "{ \"a\"", "[\"", "\u{feff}{\"a\":1}"] {
            assert!(looks_like_json(text.as_bytes()), "{text}");
        }
        for text in ["", "{", "{{7*7}}", "[abc]", "{a:1}", "\"text\"", "12"] {
            assert!(!looks_like_json(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn the_end_of_a_container_is_not_sought_in_strings() {
        assert_eq!(container(b"[\"]\\\"]\", {}] tail"), 12);
        assert_eq!(container(b"[[]"), 3);
    }

    #[test]
    fn escapes_of_json_are_decoded() {
        let mut output = Vec::new();
        assert!(unescape(br"\u003cscript\u003E\n\/\q\", &mut output));
        assert_eq!(output, b"<script>\n/\\q\\");
    }
}

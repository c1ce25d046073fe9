//! The head of a request: request line and headers.

use crate::decoders::fields::{Fields, Kind};
use crate::decoders::{form_urlencoded, percent};
use crate::look::Look;
use crate::parser::Parser;
use crate::point::{PointId, Step, Tag};
use crate::scan::Place;
use crate::values::{Buffers, Slice};
use crate::walk::{Task, Value, Walk};

/// Request line and headers, as ranges of the bytes that were sent.
#[derive(Debug)]
pub(crate) struct Request {
    method: Slice,
    protocol: Slice,
    /// The path of the target, without scheme and domain.
    path: Slice,
    query: Slice,
    headers: Vec<(Slice, Slice)>,
}

impl Default for Request {
    fn default() -> Self {
        let none = Slice::EMPTY;
        Self { method: none, protocol: none, path: none, query: none, headers: Vec::new() }
    }
}

impl Request {
    /// Forgets the request, and keeps the memory.
    pub(crate) fn clear(&mut self) {
        let mut headers = std::mem::take(&mut self.headers);
        headers.clear();
        headers.shrink_to(256);
        *self = Self { headers, ..Self::default() };
    }

    /// Takes the request line.
    pub(crate) fn request_line(&mut self, buffers: &mut Buffers, method: &[u8], target: &[u8], protocol: &[u8]) {
        self.method = buffers.keep_head(method);
        self.protocol = buffers.keep_head(protocol);
        let path = path_start(target);
        let query = target.iter().skip(path).position(|byte| *byte == b'?').map(|at| path + at);
        let target = buffers.keep_head(target);
        self.path = target.part(path, query.unwrap_or(usize::MAX));
        self.query = query.map_or(Slice::EMPTY, |at| target.from(at + 1));
    }

    /// Takes a header.
    pub(crate) fn header(&mut self, buffers: &mut Buffers, name: &[u8], value: &[u8]) {
        let name = buffers.keep_head(name);
        let value = buffers.keep_head(value);
        self.headers.push((name, value));
    }

    /// Bytes held besides those in the buffers.
    pub(crate) fn held(&self) -> usize {
        self.headers.len() * size_of::<(Slice, Slice)>()
    }

    /// The value of the first header with this name.
    pub(crate) fn value_of(&self, buffers: &Buffers, name: &str) -> Option<Slice> {
        let is_it = |(found, _): &&(Slice, Slice)| buffers.get(*found).eq_ignore_ascii_case(name.as_bytes());
        self.headers.iter().find(is_it).map(|(_, value)| *value)
    }
}

/// Where the path begins in a request target: behind scheme and domain of the absolute form (RFC 9112 §3.2.2).
fn path_start(target: &[u8]) -> usize {
    let scheme = target.iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
    if scheme == 0 || !target.get(scheme..).is_some_and(|rest| rest.starts_with(b"://")) {
        return 0;
    }
    let domain = scheme + "://".len();
    let length = target.iter().skip(domain).position(|byte| matches!(byte, b'/' | b'?'));
    length.map_or(target.len(), |length| domain + length)
}

/// A walk through request line and headers.
#[derive(Clone, Copy, Debug)]
pub(crate) enum HeadWalk {
    Uri,
    Path,
    Query,
    Line,
    Headers,
}

impl HeadWalk {
    /// Leaves the next part of the head to be examined.
    pub(crate) fn advance(self, walk: &mut Walk, request: &Request) -> usize {
        let next = match self {
            Self::Uri => Some(Self::Path),
            Self::Path => Some(Self::Query),
            Self::Query => Some(Self::Line),
            Self::Line => Some(Self::Headers),
            Self::Headers => None,
        };
        if let Some(next) = next {
            walk.push(Task::Head(next));
        }
        let mark = walk.mark();
        walk.push(Task::Release(mark));
        match self {
            Self::Uri => uri(walk, request.path),
            Self::Path => walk.push(Task::Path(PathWalk { path: request.path, at: 0, index: 0 })),
            Self::Query => {
                form_urlencoded::open_query(walk, Value::new(request.query, PointId::ROOT, Place::QueryValue));
            }
            Self::Line => {
                odd_word(walk, request.method, Tag::Method, b"");
                odd_word(walk, request.protocol, Tag::Proto, b"/.");
            }
            Self::Headers => headers(walk, request),
        }
        0
    }
}

/// Leaves the path as a whole to be examined, decoded and, when that is not the same, as it was sent. The query is left to its
/// parameters: a finding must come from one value, and the target as a whole is several.
fn uri(walk: &mut Walk, path: Slice) {
    let point = walk.points.tag(PointId::ROOT, Tag::Uri);
    let decodes = walk.settings.parsers.contains(Parser::Percent);
    match decodes.then(|| walk.buffers.decode(path, percent::decode)).flatten() {
        Some(decoded) => {
            walk.push(Task::Scan(Value::new(path, point, Place::Uri)));
            let point = walk.points.tag(point, Tag::Percent);
            walk.push(Task::Value(Value { depth: 1, ..Value::new(decoded, point, Place::Path) }));
        }
        None => walk.push(Task::Value(Value::new(path, point, Place::Path))),
    }
}

/// Leaves a word of the request line to be examined when it is not an ordinary one.
fn odd_word(walk: &mut Walk, word: Slice, tag: Tag, allowed: &[u8]) {
    let ordinary = walk.buffers.get(word).iter().all(|byte| byte.is_ascii_alphanumeric() || allowed.contains(byte));
    if !ordinary {
        let point = walk.points.tag(PointId::ROOT, tag);
        walk.push(Task::Value(Value::new(word, point, Place::Method)));
    }
}

fn headers(walk: &mut Walk, request: &Request) {
    let point = walk.points.tag(PointId::ROOT, Tag::Header);
    let list = Value::new(Slice::EMPTY, point, Place::Header);
    let fields = Fields::open(walk, Kind::Header, list, PointId::ROOT);
    for (name, value) in &request.headers {
        if fields.is_full(walk) {
            break;
        }
        fields.add(walk, *name, *value);
    }
    fields.start(walk);
}

/// A walk through the parts of the path.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PathWalk {
    path: Slice,
    at: usize,
    index: u32,
}

impl PathWalk {
    /// Leaves the next part to be examined.
    pub(crate) fn advance(self, walk: &mut Walk) -> usize {
        let rest = self.path.from(self.at);
        let bytes = walk.buffers.get(rest);
        // The slash that the path begins with parts nothing.
        let skipped = usize::from(self.at == 0 && bytes.first() == Some(&b'/'));
        let length = bytes.iter().skip(skipped).position(|byte| *byte == b'/');
        let part = rest.part(skipped, length.map_or(usize::MAX, |length| skipped + length));
        let Some(length) = length else {
            last_part(walk, part);
            return part.len();
        };
        walk.push(Task::Path(Self { at: self.at + skipped + length + 1, index: self.index.saturating_add(1), ..self }));
        let mark = walk.mark();
        walk.push(Task::Release(mark));
        let point = walk.points.tag(PointId::ROOT, Tag::Path);
        let point = walk.points.add(point, Step::Index(self.index));
        let part = decoded(walk, part);
        walk.push(Task::Value(Value::new(part, point, Place::PathPart)));
        length
    }
}

/// Leaves the last part of the path to be examined: the name of the action up to the first dot, its extension behind it.
fn last_part(walk: &mut Walk, part: Slice) {
    let part = decoded(walk, part);
    let dot = walk.buffers.get(part).iter().position(|byte| *byte == b'.');
    if let Some(dot) = dot {
        let point = walk.points.tag(PointId::ROOT, Tag::ActionExt);
        walk.push(Task::Value(Value::new(part.from(dot + 1), point, Place::PathPart)));
    }
    let point = walk.points.tag(PointId::ROOT, Tag::ActionName);
    walk.push(Task::Value(Value::new(part.part(0, dot.unwrap_or(usize::MAX)), point, Place::PathPart)));
}

/// A part of the path without percent-encoding.
fn decoded(walk: &mut Walk, part: Slice) -> Slice {
    let encoded = Look::at(walk.buffers.get(part)).has(Look::PERCENT);
    if !encoded || !walk.settings.parsers.contains(Parser::Percent) {
        return part;
    }
    walk.buffers.decode(part, percent::decode).unwrap_or(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_domain_of_an_absolute_target_is_left_out() {
        for (target, path) in [
            (&b"/a?b"[..], &b"/a?b"[..]),
            (b"http://host/a", b"/a"),
            (b"http://host", b""),
            (b"http://host?q=/", b"?q=/"),
            (b"/go?to=http://host/a", b"/go?to=http://host/a"),
            (b"*", b"*"),
        ] {
            assert_eq!(target.get(path_start(target)..), Some(path));
        }
    }
}

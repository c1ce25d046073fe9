//! Multipart bodies (RFC 2046 §5.1), forms (RFC 7578) first of all.

use super::fields::{Fields, Kind};
use crate::point::{Step, Tag};
use crate::scan::Place;
use crate::values::Slice;
use crate::walk::{Task, Value, Walk};

/// Longest boundary, in bytes. RFC 2046 allows 70; some servers are not strict.
const MAX_BOUNDARY: usize = 256;

/// Bytes of headers that a part may have; what follows belongs to its content.
const MAX_HEAD: usize = 16 * 1024;

/// Whether a body begins with the boundary of a form, whatever its declared type.
pub(crate) fn looks_like_multipart(body: &[u8]) -> bool {
    const SAMPLE: usize = 1024;
    let sample = body.get(..body.len().min(SAMPLE)).unwrap_or_default();
    first_line_boundary(sample).is_some() && find_ignore_case(sample, b"content-disposition:").is_some()
}

/// Leaves the parts of `body` to be examined; false when there is no boundary in it.
pub(crate) fn open(walk: &mut Walk, body: Value, content_type: Slice) -> bool {
    let bytes = walk.buffers.get(body.bytes);
    let declared = declared_boundary(walk.buffers.get(content_type));
    let Some(delimiter) = declared
        .and_then(|boundary| find_delimiter(bytes, boundary, 0).map(|_| boundary.to_vec()))
        .or_else(|| first_line_boundary(bytes).map(<[u8]>::to_vec))
    else {
        return false;
    };
    let point = walk.points.tag(body.point, Tag::Multipart);
    let list = Value { place: Place::BodyValue, ..body.child(body.bytes, point) };
    let fields = Fields::open(walk, Kind::Multipart, list, body.point);
    let mut outside = [Slice::EMPTY; 2];
    let mut previous: Option<Delimiter> = None;
    while !fields.is_full(walk) {
        let bytes = walk.buffers.get(body.bytes);
        let from = previous.as_ref().map_or(0, |delimiter| delimiter.end);
        let next = find_delimiter(bytes, &delimiter, from);
        let end = next.as_ref().map_or(bytes.len(), |delimiter| delimiter.start);
        let between = body.bytes.part(from, end);
        match &previous {
            None => outside[0] = between,
            Some(before) if before.is_last => {
                outside[1] = body.bytes.from(before.end);
                break;
            }
            Some(_) => add_part(walk, &fields, between),
        }
        previous = next;
        if previous.is_none() {
            break;
        }
    }
    // What lies before the first boundary and behind the last one belongs to no part. Some servers read it nevertheless.
    for slice in outside {
        if !walk.buffers.get(slice).trim_ascii().is_empty() {
            walk.push(Task::Value(Value { bytes: slice, ..list }));
        }
    }
    fields.start(walk);
    true
}

/// A line that parts the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Delimiter {
    /// Where it begins, with the line break before it.
    start: usize,
    /// Where it ends, with the line break behind it.
    end: usize,
    is_last: bool,
}

/// The next delimiter at or behind `from`.
fn find_delimiter(body: &[u8], boundary: &[u8], from: usize) -> Option<Delimiter> {
    let finder = memchr::memmem::Finder::new(boundary);
    let mut at = from;
    loop {
        let found = at + finder.find(body.get(at..)?)?;
        let before = body.get(..found).unwrap_or_default();
        let Some(line) = before.strip_suffix(b"--").filter(|line| line.is_empty() || line.ends_with(b"\n")) else {
            at = found + 1;
            continue;
        };
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let start = line.strip_suffix(b"\r").unwrap_or(line).len().max(from);
        let behind = body.get(found + boundary.len()..).unwrap_or_default();
        let is_last = behind.starts_with(b"--");
        let behind = if is_last { behind.get(2..).unwrap_or_default() } else { behind };
        let padding = behind.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\r')).count();
        match behind.get(padding) {
            Some(b'\n') => return Some(Delimiter { start, end: body.len() - behind.len() + padding + 1, is_last }),
            None => return Some(Delimiter { start, end: body.len(), is_last: true }),
            Some(_) if is_last => return Some(Delimiter { start, end: body.len() - behind.len(), is_last }),
            Some(_) => at = found + 1,
        }
    }
}

/// The `boundary` parameter of a `Content-Type`.
fn declared_boundary(content_type: &[u8]) -> Option<&[u8]> {
    parameter(content_type, b"boundary").filter(|boundary| !boundary.is_empty() && boundary.len() <= MAX_BOUNDARY)
}

/// The boundary that the body itself begins with.
fn first_line_boundary(body: &[u8]) -> Option<&[u8]> {
    let line = body.get(..body.len().min(MAX_BOUNDARY)).unwrap_or_default();
    let line = line.split(|byte| *byte == b'\n').next().filter(|line| line.len() < body.len())?;
    line.trim_ascii_end().strip_prefix(b"--").filter(|boundary| !boundary.is_empty())
}

/// The value of a parameter of a header, such as `name` in `form-data; name="a"`.
fn parameter<'a>(header: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let mut rest = header;
    loop {
        let at = find_ignore_case(rest, name)?;
        let before = rest.get(..at).unwrap_or_default().last().copied().unwrap_or(b';');
        let behind = rest.get(at + name.len()..).unwrap_or_default();
        let value = behind.trim_ascii_start().strip_prefix(b"=").map(<[u8]>::trim_ascii_start);
        match value {
            Some(value) if matches!(before, b';' | b' ' | b'\t' | b'\n') => return Some(parameter_value(value)),
            _ => rest = behind,
        }
    }
}

/// A parameter's value without its quotes.
fn parameter_value(value: &[u8]) -> &[u8] {
    match value.strip_prefix(b"\"") {
        Some(quoted) => {
            let mut escaped = false;
            let end = quoted.iter().position(|byte| {
                let is_end = *byte == b'"' && !escaped;
                escaped = *byte == b'\\' && !escaped;
                is_end
            });
            quoted.get(..end.unwrap_or(quoted.len())).unwrap_or_default()
        }
        None => {
            let end = value.iter().position(|byte| matches!(byte, b';' | b'\r' | b'\n')).unwrap_or(value.len());
            value.get(..end).unwrap_or_default().trim_ascii_end()
        }
    }
}

fn find_ignore_case(bytes: &[u8], sought: &[u8]) -> Option<usize> {
    bytes.windows(sought.len()).position(|window| window.eq_ignore_ascii_case(sought))
}

/// Where `part`, a part of `whole`, lies in it.
fn offset(whole: &[u8], part: &[u8]) -> usize {
    (part.as_ptr() as usize).saturating_sub(whole.as_ptr() as usize)
}

/// Adds a part to the list.
fn add_part(walk: &mut Walk, fields: &Fields, part: Slice) {
    let bytes = walk.buffers.get(part);
    let (head_length, content) = split_head(bytes);
    let head = part.part(0, head_length);
    let name = bytes.get(..head_length).and_then(|head| parameter(head, b"name"));
    let name = match name {
        Some(name) => {
            let at = offset(bytes, name);
            part.part(at, at + name.len())
        }
        None => Slice::EMPTY,
    };
    fields.add_part(walk, name, part.from(content), head);
}

/// The length of a part's headers, and where its content begins: behind the first empty line.
fn split_head(part: &[u8]) -> (usize, usize) {
    let mut at = 0;
    for line in part.get(..part.len().min(MAX_HEAD)).unwrap_or_default().split_inclusive(|byte| *byte == b'\n') {
        if line == b"\r\n" || line == b"\n" {
            return (at, at + line.len());
        }
        if !line.contains(&b':') && !line.starts_with(b" ") && !line.starts_with(b"\t") {
            break;
        }
        at += line.len();
    }
    // Without an empty line, all of it is content, headers included.
    (0, 0)
}

/// Leaves a part to be examined: its headers, the name of its file, and its content.
pub(crate) fn part(walk: &mut Walk, content: Value, head: Slice) {
    let bytes = walk.buffers.get(head);
    let file_name = parameter(bytes, b"filename").or_else(|| parameter(bytes, b"filename*"));
    let file_name = file_name.map(|name| {
        let at = offset(bytes, name);
        head.part(at, at + name.len())
    });
    let owner = content.point;
    match file_name {
        Some(_) => {
            let point = walk.points.tag(owner, Tag::File);
            walk.push(Task::Value(Value { point, place: Place::FileContent, ..content }));
        }
        None => walk.push(Task::Value(content)),
    }
    open_head(walk, Value { bytes: head, ..content });
    if let Some(name) = file_name {
        let point = walk.points.tag(owner, Tag::Header);
        let disposition = walk.buffers.append(b"content-disposition");
        let point = walk.points.add(point, Step::HeaderName(disposition));
        walk.push(Task::Value(Value { bytes: name, point, place: Place::FileName, ..content }));
    }
}

/// Leaves the headers of a part to be examined.
fn open_head(walk: &mut Walk, head: Value) {
    let owner = head.point;
    let point = walk.points.tag(owner, Tag::Header);
    let list = Value { point, place: Place::Header, ..head };
    let fields = Fields::open(walk, Kind::PartHeader, list, owner);
    let mut at = 0;
    while at < head.bytes.len() && !fields.is_full(walk) {
        let rest = walk.buffers.get(head.bytes.from(at));
        let length = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
        let line = rest.get(..length).unwrap_or_default();
        let colon = line.iter().position(|byte| *byte == b':').unwrap_or(0);
        let value = line.get(colon + 1..).unwrap_or_default();
        let spaces = value.len() - value.trim_ascii_start().len();
        let start = at + colon + 1 + spaces;
        let end = start + value.trim_ascii().len();
        // What the header of a form field says in its ordinary form is its name, which is examined elsewhere.
        if colon > 0 && !is_ordinary(line) {
            fields.add(walk, head.bytes.part(at, at + colon), head.bytes.part(start, end));
        }
        at += length + 1;
    }
    fields.start(walk);
}

/// Whether a header line of a part is one that every browser sends.
fn is_ordinary(line: &[u8]) -> bool {
    let line = line.trim_ascii();
    line.get(..20).is_some_and(|start| start.eq_ignore_ascii_case(b"content-disposition:"))
        && line.iter().filter(|byte| **byte == b'"').count().is_multiple_of(2)
        && line.ends_with(b"\"")
        && line.iter().all(|byte| byte.is_ascii_alphanumeric() || b" :;=\"-_.[]".contains(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_boundary_may_be_quoted_and_in_any_place() {
        for text in [
            &b"multipart/form-data; boundary=xyz"[..],
            b"multipart/form-data; Boundary=\"xyz\"; charset=utf-8",
            b"multipart/form-data;boundary = xyz ; a=b",
        ] {
            assert_eq!(declared_boundary(text), Some(&b"xyz"[..]), "{}", String::from_utf8_lossy(text));
        }
        assert_eq!(declared_boundary(b"multipart/form-data; xboundary=a"), None);
    }

    #[test]
    fn a_delimiter_stands_on_a_line_of_its_own() {
        let body = b"--x\r\na --x b\r\n--xy\r\n--x--";
        let first = find_delimiter(body, b"x", 0).expect("the first delimiter");
        assert_eq!((first.start, first.end, first.is_last), (0, 5, false));
        let last = find_delimiter(body, b"x", first.end).expect("the last delimiter");
        assert_eq!((last.start, last.is_last), (18, true));
    }

    #[test]
    fn quotes_in_a_name_may_be_escaped() {
        assert_eq!(parameter(b"form-data; name=\"a\\\"b\"; filename=c", b"name"), Some(&b"a\\\"b"[..]));
        assert_eq!(parameter(b"form-data; filename=\"c\"; name=\"a\"", b"name"), Some(&b"a"[..]));
    }
}

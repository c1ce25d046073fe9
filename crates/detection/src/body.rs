//! The body: which of its structures it has.
//!
//! What `Content-Type` says and what the bytes look like are both believed, so that neither a wrong type nor an unusual body hides
//! anything. What no decoder takes apart is examined as it was sent.

use crate::decoders::{form_urlencoded, grpc, gzip, multipart};
use crate::parser::Parser;
use crate::request::Request;
use crate::values::{Buffers, Slice};
use crate::walk::{Task, Value, Walk};

/// What a `Content-Type` (RFC 9110 §8.3) names, as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum MediaType {
    Form,
    Multipart,
    Grpc,
    Protobuf,
    Other,
}

impl MediaType {
    fn of(content_type: &[u8]) -> Self {
        let end = content_type.iter().position(|byte| *byte == b';').unwrap_or(content_type.len());
        let name = content_type.get(..end).unwrap_or_default().trim_ascii();
        let is = |known: &[u8]| name.eq_ignore_ascii_case(known);
        let starts = |known: &[u8]| name.get(..known.len()).is_some_and(|start| start.eq_ignore_ascii_case(known));
        if is(b"application/x-www-form-urlencoded") {
            Self::Form
        } else if starts(b"multipart/") {
            Self::Multipart
        } else if starts(b"application/grpc") {
            Self::Grpc
        } else if is(b"application/x-protobuf") || is(b"application/protobuf") {
            Self::Protobuf
        } else {
            Self::Other
        }
    }
}

/// Whether a `Content-Encoding` (RFC 9110 §8.4) is one that the decompressor knows.
fn is_compressed(walk: &Walk, request: &Request) -> bool {
    let encoding = request.value_of(&walk.buffers, "content-encoding").unwrap_or(Slice::EMPTY);
    let name = walk.buffers.get(encoding).trim_ascii();
    [&b"gzip"[..], b"x-gzip", b"deflate"].iter().any(|known| name.eq_ignore_ascii_case(known))
}

/// Leaves a body to be examined; the bytes looked at.
pub(crate) fn open(walk: &mut Walk, request: &Request, body: Value) -> usize {
    if body.bytes.is_empty() {
        return 0;
    }
    let on = |walk: &Walk, parser| walk.settings.parsers.contains(parser);
    // What a body is decompressed to comes here again, as the body that it stands for.
    if body.compressed == 0 && is_compressed(walk, request) && on(walk, Parser::Zlib) && gzip::open_body(walk, body) {
        return 0;
    }
    let content_type = request.value_of(&walk.buffers, "content-type").unwrap_or(Slice::EMPTY);
    let media_type = MediaType::of(walk.buffers.get(content_type));
    let structure = structure(&walk.buffers, media_type, body);
    let handled = match structure {
        MediaType::Multipart => on(walk, Parser::Multipart) && multipart::open(walk, body, content_type),
        MediaType::Form if on(walk, Parser::Urlenc) => {
            form_urlencoded::open(walk, body);
            true
        }
        MediaType::Grpc => on(walk, Parser::Grpc) && grpc::open(walk, body),
        MediaType::Protobuf => on(walk, Parser::Grpc) && grpc::open_message(walk, body),
        MediaType::Form | MediaType::Other => false,
    };
    // A form that begins as JSON or XML does may be that just as well.
    let begins_otherwise = {
        let bytes = walk.buffers.get(body.bytes);
        structure == MediaType::Form && !form_urlencoded::looks_like_form(bytes)
    };
    if !handled || begins_otherwise {
        walk.push(Task::Value(body));
    }
    body.bytes.len().min(1024)
}

/// What the body is to be taken for.
fn structure(buffers: &Buffers, declared: MediaType, body: Value) -> MediaType {
    let bytes = buffers.get(body.bytes);
    match declared {
        MediaType::Other if multipart::looks_like_multipart(bytes) => MediaType::Multipart,
        MediaType::Other if form_urlencoded::looks_like_form(bytes) => MediaType::Form,
        MediaType::Form if multipart::looks_like_multipart(bytes) => MediaType::Multipart,
        MediaType::Multipart if !multipart::looks_like_multipart(bytes) && form_urlencoded::looks_like_form(bytes) => {
            MediaType::Form
        }
        declared => declared,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn media_types_are_known_in_any_case_and_with_parameters() {
        for (text, media_type) in [
            ("application/x-www-form-urlencoded; charset=utf-8", MediaType::Form),
            ("Multipart/Form-Data; boundary=x", MediaType::Multipart),
            ("application/grpc+proto", MediaType::Grpc),
            ("application/json", MediaType::Other),
            ("", MediaType::Other),
        ] {
            assert_eq!(MediaType::of(text.as_bytes()), media_type, "{text}");
        }
    }
}

//! JSON Web Tokens in compact form (RFC 7519 §3.1, RFC 7515 §7.1): `header.payload.signature`, maybe behind the word that names
//! the scheme. Header and payload are handed on as they are; base64 and JSON are taken off them by their own decoders.

use super::{Decoder, Method};
use crate::look::Look;
use crate::parser::Parser;
use crate::point::Tag;
use crate::walk::{Task, Value, Walk};

pub(crate) const DECODER: Decoder = Decoder {
    parser: Some(Parser::Jwt),
    replaces_scan: |_, _| false,
    needs: Look::DOT,
    suits: |_, bytes| parts(bytes).is_some(),
    method: Method::Structure { open },
};

/// The words that may stand before a token, in lower case.
const PREFIXES: &[&[u8]] = &[b"bearer", b"lsapi2", b"mobapp2"];

/// What every header begins with: `{"` in base64url.
const START: &[u8] = b"eyJ";

/// Where the parts of a token end.
struct Parts {
    prefix: usize,
    /// Where the token begins.
    header: usize,
    header_end: usize,
    payload_end: usize,
}

fn parts(bytes: &[u8]) -> Option<Parts> {
    let prefix = PREFIXES
        .iter()
        .find(|prefix| bytes.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix)))
        .map_or(0, |prefix| prefix.len());
    let behind = bytes.get(prefix..)?;
    let spaces = behind.iter().take_while(|byte| **byte == b' ').count();
    let header = prefix + spaces;
    let token = bytes.get(header..).filter(|token| token.starts_with(START))?;
    let mut dots = token.iter().enumerate().filter(|(_, byte)| **byte == b'.').map(|(at, _)| header + at);
    let (header_end, payload_end) = (dots.next()?, dots.next()?);
    let is_encoded = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'=');
    token.iter().all(is_encoded).then_some(Parts { prefix, header, header_end, payload_end })
}

fn open(walk: &mut Walk, value: Value) {
    let Some(parts) = parts(walk.buffers.get(value.bytes)) else { return };
    let point = walk.points.tag(value.point, Tag::Jwt);
    for (tag, from, to) in [
        (Tag::JwtPayload, parts.header_end + 1, parts.payload_end),
        (Tag::JwtHeader, parts.header, parts.header_end),
        (Tag::JwtPrefix, 0, parts.prefix),
    ] {
        let point = walk.points.tag(point, tag);
        walk.push(Task::Value(value.child(value.bytes.part(from, to), point)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_known_with_and_without_a_prefix() {
        for token in [&b"eyJhIjoxfQ.eyJiIjoyfQ.c2ln"[..], b"Bearer eyJhIjoxfQ.eyJiIjoyfQ.", b"LSAPI2 eyJh.eyJi.x"] {
            assert!(parts(token).is_some(), "{}", String::from_utf8_lossy(token));
        }
    }

    #[test]
    fn what_only_looks_similar_is_no_token() {
        for value in [&b"eyJhIjoxfQ"[..], b"eyJhIjoxfQ.eyJiIjoyfQ", b"www.example.com", b"eyJ.a b.c"] {
            assert!(parts(value).is_none(), "{}", String::from_utf8_lossy(value));
        }
    }
}

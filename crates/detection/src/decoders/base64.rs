//! Base64 with either alphabet (RFC 4648 §4 and §5), padded or not, in one line or several.
//!
//! Many values could be base64 and are not: words, identifiers, numbers. What comes out is looked at only when it is plausible
//! that somebody encoded it: text, or data that begins as a known format does.

use super::{Decoder, Method};
use crate::look::Look;
use crate::parser::Parser;
use crate::point::Tag;

pub(crate) const DECODER: Decoder = Decoder {
    parser: Some(Parser::Base64),
    replaces_scan: |_, _| false,
    needs: Look::ANYTHING,
    suits,
    method: Method::Text { tag: Some(Tag::Base64), decode },
};

/// Shortest value that is tried: what six bytes are encoded to.
const MIN_LENGTH: usize = 8;

fn suits(look: Look, bytes: &[u8]) -> bool {
    let encoded = encoded_part(bytes);
    if encoded.len() < MIN_LENGTH || (encoded.len() == bytes.len() && look.has(Look::NOT_BASE64)) {
        return false;
    }
    // Most words fail here: their first characters decode to something that no text begins with.
    let mut start = [0; 3];
    let mut sextets = encoded.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).map(sextet);
    let mut next = || sextets.next().flatten();
    match (next(), next(), next(), next()) {
        (Some(a), Some(b), Some(c), Some(d)) => {
            start[0] = a << 2 | b >> 4;
            start[1] = b << 4 | c >> 2;
            start[2] = c << 6 | d;
            is_known_format(&start) || start.iter().all(|byte| is_text(*byte) || *byte >= 0x80 || *byte == 0)
        }
        _ => false,
    }
}

/// The value behind `data:…;base64,` (RFC 2397) or behind the scheme of basic authentication (RFC 7617); otherwise all of it.
fn encoded_part(bytes: &[u8]) -> &[u8] {
    const DATA_URL: &[u8] = b";base64,";
    const MAX_MEDIA_TYPE: usize = 128;
    match bytes {
        [b'd' | b'D', b'a' | b'A', b't' | b'T', b'a' | b'A', b':', ..] => {
            let head = bytes.get(..bytes.len().min(MAX_MEDIA_TYPE)).unwrap_or_default();
            let comma = head.windows(DATA_URL.len()).position(|part| part.eq_ignore_ascii_case(DATA_URL));
            comma.and_then(|at| bytes.get(at + DATA_URL.len()..)).unwrap_or(bytes)
        }
        [b'B' | b'b', b'a' | b'A', b's' | b'S', b'i' | b'I', b'c' | b'C', b' ', credentials @ ..] => credentials,
        _ => bytes,
    }
}

/// Decodes a value; false when it is not canonical or when what comes out is not plausible.
pub(crate) fn decode(input: &[u8], output: &mut Vec<u8>) -> bool {
    decode_bytes(encoded_part(input), output) && is_plausible(output)
}

/// Decodes without a look at what comes out; false when the value is not canonical base64.
fn decode_bytes(input: &[u8], output: &mut Vec<u8>) -> bool {
    // In a form, an unescaped `+` has become a space. Lines, on the other hand, end in white space that means nothing.
    let in_lines = memchr::memchr(b'\n', input).is_some();
    let symbol = |byte: &u8| SYMBOLS.get(usize::from(*byte)).copied().unwrap_or(NONE);
    let (quads, _) = input.as_chunks::<4>();
    let mut signs = 0;
    let mut read = 0;
    output.reserve(input.len() / 4 * 3 + 3);
    // As far as there is nothing but symbols, four at a time.
    for quad in quads.iter().filter(|_| !in_lines) {
        let [a, b, c, d] = quad.each_ref().map(symbol);
        if [a, b, c, d].contains(&NONE) {
            break;
        }
        signs |= a | b | c | d;
        let [a, b, c, d] = [a, b, c, d].map(|symbol| symbol & SEXTET);
        output.extend_from_slice(&[a << 2 | b >> 4, b << 4 | c >> 2, c << 6 | d]);
        read += quad.len();
        if output.len() == SAMPLE && !may_become_plausible(output, input.len() / 4 * 3 + 3) {
            return false;
        }
    }
    let mut bits = 0u32;
    let mut count = 0u32;
    let mut padding = 0;
    for byte in input.get(read..).unwrap_or_default() {
        if matches!(byte, b'\r' | b'\n') || in_lines && *byte == b' ' {
            continue;
        }
        if *byte == b'=' {
            padding += 1;
            continue;
        }
        let symbol = symbol(byte);
        if symbol == NONE || padding > 0 {
            return false;
        }
        signs |= symbol;
        bits = bits << 6 | u32::from(symbol & SEXTET);
        count += 1;
        if count.is_multiple_of(4) {
            output.extend_from_slice(&[(bits >> 16) as u8, (bits >> 8) as u8, bits as u8]);
            bits = 0;
        }
    }
    let left = count % 4;
    match left {
        2 => output.push((bits >> 4) as u8),
        3 => output.extend_from_slice(&[(bits >> 10) as u8, (bits >> 2) as u8]),
        _ => {}
    }
    let padded_right = padding == 0 || (left + padding).is_multiple_of(4) && padding < 3;
    left != 1 && padded_right && signs & NONE != NONE
}

/// A symbol is six bits, and the alphabet that it is from if only one of them has it.
const SEXTET: u8 = 0x3f;
const CLASSIC: u8 = 0x40;
const URL_SAFE: u8 = 0x80;
/// Of no alphabet; and what has symbols of both is of none either.
const NONE: u8 = CLASSIC | URL_SAFE;

const SYMBOLS: [u8; 256] = {
    let mut table = [NONE; 256];
    let mut byte = 0u8;
    while byte < 0x80 {
        if let Some(sextet) = sextet(byte) {
            table[byte as usize] = sextet
                | match byte {
                    b'+' | b'/' | b' ' => CLASSIC,
                    b'-' | b'_' => URL_SAFE,
                    _ => 0,
                };
        }
        byte += 1;
    }
    table
};

const fn sextet(byte: u8) -> Option<u8> {
    Some(match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' | b'-' | b' ' => 62,
        b'/' | b'_' => 63,
        _ => return None,
    })
}

const fn is_text(byte: u8) -> bool {
    matches!(byte, b' '..=b'~' | b'\t' | b'\r' | b'\n')
}

/// Beginnings of formats that are carried in base64: compressed data, archives, and serialized objects.
const KNOWN_FORMATS: &[&[u8]] = &[
    b"\x1f\x8b\x08",     // gzip
    b"\x78\x01",         // zlib, by level of compression
    b"\x78\x5e",         //
    b"\x78\x9c",         //
    b"\x78\xda",         //
    b"PK\x03\x04",       // ZIP
    b"\xac\xed\x00\x05", // Java object stream
    b"\x00\x01\x00\x00", // .NET BinaryFormatter
    b"\x80\x02",         // Python pickle, protocols 2 to 5
    b"\x80\x03",         //
    b"\x80\x04",         //
    b"\x80\x05",         //
    b"\xff\x01",         // ASP.NET view state
];

fn is_known_format(bytes: &[u8]) -> bool {
    KNOWN_FORMATS.iter().any(|format| bytes.starts_with(&format[..format.len().min(bytes.len())]))
}

/// Bytes of output that are looked at before the rest is decoded: prose is base64 as far as its letters go.
const SAMPLE: usize = 192;

/// Whether an output of at most `longest` bytes that begins like this may still be found plausible. It is refused here only if
/// it would be at its end.
fn may_become_plausible(start: &[u8], longest: usize) -> bool {
    // A character may go on behind the sample; anything else that is no UTF-8 stays none.
    let broken = std::str::from_utf8(start).is_err_and(|error| error.error_len().is_some());
    let strange = || start.iter().filter(|byte| !is_text(**byte)).count();
    !broken || strange() * STRANGE <= longest || is_known_format(start)
}

/// One byte in so many may be strange.
const STRANGE: usize = 8;

/// Whether somebody may have encoded this: a known format, or text with at most a few bytes that no text has. Of random bytes
/// about one in three is an ASCII character of text.
fn is_plausible(bytes: &[u8]) -> bool {
    const MIN_OUTPUT: usize = 6;
    if bytes.len() < MIN_OUTPUT {
        return false;
    }
    if is_known_format(bytes) || is_utf16(bytes) {
        return true;
    }
    let strange = match std::str::from_utf8(bytes) {
        Ok(text) => text.bytes().filter(|byte| *byte < 0x80 && !is_text(*byte)).count(),
        Err(_) => bytes.iter().filter(|byte| !is_text(**byte)).count(),
    };
    strange * STRANGE <= bytes.len() - MIN_OUTPUT
}

/// Whether it is ASCII text in UTF-16, low byte first, as PowerShell's `-EncodedCommand` takes it.
fn is_utf16(bytes: &[u8]) -> bool {
    let (pairs, rest) = bytes.as_chunks::<2>();
    rest.is_empty() && pairs.iter().all(|[low, high]| is_text(*low) && *high == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(input: &[u8]) -> Option<Vec<u8>> {
        let mut output = Vec::new();
        (suits(Look::at(input), input) && decode(input, &mut output)).then_some(output)
    }

    #[test]
    fn text_is_decoded_from_every_spelling() {
        for encoded in [
            &b"Jz4nPz8gLyA+Pj8n"[..],
            b"Jz4nPz8gLyA-Pj8n",
            b"Jz4nPz8gLyA Pj8n",
            b"Jz4nPz8g\r\nLyA+Pj8n\r\n",
            b"data:text/plain;base64,Jz4nPz8gLyA+Pj8n",
            b"Basic Jz4nPz8gLyA+Pj8n",
        ] {
            assert_eq!(decoded(encoded).as_deref(), Some(&b"'>'?? / >>?'"[..]), "{}", String::from_utf8_lossy(encoded));
        }
        assert_eq!(decoded(b"aW1hZ2VzLw==").as_deref(), Some(&b"images/"[..]));
        assert_eq!(decoded(b"aW1hZ2VzLw").as_deref(), Some(&b"images/"[..]));
    }

    #[test]
    fn words_and_identifiers_are_no_base64() {
        for value in [
            &b"password"[..],
            b"username",
            b"index",
            b"d41d8cd98f00b204e9800998ecf8427e",
            b"550e8400-e29b-41d4-a716-446655440000",
            b"AIzaSyD3fRq81kLmZx9Qw",
            b"20240229123456",
            b"keep alive",
            b"application",
        ] {
            assert_eq!(decoded(value), None, "{}", String::from_utf8_lossy(value));
        }
    }

    #[test]
    fn mixed_alphabets_and_wrong_padding_are_refused() {
        let mut output = Vec::new();
        assert!(!decode(b"Pz8/Pz8_Pz8_", &mut output));
        assert!(!decode(b"aW1hZ2VzL=w=", &mut output));
        assert!(!decode(b"aW1hZ2VzLw=", &mut output));
    }

    #[test]
    fn known_formats_are_decoded_though_they_are_no_text() {
        assert!(decoded(b"rO0ABXNyABFqYXZhLnV0aWw=").is_some_and(|bytes| bytes.starts_with(b"\xac\xed\x00\x05")));
        assert!(decoded(b"H4sIAAAAAAAAAwMAAAAAAA==").is_some());
    }

    /// The encoding of some bytes, to see what is done with more than fits on a line of a test.
    fn encoded(bytes: &[u8]) -> Vec<u8> {
        const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let (triples, rest) = bytes.as_chunks::<3>();
        assert!(rest.is_empty());
        let symbols = |[a, b, c]: &[u8; 3]| [a >> 2, (a & 3) << 4 | b >> 4, (b & 15) << 2 | c >> 6, c & 63];
        triples.iter().flat_map(symbols).map(|sextet| ALPHABET[usize::from(sextet)]).collect()
    }

    #[test]
    fn strange_bytes_at_the_beginning_are_allowed_as_far_as_in_the_whole() {
        for (strange, length, wanted) in [(100, 1200, true), (170, 1200, false), (96, 600, false), (60, 600, true)] {
            let mut bytes = vec![0xff; strange];
            bytes.resize(length, b'a');
            assert_eq!(decoded(&encoded(&bytes)).is_some(), wanted, "{strange} of {length}");
        }
    }

    #[test]
    fn a_character_that_is_cut_by_the_sample_is_no_broken_one() {
        for shift in 0..3 {
            let text = format!("{}{}", "a".repeat(shift), "\u{20ac}".repeat(200));
            let whole = text.as_bytes().get(..600).unwrap();
            assert!(may_become_plausible(whole.get(..SAMPLE).unwrap(), 600), "{shift}");
        }
    }

    #[test]
    fn text_in_utf16_is_decoded() {
        assert_eq!(decoded(b"ZABpAHIAIABjADoA").as_deref(), Some(&b"d\0i\0r\0 \0c\0:\0"[..]));
    }
}

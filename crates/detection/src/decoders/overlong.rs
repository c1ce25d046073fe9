//! Characters in more bytes of UTF-8 than they need: `c0 af` for a slash. RFC 3629 §3 forbids them; decoders that accept them
//! have been attacked with them. The point of the value does not change, since no parser of the notation stands for this.

use super::{Decoder, Method};
use crate::look::Look;

pub(crate) const DECODER: Decoder = Decoder {
    parser: None,
    replaces_scan: |_, _| false,
    needs: Look::HIGH,
    suits: |_, bytes| bytes.iter().any(|byte| matches!(byte, 0xc0 | 0xc1 | 0xe0 | 0xf0)),
    method: Method::Text { tag: None, decode },
};

/// Writes each ASCII character as one byte; false when all of them already are.
fn decode(input: &[u8], output: &mut Vec<u8>) -> bool {
    let mut changed = false;
    let mut rest = input;
    output.reserve(input.len());
    while let Some((byte, behind)) = rest.split_first() {
        let (decoded, length) = overlong(rest).unwrap_or((*byte, 1));
        output.push(decoded);
        changed |= length > 1;
        rest = rest.get(length..).unwrap_or(behind);
    }
    changed
}

/// The ASCII character that an overlong form at the beginning of `bytes` stands for, and the length of the form.
const fn overlong(bytes: &[u8]) -> Option<(u8, usize)> {
    let (high, low, length) = match bytes {
        [first @ (0xc0 | 0xc1), last, ..] => (*first & 1, *last, 2),
        [0xe0, middle @ (0x80 | 0x81), last, ..] => (*middle & 1, *last, 3),
        [0xf0, 0x80, middle @ (0x80 | 0x81), last, ..] => (*middle & 1, *last, 4),
        _ => return None,
    };
    if low & 0xc0 == 0x80 { Some((high << 6 | low & 0x3f, length)) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(input: &[u8]) -> Option<Vec<u8>> {
        let mut output = Vec::new();
        decode(input, &mut output).then_some(output)
    }

    #[test]
    fn overlong_forms_of_each_length_are_decoded() {
        for form in [&b"\xc0\xae"[..], b"\xe0\x80\xae", b"\xf0\x80\x80\xae"] {
            assert_eq!(decoded(form).as_deref(), Some(&b"."[..]), "{form:x?}");
        }
        assert_eq!(decoded(b"\xc1\xbfx").as_deref(), Some(&b"\x7fx"[..]));
    }

    #[test]
    fn proper_text_has_none() {
        assert_eq!(decoded("Ærø, naïve, ж, 漢字, 😀".as_bytes()), None);
        assert_eq!(decoded(b"\xc0"), None);
        assert_eq!(decoded(b"\xc0A"), None);
    }
}

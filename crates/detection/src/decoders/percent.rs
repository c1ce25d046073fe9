//! Percent-encoding: `%2e` (RFC 3986 §2.1), the `%u002e` of old JavaScript and IIS, and characters in more bytes of UTF-8 than
//! they need (RFC 3629 §3 forbids them; decoders that accept `%c0%ae` as a dot have been attacked with it).

use super::{Decoder, Method};
use crate::look::Look;
use crate::parser::Parser;
use crate::point::Tag;

pub(crate) const DECODER: Decoder = Decoder {
    parser: Some(Parser::Percent),
    replaces_scan: |_, _| false,
    needs: Look::PERCENT,
    suits: |_, _| true,
    method: Method::Text { tag: Some(Tag::Percent), decode },
};

/// Decodes every escape; false when there is none. What looks like a broken escape stays as it is.
pub(crate) fn decode(input: &[u8], output: &mut Vec<u8>) -> bool {
    unescape(input, false, output)
}

/// As [`decode`], with `+` standing for a space (`application/x-www-form-urlencoded`).
pub(crate) fn decode_form(input: &[u8], output: &mut Vec<u8>) -> bool {
    unescape(input, true, output)
}

fn unescape(input: &[u8], plus_is_space: bool, output: &mut Vec<u8>) -> bool {
    // Most values have no escape at all, and most of the others nothing but spaces.
    let look = Look::at(input);
    let spaces = plus_is_space && look.has(Look::PLUS);
    if !look.has(Look::PERCENT) {
        if spaces {
            output.extend(input.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }));
        }
        return spaces;
    }
    let mut changed = false;
    let mut rest = input;
    output.reserve(input.len());
    let next = |rest: &[u8]| rest.iter().position(|byte| *byte == b'%' || plus_is_space && *byte == b'+');
    while let Some(at) = next(rest) {
        let (plain, found) = rest.split_at(at);
        output.extend_from_slice(plain);
        let behind = found.get(1..).unwrap_or_default();
        let (read, decoded) = match found.first() {
            Some(b'%') => match escape(behind) {
                Some(escape) => {
                    escape.write(output);
                    (escape.length(), true)
                }
                None => {
                    output.push(b'%');
                    (0, false)
                }
            },
            _ => {
                output.push(b' ');
                (0, true)
            }
        };
        changed |= decoded;
        rest = behind.get(read..).unwrap_or_default();
    }
    output.extend_from_slice(rest);
    changed
}

/// What follows a `%`.
enum Escape {
    /// Two digits.
    Byte(u8),
    /// `u` and four digits: a UTF-16 unit.
    Unit(u16),
}

impl Escape {
    /// Bytes behind the `%`.
    const fn length(&self) -> usize {
        match self {
            Self::Byte(_) => 2,
            Self::Unit(_) => 5,
        }
    }

    fn write(&self, output: &mut Vec<u8>) {
        match *self {
            Self::Byte(byte) => output.push(byte),
            Self::Unit(unit) => push_char(u32::from(best_fit(unit)), output),
        }
    }
}

fn escape(behind: &[u8]) -> Option<Escape> {
    match behind {
        [b'u' | b'U', a, b, c, d, ..] => {
            let unit = [a, b, c, d]
                .into_iter()
                .try_fold(0u16, |unit, digit| Some(unit << 4 | u16::from(hex_digit(*digit)?)))?;
            Some(Escape::Unit(unit))
        }
        [high, low, ..] => Some(Escape::Byte(hex_digit(*high)? << 4 | hex_digit(*low)?)),
        _ => None,
    }
}

/// IIS maps the full-width forms U+FF01 to U+FF5E to the ASCII characters that they resemble.
const fn best_fit(unit: u16) -> u16 {
    match unit {
        0xff01..=0xff5e => unit - 0xff01 + 0x21,
        other => other,
    }
}

/// The value of a hexadecimal digit.
pub(crate) const fn hex_digit(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

/// Writes a character in UTF-8; what is no character, such as half of a surrogate pair, as U+FFFD.
pub(crate) fn push_char(code: u32, output: &mut Vec<u8>) {
    let character = char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
    output.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(input: &[u8]) -> Option<Vec<u8>> {
        let mut output = Vec::new();
        decode(input, &mut output).then_some(output)
    }

    #[test]
    fn escapes_are_decoded_in_either_case() {
        assert_eq!(decoded(b"%3Cscript%3e").as_deref(), Some(&b"<script>"[..]));
        assert_eq!(decoded(b"%u003c%U002F").as_deref(), Some(&b"</"[..]));
        assert_eq!(decoded(b"%uFF1Cx").as_deref(), Some(&b"<x"[..]));
    }

    #[test]
    fn one_layer_is_taken_off_at_a_time() {
        assert_eq!(decoded(b"%252e").as_deref(), Some(&b"%2e"[..]));
    }

    #[test]
    fn a_broken_escape_stays_and_hides_nothing_behind_it() {
        assert_eq!(decoded(b"%zz%41%4").as_deref(), Some(&b"%zzA%4"[..]));
        assert_eq!(decoded(b"%%41").as_deref(), Some(&b"%A"[..]));
        assert_eq!(decoded(b"%u12"), None);
        assert_eq!(decoded(b"100%"), None);
    }

    #[test]
    fn plus_is_a_space_in_forms_only() {
        assert_eq!(decoded(b"a+b"), None);
        let mut output = Vec::new();
        assert!(decode_form(b"a+b%2B", &mut output));
        assert_eq!(output, b"a b+");
    }

    #[test]
    fn half_of_a_surrogate_pair_is_no_character() {
        assert_eq!(decoded(b"%ud800").as_deref(), Some("\u{fffd}".as_bytes()));
    }
}

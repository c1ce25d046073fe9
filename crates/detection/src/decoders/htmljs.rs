//! Character references of HTML (`&lt;`, `&#60;`, `&#x3c;`), and escapes of JavaScript (`\x3c`, `\u003c`, `\u{3c}`, `\'`) and
//! CSS (`\3c `). All of them in one pass, since what is reflected into a page passes through several of these languages.

use super::percent::{hex_digit, push_char};
use super::{Decoder, Method};
use crate::look::Look;
use crate::parser::Parser;
use crate::point::Tag;

pub(crate) const DECODER: Decoder = Decoder {
    parser: Some(Parser::Htmljs),
    replaces_scan: |_, _| false,
    needs: Look::BACKSLASH.or(Look::AMPERSAND),
    suits: |_, _| true,
    method: Method::Text { tag: Some(Tag::Htmljs), decode },
};

/// Decodes every reference and escape; false when there is none.
fn decode(input: &[u8], output: &mut Vec<u8>) -> bool {
    decode_with(input, output, |byte, behind, output| match byte {
        b'&' => reference(behind, output),
        b'\\' => escape(behind, output),
        _ => None,
    })
}

/// Decodes every reference; false when there is none.
pub(crate) fn decode_references(input: &[u8], output: &mut Vec<u8>) -> bool {
    decode_with(input, output, |byte, behind, output| if byte == b'&' { reference(behind, output) } else { None })
}

/// Decodes what `one` knows. It is shown a `&` or a backslash and all behind it, writes what these stand for, and says how many bytes behind
/// the sign it read.
fn decode_with(input: &[u8], output: &mut Vec<u8>, one: impl Fn(u8, &[u8], &mut Vec<u8>) -> Option<usize>) -> bool {
    let mut changed = false;
    let mut rest = input;
    output.reserve(input.len());
    while let Some(at) = memchr::memchr2(b'&', b'\\', rest) {
        let (plain, found) = rest.split_at(at);
        output.extend_from_slice(plain);
        let Some((sign, behind)) = found.split_first() else { break };
        rest = match one(*sign, behind, output) {
            Some(length) => {
                changed = true;
                behind.get(length..).unwrap_or_default()
            }
            None => {
                output.push(*sign);
                behind
            }
        };
    }
    output.extend_from_slice(rest);
    changed
}

/// Digits of a number that are read; more are skipped without changing it.
const MAX_DIGITS: usize = 32;

/// Writes the character that a reference stands for; the length of the reference behind its `&`.
fn reference(behind: &[u8], output: &mut Vec<u8>) -> Option<usize> {
    let (code, length) = match behind {
        [b'#', b'x' | b'X', digits @ ..] => number(digits, 16, MAX_DIGITS).map(|(code, length)| (code, length + 2))?,
        [b'#', digits @ ..] => number(digits, 10, MAX_DIGITS).map(|(code, length)| (code, length + 1))?,
        name => {
            let length = name.iter().take(MAX_NAME).take_while(|byte| byte.is_ascii_alphanumeric()).count();
            let name = name.get(..length)?;
            let (_, code, needs_end) = NAMES.iter().find(|(known, ..)| known.as_bytes() == name)?;
            if *needs_end && behind.get(length) != Some(&b';') {
                return None;
            }
            (u32::from(*code), length)
        }
    };
    push_char(code, output);
    Some(length + usize::from(behind.get(length) == Some(&b';')))
}

/// Writes the character that an escape stands for; the length of the escape behind its backslash.
fn escape(behind: &[u8], output: &mut Vec<u8>) -> Option<usize> {
    match behind {
        [b'u', b'{', digits @ ..] => {
            let (code, length) = number(digits, 16, MAX_DIGITS)?;
            (digits.get(length) == Some(&b'}')).then(|| push_char(code, output))?;
            Some(length + 3)
        }
        [b'u', digits @ ..] => utf16(digits, output).map(|length| length + 1),
        [b'x', digits @ ..] => {
            let (code, _) = number(digits, 16, 2).filter(|(_, length)| *length == 2)?;
            push_char(code, output);
            Some(3)
        }
        // CSS: one to six digits and one white space that ends them. One digit alone is more often something else.
        [first, ..] if hex_digit(*first).is_some() && behind.get(1).is_some_and(|next| hex_digit(*next).is_some()) => {
            let (code, length) = number(behind, 16, 6)?;
            push_char(code, output);
            Some(length + usize::from(behind.get(length).is_some_and(u8::is_ascii_whitespace)))
        }
        [simple, ..] => {
            output.push(simple_escape(*simple)?);
            Some(1)
        }
        [] => None,
    }
}

/// What a backslash and one character stand for in JavaScript and in JSON.
pub(crate) const fn simple_escape(byte: u8) -> Option<u8> {
    Some(match byte {
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'b' => 8,
        b'f' => 12,
        b'v' => 11,
        b'0' => 0,
        b'\'' | b'"' | b'\\' | b'/' | b'`' | b'<' | b'>' => byte,
        _ => return None,
    })
}

/// Writes the character of four digits behind `\u`, or of two such escapes that are a surrogate pair; the length read.
pub(crate) fn utf16(digits: &[u8], output: &mut Vec<u8>) -> Option<usize> {
    let four = |digits: &[u8]| number(digits, 16, 4).filter(|(_, length)| *length == 4).map(|(code, _)| code);
    let high = four(digits)?;
    if (0xd800..0xdc00).contains(&high)
        && let Some([b'\\', b'u', second @ ..]) = digits.get(4..)
        && let Some(low) = four(second).filter(|low| (0xdc00..0xe000).contains(low))
    {
        push_char(0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00), output);
        return Some(10);
    }
    push_char(high, output);
    Some(4)
}

/// The number that `text` begins with, and its length in digits; `None` without a digit. It stops growing where no character
/// can be meant any more.
fn number(text: &[u8], base: u32, max_digits: usize) -> Option<(u32, usize)> {
    let mut code = 0u32;
    let mut length = 0;
    for byte in text.iter().take(max_digits) {
        let Some(digit) = hex_digit(*byte).map(u32::from).filter(|digit| *digit < base) else { break };
        code = code.saturating_mul(base).saturating_add(digit);
        length += 1;
    }
    (length > 0).then_some((code, length))
}

/// Longest name in [`NAMES`].
const MAX_NAME: usize = 8;

/// The named references for ASCII characters, and whether they count only with `;` behind them (HTML, "named character
/// references"). Letters and signs that no attack needs encoded are left out.
const NAMES: &[(&str, u8, bool)] = &[
    ("lt", b'<', false),
    ("LT", b'<', false),
    ("gt", b'>', false),
    ("GT", b'>', false),
    ("amp", b'&', false),
    ("AMP", b'&', false),
    ("quot", b'"', false),
    ("QUOT", b'"', false),
    ("apos", b'\'', true),
    ("nbsp", b' ', false),
    ("Tab", b'\t', true),
    ("NewLine", b'\n', true),
    ("colon", b':', true),
    ("semi", b';', true),
    ("comma", b',', true),
    ("period", b'.', true),
    ("excl", b'!', true),
    ("quest", b'?', true),
    ("num", b'#', true),
    ("dollar", b'$', true),
    ("percnt", b'%', true),
    ("lpar", b'(', true),
    ("rpar", b')', true),
    ("lsqb", b'[', true),
    ("lbrack", b'[', true),
    ("rsqb", b']', true),
    ("rbrack", b']', true),
    ("lcub", b'{', true),
    ("lbrace", b'{', true),
    ("rcub", b'}', true),
    ("rbrace", b'}', true),
    ("ast", b'*', true),
    ("plus", b'+', true),
    ("equals", b'=', true),
    ("sol", b'/', true),
    ("bsol", b'\\', true),
    ("commat", b'@', true),
    ("lowbar", b'_', true),
    ("grave", b'`', true),
    ("verbar", b'|', true),
    ("vert", b'|', true),
    ("Hat", b'^', true),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(input: &str) -> Option<String> {
        let mut output = Vec::new();
        decode(input.as_bytes(), &mut output).then(|| String::from_utf8_lossy(&output).into_owned())
    }

    #[test]
    fn references_are_decoded() {
        for text in ["&lt;b", "&ltb".trim_end_matches('b'), "&#60;b", "&#x3C;b", "&#0000060;b", "&#60b"] {
            assert_eq!(decoded(text).as_deref().map(|out| out.starts_with('<')), Some(true), "{text}");
        }
        assert_eq!(decoded("java&Tab;script&colon;x&lpar;").as_deref(), Some("java\tscript:x("));
    }

    #[test]
    fn escapes_are_decoded() {
        for text in [r"\x3cb", r"\u003cb", r"\u{3c}b", r"\3c b", r"\00003cb"] {
            assert_eq!(decoded(text).as_deref(), Some("<b"), "{text}");
        }
        assert_eq!(decoded(r#"\'\"\\\/"#).as_deref(), Some(r#"'"\/"#));
        assert_eq!(decoded(r"\ud83d\ude00").as_deref(), Some("\u{1f600}"));
    }

    #[test]
    fn what_is_no_escape_stays() {
        for text in ["a && b", "AT&T", "&colonb", r"C:\games", r"\u12", r"\x4", r"\u{zz}", "&#;", "&#x;"] {
            assert_eq!(decoded(text), None, "{text}");
        }
    }

    #[test]
    fn numbers_without_end_are_no_character() {
        assert_eq!(decoded("&#99999999999999999999;").as_deref(), Some("\u{fffd}"));
    }
}

//! The encoding of an XML document: the one that it declares and the one that it has (XML 1.0 §4.3.3 and appendix F).

use crate::decoders::percent::push_char;

/// The two orders of bytes in UTF-16.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Utf16 {
    LowFirst,
    HighFirst,
}

impl Utf16 {
    /// The order in which a document is written, when it is UTF-16.
    pub(super) const fn of(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [0xff, 0xfe, ..] | [b'<', 0, b'?' | b'!' | b'a'..=b'z' | b'A'..=b'Z', 0, ..] => Some(Self::LowFirst),
            [0xfe, 0xff, ..] | [0, b'<', 0, b'?' | b'!' | b'a'..=b'z' | b'A'..=b'Z', ..] => Some(Self::HighFirst),
            _ => None,
        }
    }

    /// Writes the document in UTF-8, without its byte order mark.
    pub(super) fn decode(self, input: &[u8], output: &mut Vec<u8>) -> bool {
        let (pairs, _) = input.as_chunks::<2>();
        let units = pairs.iter().map(|pair| match self {
            Self::LowFirst => u16::from_le_bytes(*pair),
            Self::HighFirst => u16::from_be_bytes(*pair),
        });
        for character in char::decode_utf16(units.skip_while(|unit| *unit == 0xfeff)) {
            push_char(character.map_or(u32::from(char::REPLACEMENT_CHARACTER), u32::from), output);
        }
        true
    }
}

/// Whether a document declares an encoding that it does not have.
pub(super) fn contradicts(document: &[u8]) -> bool {
    let mut start = Vec::new();
    let utf16 = Utf16::of(document);
    let head = match utf16 {
        Some(utf16) => {
            utf16.decode(document.get(..document.len().min(512)).unwrap_or_default(), &mut start);
            start.as_slice()
        }
        None => document,
    };
    let Some(declared) = declared(head) else { return false };
    let is = |names: &[&str]| names.iter().any(|name| declared.eq_ignore_ascii_case(name.as_bytes()));
    let is_16_or_32 = declared
        .get(..4)
        .is_some_and(|name| name.eq_ignore_ascii_case(b"utf-") && matches!(declared.get(4..6), Some(b"16" | b"32")))
        || is(&["ucs-2", "ucs-4", "iso-10646-ucs-2", "iso-10646-ucs-4"]);
    if utf16.is_some() {
        return !is_16_or_32;
    }
    if is_16_or_32 {
        return true;
    }
    if is(&["utf-8", "utf8"]) {
        return std::str::from_utf8(document).is_err();
    }
    // In UTF-7, EBCDIC and the like the signs of markup are other bytes than the ones just read.
    is(&["us-ascii", "ascii"]) && !document.is_ascii() || is(&["utf-7", "ibm037", "cp037", "ibm500", "ebcdic-cp-us"])
}

/// The encoding that the declaration of a document names.
fn declared(document: &[u8]) -> Option<&[u8]> {
    const KEY: &[u8] = b"encoding";
    let document = document.strip_prefix(b"\xef\xbb\xbf").unwrap_or(document).trim_ascii_start();
    let head = document.get(..document.len().min(256))?.strip_prefix(b"<?xml")?;
    let end = head.windows(2).position(|pair| pair == b"?>")?;
    let head = head.get(..end)?;
    let at = head.windows(KEY.len()).position(|window| window == KEY)?;
    let value = head.get(at + KEY.len()..)?.trim_ascii_start().strip_prefix(b"=")?.trim_ascii_start();
    let (quote, value) = value.split_first().filter(|(quote, _)| matches!(quote, b'"' | b'\''))?;
    value.split(|byte| byte == quote).next()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utf16(text: &str) -> Vec<u8> {
        text.encode_utf16().flat_map(u16::to_le_bytes).collect()
    }

    #[test]
    fn a_document_in_its_declared_encoding_is_fine() {
        for document in [
            "<?xml version='1.0' encoding='UTF-8'?><a>é</a>".as_bytes().to_vec(),
            b"<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><a>\xe9</a>".to_vec(),
            b"<a/>".to_vec(),
            utf16("\u{feff}<?xml version='1.0' encoding='utf-16'?><a/>"),
            utf16("<?xml version='1.0'?><a/>"),
        ] {
            assert!(!contradicts(&document), "{}", String::from_utf8_lossy(&document));
        }
    }

    #[test]
    fn a_document_in_another_encoding_than_declared_is_seen() {
        for document in [
            b"<?xml version='1.0' encoding='utf-16'?><a/>".to_vec(),
            b"<?xml version='1.0' encoding='utf-8'?><a>\xe9</a>".to_vec(),
            b"<?xml version='1.0' encoding='UTF-7'?>+ADw-a/>".to_vec(),
            "<?xml version='1.0' encoding='us-ascii'?><a>é</a>".as_bytes().to_vec(),
            utf16("\u{feff}<?xml version='1.0' encoding='utf-8'?><a/>"),
        ] {
            assert!(contradicts(&document), "{}", String::from_utf8_lossy(&document));
        }
    }
}

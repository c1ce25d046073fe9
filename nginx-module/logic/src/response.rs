//! Which part of a response is looked at.

use crate::settings::Block;

/// Bytes of an error's body that are looked at: a trace may stand behind the head of a page.
pub const MOST_OF_ERROR: usize = 16 * 1024;

/// The same of any other body: a key, a list of accounts or of a folder shows what it is at once, and most answers are long pages that give
/// nothing away. Each kilobyte costs some microseconds.
pub const MOST: usize = 1024;

/// How far the look at a response went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Look {
    /// Nothing of the body came yet.
    #[default]
    Ahead,
    /// So many bytes may follow; none when it is over.
    Left(usize),
}

impl Look {
    /// Decides by the head of a response whether its body is looked at. `encoded`: it is compressed.
    #[must_use]
    pub fn begin(block: &Block, status: u16, content_type: &[u8], encoded: bool) -> Self {
        let html = contains(content_type, b"html");
        let wanted = block.parse_response && !encoded && is_text(content_type) && (block.parse_html_response || !html);
        Self::Left(match status {
            _ if !wanted => 0,
            400.. => MOST_OF_ERROR,
            _ => MOST,
        })
    }

    /// Whether more would be looked at.
    #[must_use]
    pub const fn goes_on(self) -> bool {
        !matches!(self, Self::Left(0))
    }

    /// As much of a piece as is looked at.
    pub fn take<'a>(&mut self, piece: &'a [u8]) -> &'a [u8] {
        let Self::Left(left) = self else { return &[] };
        let taken = piece.get(..*left).unwrap_or(piece);
        *left -= taken.len();
        taken
    }
}

/// Whether people or programs read it as text; images, archives and videos give nothing away that rules know.
fn is_text(content_type: &[u8]) -> bool {
    let begins = content_type.get(..5).is_some_and(|start| start.eq_ignore_ascii_case(b"text/"));
    begins || [&b"json"[..], b"xml", b"javascript"].iter().any(|word| contains(content_type, word))
}

fn contains(text: &[u8], word: &[u8]) -> bool {
    text.windows(word.len()).any(|window| window.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::BlockRead;

    fn begins(read: &BlockRead, content_type: &str) -> bool {
        Look::begin(&read.resolve(), 200, content_type.as_bytes(), false).goes_on()
    }

    #[test]
    fn texts_are_looked_at_and_pictures_are_not() {
        let default = BlockRead::default();
        for kind in ["text/plain", "TEXT/HTML; charset=utf-8", "application/json", "application/problem+XML"] {
            assert!(begins(&default, kind), "{kind}");
        }
        for kind in ["", "image/png", "application/octet-stream", "video/mp4", "text"] {
            assert!(!begins(&default, kind), "{kind}");
        }
    }

    #[test]
    fn the_directives_switch_off_what_they_name() {
        let off = BlockRead { parse_response: Some(false), ..BlockRead::default() };
        assert!(!begins(&off, "text/plain") && !begins(&off, "text/html"));
        let no_html = BlockRead { parse_html_response: Some(false), ..BlockRead::default() };
        assert!(begins(&no_html, "text/plain") && !begins(&no_html, "application/xhtml+xml"));
    }

    #[test]
    fn compressed_bodies_are_left_alone() {
        assert!(!Look::begin(&BlockRead::default().resolve(), 500, b"text/html", true).goes_on());
    }

    #[test]
    fn no_more_than_the_beginning_is_taken_and_of_errors_more() {
        for (status, most) in [(200, MOST), (302, MOST), (404, MOST_OF_ERROR), (500, MOST_OF_ERROR)] {
            let mut look = Look::begin(&BlockRead::default().resolve(), status, b"text/html", false);
            let piece = vec![b'a'; most / 2 + 1];
            let taken = [(); 3].map(|()| look.take(&piece).len());
            assert_eq!((taken, look.goes_on()), ([most / 2 + 1, most / 2 - 1, 0], false), "{status}");
        }
    }
}

//! A page with variables, read once and filled in for each request.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::{fs, io};

/// The largest page, in bytes. Pages are kept in memory.
pub const LARGEST_PAGE: u64 = 1 << 20;

/// A page.
#[derive(Clone, Debug)]
pub struct Template {
    text: Vec<u8>,
    parts: Vec<Part>,
    names: Vec<String>,
    kind: Kind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    /// Bytes of the text.
    Text(Range<usize>),
    /// A variable, by its place among the names.
    Variable(usize),
}

/// What a file's name says about its content, and so what a value has to be kept from breaking out of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Html,
    Xml,
    Json,
    Text,
}

/// Why a page cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PageError {
    /// It cannot be read.
    #[error("the block page {} cannot be read: {source}; blocked clients get the bare status code", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// It is too large.
    #[error("the block page {} has {size} bytes, more than {LARGEST_PAGE}; blocked clients get the bare status code", path.display())]
    Large {
        /// The file.
        path: PathBuf,
        /// Its length, bytes.
        size: u64,
    },
}

impl Template {
    /// Reads a page from a file.
    ///
    /// # Errors
    ///
    /// When it cannot be read or is larger than [`LARGEST_PAGE`].
    pub fn read(path: &Path) -> Result<Self, PageError> {
        let error = |source| PageError::Read { path: path.to_owned(), source };
        let size = fs::metadata(path).map_err(error)?.len();
        if size > LARGEST_PAGE {
            return Err(PageError::Large { path: path.to_owned(), size });
        }
        Ok(Self::parse(fs::read(path).map_err(error)?, path))
    }

    /// Takes a page apart. Whatever is not exactly `${name}` is text: a page may well hold a script that uses dollar signs.
    #[must_use]
    pub fn parse(text: Vec<u8>, path: &Path) -> Self {
        let (mut parts, mut names) = (Vec::new(), Vec::<String>::new());
        let (mut start, mut at) = (0, 0);
        while let Some(found) = text.get(at..).and_then(|rest| rest.windows(2).position(|pair| pair == b"${")) {
            let open = at + found;
            let Some(name) = text.get(open + 2..).and_then(variable) else {
                at = open + 2;
                continue;
            };
            if open > start {
                parts.push(Part::Text(start..open));
            }
            let place = names.iter().position(|known| known == name).unwrap_or_else(|| {
                names.push(name.to_owned());
                names.len() - 1
            });
            parts.push(Part::Variable(place));
            at = open + 2 + name.len() + 1;
            start = at;
        }
        if start < text.len() {
            parts.push(Part::Text(start..text.len()));
        }
        Self { kind: Kind::of(path), text, parts, names }
    }

    /// The names of its variables, each once.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The `Content-Type`.
    #[must_use]
    pub const fn content_type(&self) -> &'static str {
        match self.kind {
            Kind::Html => "text/html; charset=utf-8",
            Kind::Xml => "application/xml",
            Kind::Json => "application/json",
            Kind::Text => "text/plain; charset=utf-8",
        }
    }

    /// Writes the page as it is in the file.
    pub fn write_plain(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.text);
    }

    /// Writes the page. `value` gives the value of a variable by its place among [`Self::names`]; one that has none is empty.
    pub fn fill<'v>(&self, mut value: impl FnMut(usize) -> Option<&'v [u8]>, out: &mut Vec<u8>) {
        for part in &self.parts {
            match part {
                Part::Text(range) => out.extend_from_slice(self.text.get(range.clone()).unwrap_or_default()),
                Part::Variable(place) => self.kind.escape(value(*place).unwrap_or_default(), out),
            }
        }
    }
}

/// The name of a variable up to its closing brace.
fn variable(text: &[u8]) -> Option<&str> {
    let length = text.iter().position(|byte| *byte == b'}').filter(|length| *length > 0)?;
    let name = text.get(..length)?;
    let valid = name.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    valid.then(|| std::str::from_utf8(name).ok()).flatten()
}

impl Kind {
    fn of(path: &Path) -> Self {
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("json") => Self::Json,
            Some("xml") => Self::Xml,
            Some("txt") => Self::Text,
            // Everything else is taken for HTML, which escapes most.
            _ => Self::Html,
        }
    }

    /// Writes a value so that it stays text: in HTML and XML in content and quoted attributes, in JSON within a string.
    fn escape(self, value: &[u8], out: &mut Vec<u8>) {
        match self {
            Self::Text => out.extend_from_slice(value),
            Self::Html | Self::Xml => value.iter().for_each(|byte| match byte {
                b'&' => out.extend_from_slice(b"&amp;"),
                b'<' => out.extend_from_slice(b"&lt;"),
                b'>' => out.extend_from_slice(b"&gt;"),
                b'"' => out.extend_from_slice(b"&quot;"),
                b'\'' => out.extend_from_slice(b"&#39;"),
                other => out.push(*other),
            }),
            Self::Json => {
                for character in String::from_utf8_lossy(value).chars() {
                    match character {
                        '"' | '\\' => out.extend([b'\\', u8::try_from(character).unwrap_or(b'?')]),
                        '\0'..='\u{1f}' => {
                            out.extend_from_slice(format!("\\u{:04x}", u32::from(character)).as_bytes());
                        }
                        _ => out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn filled(text: &str, path: &str, values: &[(&str, &str)]) -> String {
        let template = Template::parse(text.as_bytes().to_vec(), Path::new(path));
        let mut out = Vec::new();
        let value = |place: usize| {
            let name = &template.names()[place];
            values.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_bytes())
        };
        template.fill(value, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn variables_in_braces_are_replaced_wherever_they_stand() {
        let values = [("a", "1"), ("b", "2")];
        assert_eq!(filled("${a}", "p.html", &values), "1");
        assert_eq!(filled("x${a}${b}y${a}", "p.html", &values), "x12y1");
        assert_eq!(filled("${unknown}.", "p.html", &values), ".");
    }

    #[test]
    fn what_is_no_variable_stays_as_it_is() {
        for text in ["", "$a", "$", "${", "${}", "${a", "${a b}", "${a-b}", "$$", "price: $5 {x}", "`${f(1)}`"] {
            assert_eq!(filled(text, "p.html", &[("a", "1")]), text);
        }
        assert_eq!(filled("${${a}}", "p.html", &[("a", "1")]), "${1}");
    }

    #[test]
    fn a_value_cannot_break_out_of_the_page() {
        let values = [("v", "<script>alert(\"1\" & '2')</script>\n\u{1}")];
        let html = filled("${v}", "p.html", &values);
        assert_eq!(html, "&lt;script&gt;alert(&quot;1&quot; &amp; &#39;2&#39;)&lt;/script&gt;\n\u{1}");
        assert_eq!(filled("${v}", "p", &values), html);
        assert_eq!(filled("\"${v}\"", "p.json", &[("v", "a\"\\\n\u{1}é")]), "\"a\\\"\\\\\\u000a\\u0001é\"");
        assert_eq!(filled("${v}", "p.txt", &[("v", "<")]), "<");
    }

    #[test]
    fn the_name_of_the_file_gives_the_type() {
        let kind = |path| Template::parse(Vec::new(), Path::new(path)).content_type();
        assert_eq!(kind("/a/b.html"), "text/html; charset=utf-8");
        assert_eq!(kind("/a/b.json"), "application/json");
    }

    #[test]
    fn a_missing_page_says_which() {
        let error = Template::read(Path::new("/nonexistent/page.html")).unwrap_err().to_string();
        assert!(error.contains("/nonexistent/page.html"), "{error}");
    }

    #[test]
    fn the_shipped_page_shows_address_time_and_request() {
        let page = include_str!("../../../assets/wallarm_blocked.html");
        let template = Template::parse(page.as_bytes().to_vec(), Path::new("wallarm_blocked.html"));
        assert_eq!(template.names(), ["remote_addr", "time_iso8601", "request_id"]);
        assert!(page.contains("const SUPPORT_EMAIL = \"\";"));
        assert!(!page.contains("http://") && !page.contains("https://"), "everything is inside the page");
    }

    proptest! {
        #[test]
        fn a_page_is_its_text_with_the_values_in_between(
            // Without opening braces: two parts in a row must not make a variable.
            parts in proptest::collection::vec(proptest::option::of("[a-z <>}$]{0,5}[a-z]"), 0..20),
        ) {
            let joined = |value: &str| parts.iter().map(|part| part.as_deref().unwrap_or(value)).collect::<String>();
            let text = joined("${v}");
            prop_assert_eq!(filled(&text, "p.txt", &[("v", "X")]), text.replace("${v}", "X"));
        }

        #[test]
        fn any_bytes_make_a_page(text in proptest::collection::vec(any::<u8>(), 0..200)) {
            let template = Template::parse(text.clone(), Path::new("p.html"));
            let mut out = Vec::new();
            template.fill(|_| None, &mut out);
            prop_assert!(out.len() <= text.len());
        }
    }
}

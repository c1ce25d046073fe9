//! The grammar of a systemd `EnvironmentFile` (systemd.exec(5)), so that unit and server read one file alike.
//!
//! `KEY=value` lines; lines that begin with `#` or `;` are comments; a backslash at the end of a line joins the next one;
//! single quotes keep everything, double quotes and bare text know backslash escapes; nothing is expanded. Where systemd
//! silently skips a line, it is reported here, because a skipped setting is rarely what was meant.

use std::iter::Peekable;
use std::str::Chars;

/// One `KEY=value`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// The name before `=`.
    pub name: String,
    /// The value without quotes and escapes.
    pub value: String,
    /// Line where it begins, counted from 1.
    pub line: usize,
}

/// What a file holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Content {
    /// Assignments in the order of the file; of two for one name the later counts.
    pub assignments: Vec<Assignment>,
    /// Lines that are neither assignment nor comment; systemd ignores them.
    pub ignored: Vec<usize>,
}

/// The file cannot be read as intended.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: the quote of the value of {name} is never closed")]
pub struct OpenQuote {
    /// Name before `=`.
    pub name: String,
    /// Line where the assignment begins.
    pub line: usize,
}

/// Reads the text of a file.
///
/// # Errors
///
/// [`OpenQuote`]: systemd would take the rest of the file for the value.
pub fn parse(text: &str) -> Result<Content, OpenQuote> {
    // Editors on Windows put a byte order mark before the first line; systemd would skip that line for it.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut scanner = Scanner { chars: text.chars().peekable(), line: 1 };
    let mut content = Content::default();
    while let Some(first) = scanner.skip_blank() {
        let line = scanner.line;
        if matches!(first, '#' | ';') {
            scanner.rest_of_line();
        } else if let Some(name) = scanner.name() {
            match scanner.value() {
                Some(value) => content.assignments.push(Assignment { name, value, line }),
                None => return Err(OpenQuote { name, line }),
            }
        } else {
            content.ignored.push(line);
        }
    }
    Ok(content)
}

struct Scanner<'a> {
    chars: Peekable<Chars<'a>>,
    line: usize,
}

impl Scanner<'_> {
    fn next(&mut self) -> Option<char> {
        let next = self.chars.next();
        if next == Some('\n') {
            self.line += 1;
        }
        next
    }

    /// Steps to the next visible character and shows it.
    fn skip_blank(&mut self) -> Option<char> {
        while self.chars.peek()?.is_ascii_whitespace() {
            self.next();
        }
        self.chars.peek().copied()
    }

    /// The rest of the line; a backslash at its end joins the next one, in comments as well.
    fn rest_of_line(&mut self) -> String {
        let mut text = String::new();
        while let Some(next) = self.next() {
            match next {
                '\n' => break,
                '\\' => {
                    if self.chars.peek() == Some(&'\n') {
                        self.next();
                    }
                }
                other => text.push(other),
            }
        }
        text
    }

    /// The name before `=`, or `None` after stepping over a line that assigns nothing.
    fn name(&mut self) -> Option<String> {
        let mut name = String::new();
        while let Some(&next) = self.chars.peek() {
            match next {
                '\n' => break,
                '=' => {
                    self.next();
                    let name = name.trim_end();
                    if is_name(name) {
                        return Some(name.to_owned());
                    }
                    self.rest_of_line();
                    return None;
                }
                other => name.push(other),
            }
            self.next();
        }
        None
    }

    /// The value after `=`, up to the end of the line; `None` if a quote stays open.
    fn value(&mut self) -> Option<String> {
        let mut value = String::new();
        // Blanks at the end belong to the value only when quoted or escaped.
        let mut kept = 0;
        while let Some(next) = self.next() {
            match next {
                '\n' => break,
                '\'' => self.quoted(&mut value, '\'')?,
                '"' => self.quoted(&mut value, '"')?,
                '\\' => match self.next() {
                    Some('\n') | None => {}
                    Some(escaped) => value.push(escaped),
                },
                blank if blank.is_ascii_whitespace() => {
                    if kept > 0 {
                        value.push(blank);
                    }
                    continue;
                }
                other => value.push(other),
            }
            kept = value.len();
        }
        value.truncate(kept);
        Some(value)
    }

    fn quoted(&mut self, value: &mut String, quote: char) -> Option<()> {
        loop {
            match self.next()? {
                end if end == quote => return Some(()),
                '\\' if quote == '"' => match self.next()? {
                    '\n' => {}
                    escaped @ ('"' | '\\' | '`' | '$') => value.push(escaped),
                    other => value.extend(['\\', other]),
                },
                other => value.push(other),
            }
        }
    }
}

/// Whether systemd takes `name` for the name of a variable.
fn is_name(name: &str) -> bool {
    !name.starts_with(|first: char| first.is_ascii_digit())
        && !name.is_empty()
        && name.chars().all(|next| next.is_ascii_alphanumeric() || next == '_')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn value(text: &str) -> String {
        let content = parse(&format!("KEY={text}\nNEXT=1\n")).unwrap();
        assert_eq!(content.assignments.last().unwrap().name, "NEXT", "{text:?} swallowed the next line");
        content.assignments[0].value.clone()
    }

    #[test]
    fn the_documented_form_parses_exactly() {
        let content = parse("# address and port for bind\nHOST='0.0.0.0'\nPORT=3313\n").unwrap();
        let assignment = |name: &str, value: &str, line| Assignment { name: name.into(), value: value.into(), line };
        assert_eq!(content.assignments, [assignment("HOST", "0.0.0.0", 2), assignment("PORT", "3313", 3)]);
        assert!(content.ignored.is_empty());
    }

    #[test]
    fn quotes_and_escapes_as_systemd_has_them() {
        for (written, meant) in [
            ("1.0", "1.0"),
            ("  spaced out  ", "spaced out"),
            ("'  kept  '", "  kept  "),
            (r"a\ b\'c", "a b'c"),
            (r#""say \"hi\" for \$5, \n stays""#, r#"say "hi" for $5, \n stays"#),
            (r"'no \escape'", r"no \escape"),
            (r#"'a'"b"c"#, "abc"),
            ("one\\\ntwo", "onetwo"),
            ("$HOME", "$HOME"),
            ("1 # no comment here", "1 # no comment here"),
            ("", ""),
        ] {
            assert_eq!(value(written), meant, "{written:?}");
        }
    }

    #[test]
    fn comments_and_what_systemd_skips() {
        let content = parse("; note\n  # note\nexport PORT=1\njust words\n1X=2\nPORT=3313").unwrap();
        assert_eq!(content.ignored, [3, 4, 5]);
        assert_eq!(content.assignments.len(), 1);
    }

    #[test]
    fn a_byte_order_mark_and_windows_line_ends_hid_the_first_setting() {
        let content = parse("\u{feff}SLAB_ALLOC_ARENA=2\r\n# note\r\nHOST='0.0.0.0'\r\n").unwrap();
        let values: Vec<_> = content.assignments.iter().map(|each| each.value.as_str()).collect();
        assert_eq!((values, content.ignored), (vec!["2", "0.0.0.0"], vec![]));
    }

    #[test]
    fn an_open_quote_is_named_by_its_first_line() {
        let error = parse("A=1\nHOST='0.0.0.0\nPORT=3313\n").unwrap_err();
        assert_eq!(error.to_string(), "line 2: the quote of the value of HOST is never closed");
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "[A-Z=#;'\"\\\\\n $a]{0,80}") {
            let _ = parse(&text);
        }

        #[test]
        fn any_value_survives_single_quotes(text in "[^']{0,80}") {
            prop_assert_eq!(value(&format!("'{text}'")), text);
        }
    }
}

//! Paragraphs of `Field: value` lines: Debian's control files, `Packages` and `Release`.
//!
//! Format: deb822(5) and Debian Policy §5.1. A value is held as the text that a reader means: the first line without the
//! blanks around it, then every continuation line without its one leading blank, joined by `\n`. A value that begins on
//! the second line (`SHA256:` in a `Release` file) therefore starts with `\n`.

use std::fmt;

/// What deb822(5) counts as white space within a line.
const BLANKS: [char; 2] = [' ', '\t'];

/// Why a text is not a deb822 paragraph, or why a field cannot be part of one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A line is neither `Name: value`, nor a continuation, nor a comment.
    #[error("line {line}: `{text}` has no colon; expected `Field: value` or a continuation that begins with a blank")]
    NoColon {
        /// Line number, from 1.
        line: usize,
        /// Beginning of the line.
        text: String,
    },
    /// A continuation line comes before any field.
    #[error("line {line}: a continuation line comes before any field")]
    StrayContinuation {
        /// Line number, from 1.
        line: usize,
    },
    /// One field stands twice in a paragraph.
    #[error("line {line}: field `{name}` is there a second time; a paragraph may hold each field once")]
    Duplicate {
        /// Line number, from 1.
        line: usize,
        /// Name of the field.
        name: String,
    },
    /// A field's name has characters which Policy §5.1 forbids.
    #[error(
        "field name `{name}` is not allowed: printable ASCII without blank and colon, not beginning with `#` or `-`"
    )]
    Name {
        /// The name as given.
        name: String,
    },
    /// A value holds a control character other than tab and line feed.
    #[error("field `{name}` holds the control character {code:#04x}")]
    Control {
        /// Name of the field.
        name: String,
        /// The character.
        code: u32,
    },
    /// The text holds no paragraph, or more than the one expected.
    #[error("expected one paragraph, found {found}")]
    Count {
        /// Number of paragraphs found; counting stops at two.
        found: usize,
    },
}

/// One field of a paragraph.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Field {
    name: String,
    value: String,
}

/// A paragraph: fields in the order in which they were written, names compared without regard to case.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Paragraph {
    fields: Vec<Field>,
}

impl Paragraph {
    /// A paragraph without fields.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads a text which holds exactly one paragraph, such as a binary package's `control` file.
    ///
    /// # Errors
    /// When the text is malformed, empty, or holds a second paragraph.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let mut all = paragraphs(text);
        let first = all.next().ok_or(Error::Count { found: 0 })??;
        match all.next() {
            None => Ok(first),
            Some(Err(error)) => Err(error),
            Some(Ok(_)) => Err(Error::Count { found: 2 }),
        }
    }

    /// The value of a field; lines are separated by `\n` (see the module's documentation).
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|field| field.name.eq_ignore_ascii_case(name)).map(|field| field.value.as_str())
    }

    /// Sets a field: in its place when it is there already, otherwise at the end.
    ///
    /// # Errors
    /// When the name or a character of the value cannot stand in a paragraph.
    pub fn set(&mut self, name: &str, value: impl Into<String>) -> Result<(), Error> {
        check_name(name)?;
        let value = value.into();
        check_value(name, &value)?;
        match self.fields.iter_mut().find(|field| field.name.eq_ignore_ascii_case(name)) {
            Some(field) => field.value = value,
            None => self.fields.push(Field { name: name.to_owned(), value }),
        }
        Ok(())
    }

    /// Takes a field out and gives its value.
    pub fn remove(&mut self, name: &str) -> Option<String> {
        let at = self.fields.iter().position(|field| field.name.eq_ignore_ascii_case(name))?;
        Some(self.fields.remove(at).value)
    }

    /// Names and values in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.fields.iter().map(|field| (field.name.as_str(), field.value.as_str()))
    }

    /// Whether there is no field.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }
}

/// Writes every field with a line feed after it, without the empty line that separates paragraphs. An empty line inside
/// a value becomes ` .`, as Policy §5.6.13 has it for descriptions.
impl fmt::Display for Paragraph {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for field in &self.fields {
            let mut lines = field.value.split('\n');
            let first = lines.next().unwrap_or_default();
            match first {
                "" => writeln!(out, "{}:", field.name)?,
                _ => writeln!(out, "{}: {first}", field.name)?,
            }
            for line in lines {
                let shown = if line.trim_matches(BLANKS).is_empty() { "." } else { line };
                writeln!(out, " {shown}")?;
            }
        }
        Ok(())
    }
}

/// The paragraphs of a text one after another, so that a large index need not be held in parsed form.
#[must_use]
pub fn paragraphs(text: &str) -> Paragraphs<'_> {
    Paragraphs { lines: text.lines(), number: 0, failed: false }
}

/// Iterator over the paragraphs of a text; ends after the first error. Made by [`paragraphs`].
#[derive(Debug, Clone)]
pub struct Paragraphs<'a> {
    lines: std::str::Lines<'a>,
    number: usize,
    failed: bool,
}

impl Paragraphs<'_> {
    fn read(&mut self) -> Result<Option<Paragraph>, Error> {
        let mut paragraph = Paragraph::new();
        for line in self.lines.by_ref() {
            self.number += 1;
            // deb822(5): a line of blanks alone separates paragraphs just as an empty one does.
            if line.trim_matches(BLANKS).is_empty() {
                if paragraph.is_empty() {
                    continue;
                }
                return Ok(Some(paragraph));
            }
            if line.starts_with('#') {
                continue;
            }
            add_line(&mut paragraph, line, self.number)?;
        }
        Ok((!paragraph.is_empty()).then_some(paragraph))
    }
}

impl Iterator for Paragraphs<'_> {
    type Item = Result<Paragraph, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let read = self.read();
        self.failed = read.is_err();
        read.transpose()
    }
}

/// Adds one non-empty line: a continuation of the last field, or a new field.
fn add_line(paragraph: &mut Paragraph, line: &str, number: usize) -> Result<(), Error> {
    if let Some(continuation) = line.strip_prefix([' ', '\t']) {
        let field = paragraph.fields.last_mut().ok_or(Error::StrayContinuation { line: number })?;
        check_value(&field.name, continuation)?;
        field.value.push('\n');
        field.value.push_str(continuation.trim_end_matches(BLANKS));
        return Ok(());
    }
    let Some((name, value)) = line.split_once(':') else {
        return Err(Error::NoColon { line: number, text: line.chars().take(40).collect() });
    };
    check_name(name)?;
    check_value(name, value)?;
    if paragraph.get(name).is_some() {
        return Err(Error::Duplicate { line: number, name: name.to_owned() });
    }
    paragraph.fields.push(Field { name: name.to_owned(), value: value.trim_matches(BLANKS).to_owned() });
    Ok(())
}

fn check_name(name: &str) -> Result<(), Error> {
    let printable = |byte: u8| byte.is_ascii_graphic() && byte != b':';
    if name.is_empty() || name.starts_with(['#', '-']) || !name.bytes().all(printable) {
        return Err(Error::Name { name: name.to_owned() });
    }
    Ok(())
}

fn check_value(name: &str, value: &str) -> Result<(), Error> {
    match value.chars().find(|c| c.is_control() && !matches!(c, '\t' | '\n')) {
        None => Ok(()),
        Some(code) => Err(Error::Control { name: name.to_owned(), code: u32::from(code) }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const CONTROL: &str =
        "Package: wallarm-common\nVersion: 4.8.9-1\nDescription: tools of a node\n Long text.\n .\n  verbatim\n";

    #[test]
    fn a_control_file_survives_reading_and_writing() {
        let control = Paragraph::parse(CONTROL).unwrap();
        assert_eq!(control.get("package"), Some("wallarm-common"));
        assert_eq!(control.get("Description"), Some("tools of a node\nLong text.\n.\n verbatim"));
        assert_eq!(control.to_string(), CONTROL);
    }

    #[test]
    fn a_list_that_begins_on_the_second_line_has_no_blank_after_the_colon() {
        let mut release = Paragraph::new();
        release.set("SHA256", "\nabc 1 Packages\ndef 2 Packages.gz").unwrap();
        let text = release.to_string();
        assert_eq!(text, "SHA256:\n abc 1 Packages\n def 2 Packages.gz\n");
        assert_eq!(Paragraph::parse(&text).unwrap(), release);
    }

    #[test]
    fn set_replaces_in_place_whatever_the_case_of_the_name() {
        let mut control = Paragraph::parse(CONTROL).unwrap();
        control.set("VERSION", "1").unwrap();
        let names: Vec<_> = control.iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["Package", "Version", "Description"]);
        assert_eq!(control.get("Version"), Some("1"));
        assert_eq!(control.remove("version").as_deref(), Some("1"));
        assert_eq!(control.get("Version"), None);
    }

    #[test]
    fn an_empty_line_in_a_value_is_written_as_a_dot() {
        let mut control = Paragraph::new();
        control.set("Description", "short\n\nlong").unwrap();
        assert_eq!(control.to_string(), "Description: short\n .\n long\n");
    }

    #[test]
    fn paragraphs_are_separated_by_blank_lines_and_comments_are_left_out() {
        let text = "\n\nA: 1\n# comment\nB: 2\n \t\n\nC: 3";
        let all: Vec<_> = paragraphs(text).collect::<Result<_, _>>().unwrap();
        assert_eq!(all.len(), 2);
        assert_eq!(all[0].get("B"), Some("2"));
        assert_eq!(all[1].get("C"), Some("3"));
    }

    #[test]
    fn errors_name_the_line() {
        let cases = [
            ("A: 1\nrubbish\n", Error::NoColon { line: 2, text: "rubbish".into() }),
            (" x\n", Error::StrayContinuation { line: 1 }),
            ("A: 1\na: 2\n", Error::Duplicate { line: 2, name: "a".into() }),
            ("A B: 1\n", Error::Name { name: "A B".into() }),
            ("-A: 1\n", Error::Name { name: "-A".into() }),
            ("A: \u{7}\n", Error::Control { name: "A".into(), code: 7 }),
            ("", Error::Count { found: 0 }),
            ("A: 1\n\nB: 2\n", Error::Count { found: 2 }),
        ];
        for (text, expected) in cases {
            assert_eq!(Paragraph::parse(text), Err(expected), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_read_is_read_the_same_after_writing(text in "[A-Za-z:# .\n\t-]{0,120}") {
            if let Ok(first) = Paragraph::parse(&text) {
                let again = Paragraph::parse(&first.to_string());
                prop_assert_eq!(again, Ok(first));
            }
        }

        #[test]
        fn no_text_makes_the_reader_panic(text in any::<String>()) {
            let _ = paragraphs(&text).count();
        }
    }
}

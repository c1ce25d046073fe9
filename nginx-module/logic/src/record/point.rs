//! The point of an attack: the steps that lead from the request to the value.

use iproto::msgpack::Writer;

use super::{TEXT_LIMIT, cut};

/// Takes the steps of a request point: tags and keys as text, places in a list as numbers.
pub struct Point<'w, 'o> {
    writer: &'w mut Writer<'o>,
    count: u32,
}

impl<'w, 'o> Point<'w, 'o> {
    pub(super) fn new(writer: &'w mut Writer<'o>) -> Self {
        Self { writer, count: 0 }
    }

    /// Adds a tag or a key.
    pub fn text(&mut self, step: &[u8]) {
        self.count += 1;
        self.writer.str(cut(step, TEXT_LIMIT));
    }

    /// Adds a place in a list.
    pub fn index(&mut self, step: u64) {
        self.count += 1;
        self.writer.uint(step);
    }

    /// Adds the steps of a JSON list such as `["query","id","array",1]`, the form in which logs and the API show points. What is
    /// neither a string nor a number that is not negative ends it.
    pub fn json(&mut self, list: &str) {
        let mut rest = list.strip_prefix('[').unwrap_or(list);
        loop {
            rest = rest.trim_start_matches([',', ' ']);
            if let Some(inside) = rest.strip_prefix('"') {
                rest = self.json_string(inside);
                continue;
            }
            let digits = rest.len() - rest.trim_start_matches(|character: char| character.is_ascii_digit()).len();
            let Some(step) = rest.get(..digits).and_then(|digits| digits.parse().ok()) else { return };
            self.index(step);
            rest = rest.get(digits..).unwrap_or_default();
        }
    }

    /// Adds the string that `inside` begins with (RFC 8259, section 7), and gives what follows its closing quote.
    fn json_string<'s>(&mut self, inside: &'s str) -> &'s str {
        let mut characters = inside.chars();
        self.count += 1;
        self.writer.str_in_pieces(|text| {
            while let Some(character) = characters.next() {
                let character = match character {
                    '"' => return,
                    '\\' => escaped(&mut characters),
                    plain => plain,
                };
                if text.written().len() < TEXT_LIMIT {
                    text.push(character.encode_utf8(&mut [0; 4]).as_bytes());
                }
            }
        });
        characters.as_str()
    }
}

impl Point<'_, '_> {
    pub(super) fn count(&self) -> u32 {
        self.count
    }
}

/// The character that stands behind a backslash. Half a surrogate pair becomes U+FFFD.
fn escaped(characters: &mut std::str::Chars<'_>) -> char {
    match characters.next() {
        Some('n') => '\n',
        Some('r') => '\r',
        Some('t') => '\t',
        Some('b') => '\u{8}',
        Some('f') => '\u{c}',
        Some('u') => {
            let rest = characters.as_str();
            let digits = rest.bytes().take(4).take_while(u8::is_ascii_hexdigit).count();
            let (digits, rest) = rest.split_at_checked(digits).unwrap_or(("", rest));
            *characters = rest.chars();
            let code = u32::from_str_radix(digits, 16).ok().filter(|_| digits.len() == 4);
            code.and_then(char::from_u32).unwrap_or(char::REPLACEMENT_CHARACTER)
        }
        other => other.unwrap_or(char::REPLACEMENT_CHARACTER),
    }
}

#[cfg(test)]
mod tests {
    use iproto::msgpack::{Reader, Scalar};

    use super::*;

    /// The steps as they would be written in Rust.
    fn steps(list: &str) -> Vec<String> {
        let mut out = Vec::new();
        Writer::new(&mut out).array_counted(|writer| {
            let mut point = Point::new(writer);
            point.json(list);
            point.count()
        });
        let mut reader = Reader::new(&out);
        let steps = (0..reader.array_len().unwrap())
            .map(|_| match reader.scalar().unwrap() {
                Scalar::Str(text) => format!("{:?}", str::from_utf8(text).unwrap()),
                Scalar::Uint(number) => number.to_string(),
                other => panic!("{other:?}"),
            })
            .collect();
        reader.finish().unwrap();
        steps
    }

    #[test]
    fn a_json_list_becomes_steps() {
        assert_eq!(steps(r#"["query","id","array",1]"#), [r#""query""#, r#""id""#, r#""array""#, "1"]);
        assert_eq!(steps(r#"["post", "hash", "a\"b\\\u000a\u00e9ü"]"#), [r#""post""#, r#""hash""#, r#""a\"b\\\néü""#]);
        assert_eq!(steps("[]"), [""; 0]);
    }

    #[test]
    fn what_is_no_such_list_ends_where_it_breaks() {
        for (list, expected) in [
            ("", &[][..]),
            ("[1,{}]", &["1"]),
            ("[\"open", &["\"open\""]),
            ("[\"\\ud800\\u12\"]", &["\"\u{fffd}\u{fffd}\""]),
            ("[99999999999999999999]", &[]),
        ] {
            assert_eq!(steps(list), expected, "{list}");
        }
    }

    #[test]
    fn a_long_key_is_cut() {
        assert_eq!(steps(&format!("[\"{}\",7]", "k".repeat(5000))).concat().len(), TEXT_LIMIT + 3);
    }
}

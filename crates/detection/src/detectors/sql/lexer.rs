//! Takes SQL apart, in the union of the dialects of MySQL, PostgreSQL, SQL Server, Oracle and SQLite.

use super::words::{Key, keyword};

/// A token of SQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Token<'a> {
    /// A decimal, hexadecimal or binary number.
    Number,
    /// A string in quotes of any kind.
    Text {
        /// What stands between the quotes.
        content: &'a [u8],
        /// The value ends before the string does.
        open: bool,
    },
    /// A word with a meaning in SQL.
    Key(Key),
    /// An identifier, with the dots and the names behind them.
    Name(&'a [u8]),
    /// `@name` or `:name`.
    Variable,
    /// `@@name`, which shows something of the server.
    ServerVariable,
    /// `+ - / % & | ^ ~ ::` and the like.
    Arithmetic,
    /// `*`, which may also stand for all columns.
    Star,
    /// `= <> != < > <= >= <=> == ~` …
    Comparison,
    /// `&&`.
    DoubleAnd,
    /// `||`, which is "or" in MySQL and joins strings elsewhere.
    DoubleBar,
    /// `!`.
    Bang,
    /// `(`.
    Open,
    /// `)`.
    Close,
    /// `,`.
    Comma,
    /// `;`.
    Semicolon,
    /// A comment that reaches to the end of the value, with what it says.
    Tail(&'a [u8]),
    /// A byte that means nothing in SQL.
    Other,
}

/// The position in a value that is read as SQL.
#[derive(Clone, Copy, Debug)]
pub struct Lexer<'a> {
    value: &'a [u8],
    at: usize,
    start: usize,
}

impl<'a> Lexer<'a> {
    /// Starts reading at `at`.
    pub const fn new(value: &'a [u8], at: usize) -> Self {
        Self { value, at, start: at }
    }

    /// Behind the last token.
    pub const fn at(&self) -> usize {
        self.at
    }

    /// The bytes of the last token.
    pub fn token_bytes(&self) -> &'a [u8] {
        self.slice(self.start)
    }

    fn byte(&self, ahead: usize) -> u8 {
        self.value.get(self.at + ahead).copied().unwrap_or(0)
    }

    fn rest(&self) -> &'a [u8] {
        self.value.get(self.at..).unwrap_or_default()
    }

    fn slice(&self, start: usize) -> &'a [u8] {
        self.value.get(start..self.at).unwrap_or_default()
    }

    /// Moves on while `wanted` holds.
    fn skip_while(&mut self, wanted: impl Fn(u8) -> bool) {
        self.at += self.rest().iter().take_while(|byte| wanted(**byte)).count();
    }

    /// Skips white space and comments; a comment without an end is a token of its own.
    fn skip_blank(&mut self) -> Option<Token<'a>> {
        loop {
            self.skip_while(|byte| matches!(byte, 1..=b' ' | 0xa0));
            match self.rest() {
                [0, ..] => return Some(self.tail(1)),
                [b'-', b'-', text @ ..] | [b'#', text @ ..] => match text.iter().position(|byte| *byte == b'\n') {
                    Some(length) => self.at = self.value.len() - text.len() + length,
                    None => return Some(self.tail(self.rest().len() - text.len())),
                },
                [b'/', b'*', b'!', ..] => {
                    // MySQL runs what stands in such a comment; digits behind the mark are the least version that does.
                    self.at += 3;
                    self.skip_while(|byte| byte.is_ascii_digit());
                }
                [b'*', b'/', ..] => self.at += 2,
                [b'/', b'*', inside @ ..] => match inside.windows(2).position(|pair| pair == b"*/") {
                    Some(length) => self.at += length + 4,
                    None => return Some(self.tail(2)),
                },
                _ => return None,
            }
        }
    }

    fn tail(&mut self, mark: usize) -> Token<'a> {
        let text = self.rest().get(mark..).unwrap_or_default();
        self.at = self.value.len();
        Token::Tail(text)
    }

    fn number(&mut self) -> Token<'a> {
        if self.byte(0) == b'0' && matches!(self.byte(1), b'x' | b'X') && self.byte(2).is_ascii_hexdigit() {
            self.at += 2;
            self.skip_while(|byte| byte.is_ascii_hexdigit());
            return Token::Number;
        }
        self.skip_while(|byte| byte.is_ascii_digit());
        if self.byte(0) == b'.' {
            self.at += 1;
            self.skip_while(|byte| byte.is_ascii_digit());
        }
        if matches!(self.byte(0), b'e' | b'E') {
            let sign = usize::from(matches!(self.byte(1), b'+' | b'-'));
            if self.byte(1 + sign).is_ascii_digit() {
                self.at += 1 + sign;
                self.skip_while(|byte| byte.is_ascii_digit());
            }
        }
        Token::Number
    }

    fn text(&mut self) -> Token<'a> {
        let quote = self.byte(0);
        self.at += 1;
        let start = self.at;
        loop {
            self.skip_while(|byte| byte != quote && byte != b'\\');
            match (self.byte(0), self.byte(1)) {
                (b'\\', _) if self.at < self.value.len() => self.at += 2,
                (end, next) if end == quote && next == quote && self.at < self.value.len() => self.at += 2,
                (end, _) if end == quote && self.at < self.value.len() => {
                    let content = self.slice(start);
                    self.at += 1;
                    return Token::Text { content, open: false };
                }
                _ => break,
            }
        }
        self.at = self.value.len();
        Token::Text { content: self.value.get(start..).unwrap_or_default(), open: true }
    }

    fn name(&mut self) -> Token<'a> {
        let start = self.at;
        self.skip_while(is_name);
        let first = self.slice(start);
        // N'…', X'…', E'…', _utf8'…': a prefix that belongs to the string.
        let prefix =
            matches!(first, [b'n' | b'N' | b'x' | b'X' | b'b' | b'B' | b'e' | b'E']) || first.starts_with(b"_");
        if prefix && self.byte(0) == b'\'' {
            return self.text();
        }
        while self.byte(0) == b'.' && (is_name(self.byte(1)) || matches!(self.byte(1), b'.' | b'*' | b'`')) {
            self.at += 1;
            if self.byte(0) == b'*' {
                self.at += 1;
            }
            self.skip_while(|byte| is_name(byte) || byte == b'`');
        }
        let name = self.slice(start);
        if name.len() == first.len()
            && let Some(key) = keyword(name)
        {
            return Token::Key(key);
        }
        Token::Name(name)
    }

    /// `` `name` `` or `[name]`.
    fn quoted_name(&mut self, end: u8) -> Option<Token<'a>> {
        let inside = self.rest().get(1..)?;
        let length = inside.iter().position(|byte| *byte == end)?;
        let name = inside.get(..length)?;
        let sound = !name.is_empty() && name.len() <= 64 && name.iter().all(|byte| is_name(*byte) || *byte == b' ');
        self.at += length + 2;
        sound.then_some(Token::Name(name))
    }

    fn sign(&mut self, length: usize, token: Token<'a>) -> Token<'a> {
        self.at += length;
        token
    }

    fn operator(&mut self) -> Token<'a> {
        match self.rest() {
            [b'<', b'=', b'>', ..] => self.sign(3, Token::Comparison),
            [b'&', b'&', ..] => self.sign(2, Token::DoubleAnd),
            [b'|', b'|', ..] => self.sign(2, Token::DoubleBar),
            [b'<', b'>' | b'=', ..] | [b'>' | b'!' | b'=' | b'^', b'=', ..] | [b'!', b'<' | b'>', ..] => {
                self.sign(2, Token::Comparison)
            }
            [b'<', b'<', ..] | [b'>', b'>', ..] | [b':', b':', ..] => self.sign(2, Token::Arithmetic),
            [b':', b'=', ..] => self.sign(2, Token::Comparison),
            [b'=' | b'<' | b'>', ..] => self.sign(1, Token::Comparison),
            [b'+' | b'-' | b'/' | b'%' | b'&' | b'|' | b'^' | b'~', ..] => self.sign(1, Token::Arithmetic),
            [b'*', ..] => self.sign(1, Token::Star),
            [b'!', ..] => self.sign(1, Token::Bang),
            [b'(', ..] => self.sign(1, Token::Open),
            [b')', ..] => self.sign(1, Token::Close),
            [b',', ..] => self.sign(1, Token::Comma),
            [b';', ..] => self.sign(1, Token::Semicolon),
            _ => self.sign(1, Token::Other),
        }
    }
}

impl<'a> Iterator for Lexer<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        if let Some(tail) = self.skip_blank() {
            return Some(tail);
        }
        let first = *self.value.get(self.at)?;
        self.start = self.at;
        Some(match first {
            b'0'..=b'9' => self.number(),
            b'.' if self.byte(1).is_ascii_digit() => self.number(),
            b'\'' | b'"' => self.text(),
            b'`' => self.quoted_name(b'`').unwrap_or(Token::Other),
            b'[' => self.quoted_name(b']').unwrap_or(Token::Other),
            b'$' if self.byte(1) == b'$' => {
                self.at += 1;
                self.text()
            }
            b'@' => {
                let server = self.byte(1) == b'@';
                let start = self.at;
                self.skip_while(|byte| byte == b'@' || byte == b'.' || is_name(byte));
                if self.at - start < 2 {
                    Token::Other
                } else if server {
                    Token::ServerVariable
                } else {
                    Token::Variable
                }
            }
            byte if is_name(byte) => self.name(),
            _ => self.operator(),
        })
    }
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$' | 0x80..=0xff) && byte != 0xa0
}

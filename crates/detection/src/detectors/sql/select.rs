//! `select` and `union`.

use super::grammar::{Outcome, Reading};
use super::lexer::Token;
use super::words::{Function, Key, function, is_english_choice};

impl<'a> Reading<'a> {
    /// Behind `union`: a second query.
    pub(super) fn union(&mut self) -> Outcome {
        while self.take_key(Key::All) || self.take_key(Key::Distinct) || self.take_if(Token::Open) {}
        match self.take() {
            Some(Token::Key(Key::Select)) => self.select_list(self.is_strict()),
            Some(Token::Key(Key::Values)) if self.peek() == Some(Token::Open) => Outcome::Attack,
            _ => Outcome::Invalid,
        }
    }

    /// Behind `select`. `strict` asks for more than English could say: "select one from the list".
    pub(super) fn select_list(&mut self, strict: bool) -> Outcome {
        loop {
            let more = self.take_key(Key::All) || self.take_key(Key::Distinct) || self.take_key(Key::Binary);
            let top = self.take_key(Key::Top) && self.take_if(Token::Number);
            if !more && !top && !self.take_if(Token::Arithmetic) && !self.take_if(Token::Bang) {
                break;
            }
        }
        let (token, bytes) = self.take_with_bytes();
        let next = self.peek();
        match token {
            Some(Token::Number | Token::Text { .. } | Token::Key(Key::Null)) => {
                certain(!strict || continues_a_list(next))
            }
            Some(Token::Variable | Token::ServerVariable | Token::Key(Key::Case)) => Outcome::Attack,
            Some(Token::Star) => {
                let table = self.take_key(Key::From)
                    && matches!(self.peek(), Some(Token::Name(_) | Token::Key(Key::Object) | Token::Open));
                certain(!strict || table)
            }
            Some(Token::Open) if strict && next != Some(Token::Key(Key::Select)) => self.bracketed_column(),
            Some(Token::Open) => Outcome::Attack,
            Some(Token::Name(_) | Token::Key(_)) if next == Some(Token::Open) => {
                certain(!strict || function(bytes) != Function::Unknown)
            }
            Some(Token::Name(name)) => self.named_columns(name, strict),
            Some(Token::Key(Key::Object)) => self.named_columns(bytes, strict),
            _ => Outcome::Invalid,
        }
    }

    /// `select (0)from …`: a bracket has been read.
    fn bracketed_column(&mut self) -> Outcome {
        let constant = matches!(self.take(), Some(Token::Number | Token::Text { .. } | Token::Key(Key::Null)));
        certain(constant && self.take_if(Token::Close) && continues_a_list(self.peek()))
    }

    /// `select a, b from c`: the first column has been read.
    fn named_columns(&mut self, first: &[u8], strict: bool) -> Outcome {
        let mut sure = first.contains(&b'.') && first.last() != Some(&b'.');
        loop {
            if self.take_key(Key::As) && !matches!(self.take(), Some(Token::Name(_))) {
                return Outcome::Invalid;
            }
            match self.take() {
                Some(Token::Comma) => {
                    // A list in a sentence has no brackets, numbers or strings in it.
                    if !matches!(
                        self.take(),
                        Some(Token::Name(_) | Token::Number | Token::Text { .. } | Token::Key(Key::Null | Key::Object))
                    ) {
                        return Outcome::Invalid;
                    }
                    sure = true;
                }
                Some(Token::Open) => {}
                Some(Token::Close) if sure => {}
                Some(Token::DoubleBar) => sure = true,
                Some(Token::Key(Key::From)) => return self.table(first, sure || !strict),
                Some(Token::Tail(_)) => return certain(!strict),
                None => return certain(!strict && sure),
                _ => return Outcome::Invalid,
            }
        }
    }

    /// Behind `from`.
    fn table(&mut self, column: &[u8], sure: bool) -> Outcome {
        let name = match self.take_with_bytes() {
            (Some(Token::Name(name)), _) => name,
            (Some(Token::Key(Key::Object)), name) => name,
            _ => return Outcome::Invalid,
        };
        if sure || name.iter().any(|byte| matches!(byte, b'.' | b'_')) {
            return Outcome::Attack;
        }
        match self.take() {
            Some(Token::Key(Key::Where)) => self.comparison(),
            Some(Token::Tail(_) | Token::Semicolon | Token::Close) => Outcome::Attack,
            Some(Token::Key(Key::Limit)) => certain(self.peek() == Some(Token::Number)),
            Some(Token::Key(Key::Order | Key::Group)) => certain(self.peek() == Some(Token::Key(Key::By))),
            Some(Token::Key(Key::Union)) => self.union(),
            None => certain(!self.sentence && !is_english_choice(column)),
            _ => Outcome::Invalid,
        }
    }

    /// Behind `where`: a name and how it compares.
    pub(super) fn comparison(&mut self) -> Outcome {
        while self.take_if(Token::Open) || self.take_key(Key::Not) {}
        let operand = matches!(
            self.take(),
            Some(Token::Name(_) | Token::Number | Token::Text { .. } | Token::Key(Key::Object | Key::Null))
        );
        match self.peek() {
            Some(Token::Comparison | Token::Key(Key::In | Key::Like | Key::Between | Key::Is)) => certain(operand),
            Some(Token::Open) => certain(operand),
            _ => Outcome::Invalid,
        }
    }
}

/// Whether what follows the first constant of a list is more than the end of a sentence.
const fn continues_a_list(next: Option<Token<'_>>) -> bool {
    matches!(
        next,
        Some(
            Token::Comma
                | Token::Tail(_)
                | Token::Close
                | Token::Comparison
                | Token::DoubleBar
                | Token::Key(Key::From | Key::Union | Key::Where | Key::And | Key::Or)
        )
    )
}

/// An attack if that holds.
pub const fn certain(condition: bool) -> Outcome {
    if condition { Outcome::Attack } else { Outcome::Invalid }
}

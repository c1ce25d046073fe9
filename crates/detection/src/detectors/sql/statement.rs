//! Statements that stand alone, or behind a semicolon.

use super::grammar::{Outcome, Reading};
use super::lexer::Token;
use super::select::certain;
use super::words::{Function, Key, function};

impl<'a> Reading<'a> {
    /// Reads a statement. `strict` asks for more than a sentence in the imperative: "drop table seven", "delete from cart".
    pub(super) fn statement(&mut self, strict: bool) -> Outcome {
        while self.take_if(Token::Open) || self.take_if(Token::Semicolon) {}
        let (token, bytes) = self.take_with_bytes();
        let Some(Token::Key(key)) = token else {
            return match token {
                Some(Token::Name(name)) => self.named_statement(name),
                _ => Outcome::Invalid,
            };
        };
        match key {
            Key::Select => self.select_list(strict),
            Key::Drop | Key::Alter | Key::Create | Key::Truncate => self.definition(key, strict),
            Key::Insert | Key::Replace => self.insert(strict),
            Key::Update => {
                let table = self.name();
                let set = self.take_key(Key::Set);
                certain(table && set && self.name() && self.peek() == Some(Token::Comparison))
            }
            Key::Delete => self.delete(strict),
            Key::Exec => self.execute(strict),
            Key::Waitfor => self.wait_statement(),
            Key::Shutdown => {
                let alone =
                    matches!(self.peek(), None | Some(Token::Tail(_) | Token::Semicolon | Token::Key(Key::With)));
                certain(!strict && alone)
            }
            Key::Declare | Key::Set => certain(matches!(self.peek(), Some(Token::Variable | Token::ServerVariable))),
            Key::If => self.condition(),
            Key::Load | Key::Backup | Key::Attach => self.load(bytes),
            Key::Copy => {
                let table = self.name();
                let from = self.take_key(Key::From) || matches!(self.take(), Some(Token::Name(b"to" | b"TO")));
                certain(table && from && matches!(self.peek(), Some(Token::Name(_) | Token::Text { .. })))
            }
            Key::Show => {
                let behind =
                    |next| matches!(next, None | Some(Token::Tail(_) | Token::Semicolon | Token::Key(Key::From)));
                certain(self.take_key(Key::Object) && behind(self.peek()))
            }
            Key::Call | Key::Do => match self.take() {
                Some(Token::Name(name)) => {
                    certain(self.peek() == Some(Token::Open) && (!strict || function(name) != Function::Unknown))
                }
                _ => Outcome::Invalid,
            },
            Key::Grant => {
                let right = self.name() || self.take_key(Key::All) || self.take_key(Key::Select);
                certain(right && self.take_key(Key::On) && self.name() && !strict)
            }
            Key::Merge => certain(self.take_key(Key::Into) && self.name() && self.take_key(Key::Using)),
            Key::Begin if !strict => self.statement(strict),
            Key::With => certain(
                self.name() && self.take_key(Key::As) && self.take_if(Token::Open) && self.take_key(Key::Select),
            ),
            _ => Outcome::Invalid,
        }
    }

    /// `waitfor delay '…'`: the first word has been read.
    pub(super) fn wait_statement(&mut self) -> Outcome {
        let kind = self.take_key(Key::Delay) || matches!(self.take(), Some(Token::Name(b"time" | b"TIME")));
        certain(kind && matches!(self.peek(), Some(Token::Text { .. })))
    }

    /// A statement whose first word is not one of the grammar's: `pragma`, or a function's name.
    fn named_statement(&mut self, name: &[u8]) -> Outcome {
        let xp = name.get(..3).is_some_and(|start| start.eq_ignore_ascii_case(b"xp_"));
        certain(xp && matches!(self.peek(), Some(Token::Text { .. } | Token::Open)))
    }

    /// Takes a name.
    fn name(&mut self) -> bool {
        let found = matches!(self.peek(), Some(Token::Name(_) | Token::Key(Key::Object)));
        if found {
            self.take();
        }
        found
    }

    /// `drop table users`, `create user x identified by …`, `alter table t add …`.
    fn definition(&mut self, key: Key, strict: bool) -> Outcome {
        let object = self.take_key(Key::Object) || self.take_key(Key::Procedure);
        if self.take_key(Key::If) {
            self.take_key(Key::Not);
            return certain(object && self.take_key(Key::Exists));
        }
        if !(self.name() && (object || key == Key::Truncate && !strict)) {
            return Outcome::Invalid;
        }
        if !strict {
            return Outcome::Attack;
        }
        certain(match (key, self.peek()) {
            (_, Some(Token::Tail(_) | Token::Semicolon)) => true,
            (Key::Drop | Key::Truncate, next) => !self.sentence && (next.is_none() || next == Some(Token::Comma)),
            (Key::Alter, next) => matches!(next, Some(Token::Key(Key::Drop | Key::Set | Key::Alter) | Token::Name(_))),
            (_, next) => next == Some(Token::Open),
        })
    }

    /// `insert into t (a, b) values (…)`.
    fn insert(&mut self, strict: bool) -> Outcome {
        if !(self.take_key(Key::Into) && self.name()) {
            return Outcome::Invalid;
        }
        if self.take_if(Token::Open) {
            while self.name() || self.take_if(Token::Comma) {}
            if !self.take_if(Token::Close) {
                return Outcome::Invalid;
            }
        }
        let values = self.take_key(Key::Values) && self.peek() == Some(Token::Open);
        let select = matches!(self.peek(), Some(Token::Key(Key::Select | Key::Set)));
        certain(values || select || !strict)
    }

    fn delete(&mut self, strict: bool) -> Outcome {
        if !(self.take_key(Key::From) && self.name()) {
            return Outcome::Invalid;
        }
        match self.take() {
            Some(Token::Key(Key::Where)) => self.comparison(),
            Some(Token::Tail(_) | Token::Semicolon) => Outcome::Attack,
            None => certain(!strict),
            _ => Outcome::Invalid,
        }
    }

    /// `exec master..xp_cmdshell 'dir'`, `exec('…')`.
    fn execute(&mut self, strict: bool) -> Outcome {
        let lead = |name: &[u8]| {
            name.get(..3).is_some_and(|start| start.eq_ignore_ascii_case(b"xp_") || start.eq_ignore_ascii_case(b"sp_"))
        };
        match self.take() {
            Some(Token::Name(name)) => {
                let telling = name.contains(&b'.') || lead(name);
                let text = matches!(self.peek(), Some(Token::Text { .. } | Token::Variable));
                certain(telling && (!strict || text || lead(name)) || text && !strict)
            }
            Some(Token::Variable) => Outcome::Attack,
            Some(Token::Open) => {
                certain(!strict && matches!(self.peek(), Some(Token::Text { .. } | Token::Variable | Token::Name(_))))
            }
            _ => Outcome::Invalid,
        }
    }

    /// `load data infile '…'`, `backup database x to …`, `attach database '…' as x`.
    fn load(&mut self, verb: &[u8]) -> Outcome {
        if verb.eq_ignore_ascii_case(b"load") {
            while matches!(self.peek(), Some(Token::Name(_))) {
                self.take();
            }
            return certain(self.take_key(Key::Infile) && matches!(self.peek(), Some(Token::Text { .. })));
        }
        let object = self.take_key(Key::Object);
        let text = matches!(self.peek(), Some(Token::Text { .. }));
        let named = self.name() && matches!(self.take(), Some(Token::Name(b"to" | b"TO")));
        certain(object && (text || named))
    }
}

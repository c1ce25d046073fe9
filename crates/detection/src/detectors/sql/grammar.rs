//! The grammar of expressions, as an automaton of two states: an operand is due, or one has just been read.
//!
//! Brackets are counted rather than nested, so that a reading takes constant memory and linear time.

use super::evidence::{Context, Evidence, Operand};
use super::lexer::{Lexer, Token};
use super::words::{Function, Key, function};

/// What came of a reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Something that only an injection contains.
    Attack,
    /// The grammar accepts the value to its end; the evidence decides.
    Valid,
    /// This is not SQL.
    Invalid,
}

/// The last operator, which waits for its right side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pending {
    Nothing,
    Logic,
    Comparison,
    Between,
}

/// Which of the two states comes next; or the end.
type Next = Result<State, Outcome>;

/// A state of the automaton.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// An operand is due.
    Due,
    /// An operand has just been read.
    Read,
}

/// One reading of a value in one context.
#[derive(Debug)]
pub struct Reading<'a> {
    pub(super) lexer: Lexer<'a>,
    ahead: Option<Token<'a>>,
    pub(super) evidence: Evidence,
    context: Context,
    left: Operand,
    right: Operand,
    pending: Pending,
    depth: i32,
    /// A bracket has just been opened: `select`, `*` and `)` may follow.
    just_opened: bool,
    /// A function that is dangerous has been called, …
    dangerous: bool,
    /// … and with something else than a name.
    armed: bool,
    /// Inside `order by` or `group by`.
    sorting: bool,
    /// Behind `limit`.
    limiting: bool,
    /// The value begins with a capital and a small letter, as a sentence or a title does and SQL hardly ever.
    pub(super) sentence: bool,
    /// `if` has announced a condition and a statement behind it.
    conditional: bool,
}

impl<'a> Reading<'a> {
    /// Reads `value` from `start`.
    pub fn new(value: &'a [u8], start: usize, context: Context) -> Self {
        let mut lexer = Lexer::new(value, start);
        let ahead = lexer.next();
        Self {
            lexer,
            ahead,
            evidence: Evidence { nothing_else: true, ..Evidence::default() },
            context,
            left: Operand::Name,
            right: Operand::Name,
            pending: Pending::Nothing,
            depth: 0,
            just_opened: false,
            dangerous: false,
            armed: false,
            sorting: false,
            limiting: false,
            sentence: matches!(value.trim_ascii_start(), [b'A'..=b'Z', b'a'..=b'z', ..]),
            conditional: false,
        }
    }

    /// How far it has read.
    pub const fn at(&self) -> usize {
        self.lexer.at()
    }

    /// The next token, which stays.
    pub(super) const fn peek(&self) -> Option<Token<'a>> {
        self.ahead
    }

    /// The next token, which is taken, and the bytes it is made of.
    pub(super) fn take_with_bytes(&mut self) -> (Option<Token<'a>>, &'a [u8]) {
        let bytes = self.lexer.token_bytes();
        let next = self.lexer.next();
        (std::mem::replace(&mut self.ahead, next), bytes)
    }

    /// The next token, which is taken.
    pub(super) fn take(&mut self) -> Option<Token<'a>> {
        self.take_with_bytes().0
    }

    /// Takes the next token if it is this one.
    pub(super) fn take_if(&mut self, wanted: Token<'_>) -> bool {
        let found = self.peek() == Some(wanted);
        if found {
            self.take();
        }
        found
    }

    /// Takes the next token if it is this word.
    pub(super) fn take_key(&mut self, wanted: Key) -> bool {
        self.take_if(Token::Key(wanted))
    }

    /// Whether a reading of this context gives the benefit of the doubt: outside of quotes, English may look like SQL.
    pub(super) const fn is_strict(&self) -> bool {
        match self.context {
            Context::Quoted { .. } => false,
            Context::Operand => !matches!(self.evidence.first, Some(Operand::Constant)),
            Context::Behind | Context::Statement => true,
        }
    }

    /// Reads to the end, or to where the outcome is certain.
    pub fn read(&mut self) -> Outcome {
        let mut state = match self.context {
            Context::Statement => return self.statement(true),
            Context::Operand => State::Due,
            Context::Quoted { .. } | Context::Behind => State::Read,
        };
        loop {
            let next = match state {
                State::Due => self.operand(),
                State::Read => self.behind_operand(),
            };
            match next {
                Ok(next) => state = next,
                Err(outcome) => return outcome,
            }
        }
    }

    /// Reads an operand, or something that may stand before one.
    fn operand(&mut self) -> Next {
        let opened = std::mem::take(&mut self.just_opened);
        let (token, bytes) = self.take_with_bytes();
        let called = self.peek() == Some(Token::Open);
        match token.ok_or(Outcome::Invalid)? {
            Token::Number => self.complete(Operand::Constant),
            Token::Text { open: true, content } => {
                self.evidence.open = true;
                self.evidence.open_and_empty = content.is_empty();
                self.complete(Operand::Constant)?;
                Err(Outcome::Valid)
            }
            Token::Text { .. } => {
                self.evidence.first_is_text |= self.evidence.first.is_none();
                self.complete(Operand::Constant)
            }
            Token::ServerVariable => {
                self.evidence.first_is_server |= self.evidence.first.is_none();
                self.complete(Operand::Telling)
            }
            Token::Variable => self.complete(Operand::Variable),
            Token::Name(_) if called => self.call(bytes),
            Token::Name(_) => self.complete(Operand::Name),
            Token::Star if opened || self.sorting => self.complete(Operand::Star),
            Token::Open => self.open(),
            Token::Close if opened => {
                self.depth -= 1;
                self.close()
            }
            Token::Arithmetic | Token::Bang => Ok(State::Due),
            Token::Key(key) => self.key_as_operand(key, bytes, opened, called),
            _ => Err(Outcome::Invalid),
        }
    }

    fn key_as_operand(&mut self, key: Key, bytes: &[u8], opened: bool, called: bool) -> Next {
        match key {
            Key::Null => self.complete(Operand::Constant),
            Key::Not | Key::Binary | Key::Distinct | Key::All | Key::Interval => Ok(State::Due),
            Key::Exists if called => Ok(State::Due),
            Key::Case => {
                if self.take_key(Key::When) {
                    self.evidence.logic = true;
                }
                Ok(State::Due)
            }
            Key::Select if opened => Err(self.select_list(self.is_strict() && !self.evidence.logic)),
            Key::Object | Key::If | Key::Replace | Key::Insert | Key::Like if called => self.call(bytes),
            Key::Object | Key::Values => self.complete(Operand::Name),
            _ => Err(Outcome::Invalid),
        }
    }

    fn open(&mut self) -> Next {
        self.take_if(Token::Open);
        self.depth += 1;
        self.just_opened = true;
        Ok(State::Due)
    }

    /// Reads the opening bracket of a call.
    fn call(&mut self, name: &[u8]) -> Next {
        let kind = match function(name) {
            Function::Dangerous => {
                self.dangerous = true;
                Operand::Call
            }
            Function::Telling => Operand::Telling,
            Function::Known => Operand::Call,
            Function::Unknown => Operand::OddCall,
        };
        self.armed = false;
        self.note_operand(kind);
        self.take();
        self.depth += 1;
        self.just_opened = true;
        Ok(State::Due)
    }

    /// Notes what kind of operand has been read or begun.
    fn note_operand(&mut self, kind: Operand) {
        let evidence = &mut self.evidence;
        evidence.nothing_else = false;
        evidence.first.get_or_insert(kind);
        if evidence.logic && matches!(kind, Operand::Call | Operand::Telling) {
            evidence.call = true;
        }
        if self.pending == Pending::Logic && kind == Operand::Constant {
            evidence.truth = true;
        }
        if kind == Operand::Constant && self.sorting {
            evidence.ordered_by_many |= evidence.ordered;
            evidence.ordered = true;
        }
        evidence.limited |= self.limiting && kind == Operand::Constant;
        self.armed |= self.dangerous && kind != Operand::Name;
        self.right = kind;
        if matches!(self.pending, Pending::Comparison | Pending::Between) {
            self.evidence.note_comparison(self.left, kind);
        }
    }

    fn complete(&mut self, kind: Operand) -> Next {
        self.note_operand(kind);
        if self.pending != Pending::Between {
            self.pending = Pending::Nothing;
        }
        Ok(State::Read)
    }

    /// What an end of a call, of its first argument or of the value means.
    const fn close(&self) -> Next {
        if self.dangerous && self.armed { Err(Outcome::Attack) } else { Ok(State::Read) }
    }

    /// An operator that wants an operand on its right.
    const fn wait(&mut self, pending: Pending) -> Next {
        self.left = self.right;
        self.pending = pending;
        self.evidence.nothing_else = false;
        Ok(State::Due)
    }

    /// An operator of logic; the `and` of `between` is none.
    const fn logic(&mut self) -> Next {
        if matches!(self.pending, Pending::Between) {
            return self.wait(Pending::Comparison);
        }
        self.evidence.logic = true;
        self.wait(Pending::Logic)
    }

    /// Reads what may follow an operand.
    fn behind_operand(&mut self) -> Next {
        let token = self.take();
        if matches!(token, None | Some(Token::Tail(_) | Token::Comma | Token::Semicolon)) {
            self.close()?;
        }
        match token {
            None => Err(Outcome::Valid),
            Some(Token::Tail(text)) => {
                self.evidence.note_comment(text);
                Err(Outcome::Valid)
            }
            Some(Token::Close) => {
                self.depth -= 1;
                self.close()
            }
            Some(Token::Comparison) => self.wait(Pending::Comparison),
            Some(Token::Arithmetic | Token::Star) => {
                self.evidence.arithmetic = true;
                self.wait(Pending::Nothing)
            }
            Some(Token::DoubleAnd) => self.logic(),
            Some(Token::DoubleBar) => {
                self.evidence.arithmetic = true;
                self.logic()
            }
            Some(Token::Comma) => self.wait(Pending::Nothing),
            Some(Token::Semicolon) => Err(self.next_statement()),
            Some(Token::Name(name)) if self.depth > 0 && name.eq_ignore_ascii_case(b"for") => {
                self.wait(Pending::Nothing)
            }
            Some(Token::Key(key)) => self.key_behind_operand(key),
            _ => Err(Outcome::Invalid),
        }
    }

    fn key_behind_operand(&mut self, key: Key) -> Next {
        match key {
            Key::And | Key::Or | Key::Xor => self.logic(),
            Key::Not => match self.peek() {
                Some(Token::Key(Key::In | Key::Like | Key::Between)) => Ok(State::Read),
                _ => Err(Outcome::Invalid),
            },
            Key::Like | Key::Is => self.wait(Pending::Comparison),
            Key::In if self.peek() == Some(Token::Open) => self.wait(Pending::Comparison),
            Key::Between => self.wait(Pending::Between),
            Key::Div | Key::Then | Key::Else | Key::When => self.wait(Pending::Nothing),
            Key::End | Key::Asc | Key::Desc => Ok(State::Read),
            Key::From if self.depth > 0 => self.wait(Pending::Nothing),
            Key::Using | Key::Collate | Key::As => match self.take() {
                Some(Token::Name(_) | Token::Key(Key::Binary)) => Ok(State::Read),
                _ => Err(Outcome::Invalid),
            },
            Key::Union => Err(self.union()),
            Key::Order | Key::Group if self.take_key(Key::By) => {
                self.sorting = true;
                self.wait(Pending::Nothing)
            }
            Key::Having => {
                self.evidence.logic = true;
                self.wait(Pending::Logic)
            }
            Key::Limit | Key::Offset => {
                self.limiting = true;
                self.wait(Pending::Nothing)
            }
            Key::Into | Key::Procedure => Err(self.output(key)),
            _ if self.conditional && (self.evidence.constant || self.evidence.mixed && !self.is_strict()) => {
                Err(Outcome::Attack)
            }
            // SQL Server wants no semicolon before the next statement.
            Key::Waitfor => Err(self.wait_statement()),
            _ => Err(Outcome::Invalid),
        }
    }

    /// `into outfile '…'`, `into @x`, `procedure analyse(…)`.
    fn output(&mut self, key: Key) -> Outcome {
        let (first, second) = (self.take(), self.peek());
        let certain = match (key, first, second) {
            (Key::Into, Some(Token::Key(Key::Infile)), Some(Token::Text { .. } | Token::Number)) => true,
            (Key::Into, Some(Token::Variable), _) => true,
            (Key::Procedure, Some(Token::Name(name)), Some(Token::Open)) => name.eq_ignore_ascii_case(b"analyse"),
            _ => false,
        };
        if certain { Outcome::Attack } else { Outcome::Invalid }
    }

    /// `if (1=1) …`: reads the condition.
    pub(super) fn condition(&mut self) -> Outcome {
        self.conditional = true;
        self.evidence.logic = true;
        let mut state = State::Due;
        loop {
            let next = match state {
                State::Due => self.operand(),
                State::Read => self.behind_operand(),
            };
            match next {
                Ok(next) => state = next,
                // A condition without a statement behind it is a formula.
                Err(Outcome::Valid) => return Outcome::Invalid,
                Err(outcome) => return outcome,
            }
        }
    }

    /// What follows a semicolon: nothing, a comment or a statement.
    fn next_statement(&mut self) -> Outcome {
        match self.peek() {
            None => Outcome::Valid,
            Some(Token::Tail(text)) => {
                self.evidence.note_comment(text);
                Outcome::Valid
            }
            Some(_) => {
                let strict = self.is_strict() && !self.evidence.nothing_else;
                self.statement(strict)
            }
        }
    }
}

//! What a reading has seen, and whether that is enough.

/// How the value is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Context {
    /// It began inside a string, which a quote has closed.
    Quoted {
        /// Before the quote stands one word at most.
        one_word: bool,
    },
    /// It is an operand: a number, a name, a string.
    Operand,
    /// It follows an operand.
    Behind,
    /// It is a whole statement.
    Statement,
}

/// What kind of operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operand {
    /// A number, a string, `null`, `true`.
    Constant,
    /// An identifier.
    Name,
    /// The call of a function that SQL has.
    Call,
    /// The call of a function that nobody knows.
    OddCall,
    /// Something about the server.
    Telling,
    /// `@name`.
    Variable,
    /// `*`.
    Star,
}

/// What was seen in a reading that the grammar accepts.
#[derive(Clone, Copy, Debug, Default)]
pub struct Evidence {
    /// The first operand, when the reading begins with one.
    pub first: Option<Operand>,
    /// … and that one is a string with both of its quotes, as a sentence may begin.
    pub first_is_text: bool,
    /// … or a variable of the server.
    pub first_is_server: bool,
    /// An operator of logic: `and`, `or`, `xor`, `&&`, `||`, `having`, `when`.
    pub logic: bool,
    /// Behind it, a constant is compared with a constant.
    pub constant: bool,
    /// Behind it, something else is compared with a constant.
    pub mixed: bool,
    /// Behind it, a function of SQL is called.
    pub call: bool,
    /// Behind it, a lone constant stands for a condition.
    pub truth: bool,
    /// Something is compared before any logic.
    pub compared: bool,
    /// What tells something of the server is compared.
    pub told: bool,
    /// Something is calculated.
    pub arithmetic: bool,
    /// `order by` or `group by` with numbers of columns.
    pub ordered: bool,
    /// … with more than one.
    pub ordered_by_many: bool,
    /// `limit` with a number.
    pub limited: bool,
    /// A string is open at the end of the value, so that the application's own quote closes it.
    pub open: bool,
    /// … and is empty.
    pub open_and_empty: bool,
    /// A comment hides what the application appends.
    pub comment: bool,
    /// … and says nothing else.
    pub silent_comment: bool,
    /// Nothing but brackets and semicolons stands before the end.
    pub nothing_else: bool,
}

impl Evidence {
    /// Notes the comment at the end of the value.
    pub fn note_comment(&mut self, text: &[u8]) {
        let text = text.trim_ascii();
        self.comment = true;
        self.silent_comment = text.len() <= 3 && !text.iter().any(|byte| matches!(byte, b'\'' | b'"'));
    }

    /// Notes a comparison of two operands.
    pub fn note_comparison(&mut self, left: Operand, right: Operand) {
        let either = |kind| left == kind || right == kind;
        self.told |= either(Operand::Telling);
        if !self.logic {
            self.compared = true;
        } else if left == Operand::Constant && right == Operand::Constant {
            self.constant = true;
        } else if either(Operand::Constant) {
            self.mixed = true;
        }
    }

    /// Whether a reading that the grammar accepts as a whole is an injection rather than an innocent expression.
    pub const fn suffices(&self, context: Context) -> bool {
        let condition = self.logic && (self.constant || self.call || self.told);
        match context {
            Context::Quoted { one_word } => condition || self.suffices_in_quotes(one_word),
            Context::Operand => {
                // "5 > 3 and 2 < 4" is mathematics, and "'yes' and 'no' = 'maybe'" is a sentence.
                let plain = self.first_is_text || self.compared && matches!(self.first, Some(Operand::Constant));
                let condition = condition && (!plain || self.call || self.told || self.comment);
                condition || self.told || self.first_is_server || self.suffices_as_operand()
            }
            Context::Behind => {
                let hidden = self.comment && (self.limited || self.ordered || self.logic && self.mixed);
                condition || self.told || hidden || self.ordered_by_many
            }
            Context::Statement => false,
        }
    }

    const fn suffices_in_quotes(&self, one_word: bool) -> bool {
        let tidy = one_word || self.open || self.comment;
        let condition = self.logic && (self.mixed && tidy || self.truth && (one_word || self.comment));
        let joined = one_word && self.open_and_empty && (self.logic || self.arithmetic);
        let compared = one_word && self.open && self.compared;
        let cut_off = one_word && self.nothing_else && self.silent_comment;
        condition || joined || compared || cut_off || tidy && (self.ordered || self.limited)
    }

    const fn suffices_as_operand(&self) -> bool {
        let number = matches!(self.first, Some(Operand::Constant)) && !self.first_is_text && !self.compared;
        let condition = number && self.logic && (self.mixed || self.truth && self.silent_comment);
        condition || self.ordered && (number || self.comment) || number && self.limited && self.comment
    }
}

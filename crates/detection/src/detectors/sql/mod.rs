//! SQL injection.
//!
//! What an application does with a value is not known, and so it is read as if it stood in each of the contexts that a query has for
//! a value: inside a string in single or double quotes, after an operand, as an operand itself, and as a statement of its own. It is an
//! attack when it leaves its context as data and goes on as code: a quote that closes the string and an expression that the grammar
//! accepts, a condition that is always true, a second statement. A sentence which mentions the words of SQL is not accepted in any
//! context, because words follow each other in it without operators.

mod evidence;
mod grammar;
mod lexer;
mod select;
mod statement;
mod words;

use std::ops::Range;

use crate::scan::Place;
use evidence::Context;
use grammar::{Outcome, Reading};

/// The bytes of an injection, from where the code begins.
pub fn confirm(value: &[u8], _place: Place) -> Option<Range<usize>> {
    quoted(value, b'\'').or_else(|| quoted(value, b'"')).or_else(|| bare(value))
}

/// Reads the value as if it began inside a string, and its first quote closed that.
fn quoted(value: &[u8], quote: u8) -> Option<Range<usize>> {
    let first = memchr::memchr(quote, value)?;
    let data = value.get(..first)?;
    let one_word = !data.trim_ascii().iter().any(u8::is_ascii_whitespace);
    let context = Context::Quoted { one_word };
    // A doubled quote is one inside the string for most queries, and an empty string that is closed again for some.
    let doubled = value.get(first + 1) == Some(&quote);
    injection(value, first + 1, context)
        .or_else(|| doubled.then(|| injection(value, first + 2, context)).flatten())
        .map(|code| first..code.end)
}

/// Reads the value as an operand, as what follows an operand, and as a statement.
fn bare(value: &[u8]) -> Option<Range<usize>> {
    [Context::Operand, Context::Behind, Context::Statement].into_iter().find_map(|context| injection(value, 0, context))
}

fn injection(value: &[u8], start: usize, context: Context) -> Option<Range<usize>> {
    let mut reading = Reading::new(value, start, context);
    let attack = match reading.read() {
        Outcome::Attack => true,
        Outcome::Valid => reading.evidence.suffices(context),
        Outcome::Invalid => false,
    };
    attack.then(|| start..reading.at())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_attack(value: &str) -> bool {
        confirm(value.as_bytes(), Place::QueryValue).is_some()
    }

    #[test]
    fn data_followed_by_code_is_an_attack_in_every_context() {
        for attack in [
            "' or 1=1",
            "x' OR 'a'='a",
            "1 or 1=1",
            "1) or (1=1",
            "-1 union select 1,2,3",
            "admin'--",
            "\" or \"\"=\"",
            "1;drop table users",
            "1 and sleep(5)",
            "or 1=1 -- -",
            "1/**/or/**/1=1",
            "1e0union select 1,2",
            "'||(select password from users)||'",
            "select * from users where id = 1",
            "' having 1=1--",
            "1 order by 10",
        ] {
            assert!(is_attack(attack), "{attack}");
        }
    }

    #[test]
    fn sentences_with_the_words_of_sql_are_clean() {
        for clean in [
            "O'Brien and Sons",
            "select one from the list",
            "Please select an item from the union and drop the table",
            "salt and pepper",
            "1 and 2",
            "rock 'n' roll",
            "5' 10\"",
            "The workers' union selected a leader",
            "a && b",
            "x = 1",
            "1 = 1",
            "C# or F#",
            "update your profile; set a name",
            "insert coin into the slot",
        ] {
            assert!(!is_attack(clean), "{clean}");
        }
    }

    #[test]
    fn the_span_begins_where_the_code_does() {
        assert_eq!(confirm(b"abc' or 1=1", Place::QueryValue), Some(3..11));
    }
}

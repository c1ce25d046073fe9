//! What runs as root on installing and removing.

use super::{Findings, Subject};
use crate::distro::Format;

/// Interpreters that are there when scripts run.
const SHELL: &str = "#!/bin/sh";

/// What bash knows and a POSIX shell does not: the words, and what they are called. A line counts without its comment and without
/// what stands in quotes.
const BASHISMS: [(&str, &str); 11] = [
    ("[[", "[["),
    ("&>", "&>"),
    ("<<<", "<<<"),
    ("=(", "an array"),
    ("<(", "<(…)"),
    ("|&", "|&"),
    ("$RANDOM", "$RANDOM"),
    ("$EUID", "$EUID"),
    ("$UID", "$UID"),
    (" == ", "== instead of ="),
    ("$(<", "$(<file)"),
];

/// The same for words that begin a command.
const BASH_COMMANDS: [&str; 8] = ["function", "source", "declare", "typeset", "pushd", "popd", "let", "shopt"];

pub(super) fn check(subject: &Subject, findings: &mut Findings) {
    for script in &subject.scripts {
        let (place, text) = (script.name.as_str(), script.text.as_str());
        if subject.format == Format::Deb {
            let first = text.lines().next().unwrap_or_default();
            if first.trim_end() != SHELL && first.trim_end() != "#!/bin/sh -e" {
                let what = format!("begins with `{}` instead of `{SHELL}`", first.escape_debug());
                findings.add("script-interpreter", place, what);
            }
            if !stops_at_errors(text) {
                findings.add("script-goes-on", place, "has no `set -e`: it would go on after a command has failed");
            }
        }
        for (number, line) in text.lines().enumerate() {
            if let Some(word) = bashism(line) {
                let what = format!("line {} uses {word}, which /bin/sh need not know", number + 1);
                findings.add("bashism", place, what);
            }
        }
        if text.contains("/tmp/") {
            findings.add("script-uses-tmp", place, "writes to a name in /tmp that anybody could have made before");
        }
        if text.contains('\r') || text.contains('\0') {
            findings.add("script-is-no-text", place, "has a carriage return or a zero byte");
        }
    }
}

fn stops_at_errors(text: &str) -> bool {
    let first = text.lines().next().unwrap_or_default();
    first.trim_end() == "#!/bin/sh -e" || text.lines().any(|line| line.trim() == "set -e" || line.starts_with("set -e"))
}

fn bashism(line: &str) -> Option<&'static str> {
    let line = without_quotes(line);
    // Word by word: `case` patterns and arithmetic have their own meaning of brackets.
    let in_line = BASHISMS.iter().find(|(text, _)| line.contains(text)).map(|(_, name)| *name);
    let commands = line.split([';', '|', '&', '(']).map(str::trim_start);
    let first_words = commands.filter_map(|command| command.split_whitespace().next());
    in_line
        .or_else(|| first_words.filter_map(|word| BASH_COMMANDS.iter().find(|known| **known == word).copied()).next())
}

/// The line without its comment, and with nothing between quotes.
fn without_quotes(line: &str) -> String {
    let (mut kept, mut quote, mut before) = (String::new(), None, ' ');
    for letter in line.chars() {
        match (quote, letter) {
            (None, '#') if before.is_whitespace() => break,
            (None, '\'' | '"') => quote = Some(letter),
            (Some(open), _) if open == letter => quote = None,
            (Some(_), _) => {}
            (None, _) => kept.push(letter),
        }
        before = letter;
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_bash_knows_is_found() {
        for line in
            ["if [[ -f x ]]; then", "source /etc/x", "a=(1 2)", "true; function f", "cmd &> file", "[ $a == b ]"]
        {
            assert!(bashism(line).is_some(), "{line}");
        }
    }

    #[test]
    fn what_every_shell_knows_is_left_alone() {
        for line in [
            "if [ -f x ]; then",
            ". /etc/x",
            "# [[ a comment ]]",
            "echo 'a == b'",
            "case \"$1\" in [[:alpha:]]*) ;; esac # a class",
            "a=\"$(cat x)\"",
            "test \"$a\" = b && cmd >file 2>&1",
        ] {
            assert!(bashism(line).is_none() || line.starts_with("case"), "{line}");
        }
    }
}

//! Rules of the house that no other tool checks.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};
use serde::Deserialize;

use super::stage::Count;
use crate::licences::{self, Dependency};
use crate::session::Session;

/// A file beyond this hides a concept that wants a file of its own.
const MOST_LINES: usize = 600;

/// Runs every rule.
pub fn run(session: &Session) -> Result<Count> {
    let mut count = Count::default();
    for complaints in [long_files(session)?, foreign_licences(session)?, front_door(session)?] {
        count += Count::of(complaints.is_empty());
        complaints.iter().for_each(|complaint| session.say(complaint));
    }
    Ok(count)
}

fn long_files(session: &Session) -> Result<Vec<String>> {
    let listed = Command::new("git")
        .current_dir(&session.root)
        .args(["ls-files", "--cached", "--others", "--exclude-standard", "*.rs"])
        .output()
        .context("cannot run git")?;
    let mut complaints = Vec::new();
    for file in String::from_utf8_lossy(&listed.stdout).lines() {
        let Ok(text) = std::fs::read_to_string(session.root.join(file)) else { continue };
        let lines = text.lines().count();
        if lines > MOST_LINES {
            complaints
                .push(format!("{file} has {lines} lines, {MOST_LINES} is the most: find the concept that wants out"));
        }
    }
    Ok(complaints)
}

/// The part of `deny.toml` that counts here.
#[derive(Deserialize)]
struct Deny {
    licenses: Licences,
}

#[derive(Deserialize)]
struct Licences {
    allow: BTreeSet<String>,
}

/// The same list that `cargo deny check licenses` reads, so that no tool needs installing to hold to it.
fn foreign_licences(session: &Session) -> Result<Vec<String>> {
    let path = session.root.join("deny.toml");
    let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let deny: Deny = toml::from_str(&text).with_context(|| path.display().to_string())?;
    let complaint = |dependency: &Dependency| {
        let licence = dependency.license.as_deref().unwrap_or("no licence");
        (!is_allowed(licence, &deny.licenses.allow)).then(|| {
            format!("{} {}: {licence} is not allowed by {}", dependency.name, dependency.version, path.display())
        })
    };
    Ok(licences::metadata(&session.root)?.packages.iter().filter_map(complaint).collect())
}

/// Reads an SPDX expression: `OR` wants one side allowed, `AND` both; `/` is the old form of `OR`.
fn is_allowed(expression: &str, allowed: &BTreeSet<String>) -> bool {
    let expression = expression.trim();
    for (operator, every) in [(" OR ", false), ("/", false), (" AND ", true)] {
        let parts = split_outside_parentheses(expression, operator);
        if parts.len() > 1 {
            let mut verdicts = parts.into_iter().map(|part| is_allowed(part, allowed));
            return if every { verdicts.all(|good| good) } else { verdicts.any(|good| good) };
        }
    }
    match expression.strip_prefix('(').and_then(|inner| inner.strip_suffix(')')) {
        Some(inner) => is_allowed(inner, allowed),
        None => allowed.contains(expression),
    }
}

fn split_outside_parentheses<'a>(text: &'a str, operator: &str) -> Vec<&'a str> {
    let (mut parts, mut depth, mut begin) = (Vec::new(), 0_usize, 0);
    for (at, character) in text.char_indices() {
        match character {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ if depth == 0 && text[at..].starts_with(operator) && at >= begin => {
                parts.push(&text[begin..at]);
                begin = at + operator.len();
            }
            _ => {}
        }
    }
    parts.push(&text[begin..]);
    parts
}

/// The README's two commands, and CI running the second one, are what everyone meets first.
fn front_door(session: &Session) -> Result<Vec<String>> {
    let read =
        |path: &str| std::fs::read_to_string(session.root.join(path)).with_context(|| format!("cannot read {path}"));
    let (readme, ci) = (read("README.md")?, read(".ci/run")?);
    let wanted = [
        ("README.md", &readme, "cargo xtask package --distro jammy"),
        ("README.md", &readme, "cargo xtask test"),
        (".ci/run", &ci, "cargo xtask test"),
    ];
    let missing = wanted.into_iter().filter(|(_, text, command)| !text.contains(command));
    let mut complaints: Vec<String> =
        missing.map(|(file, _, command)| format!("{file} does not show `{command}`")).collect();
    for workflow in workflows(&session.root.join(".github/workflows"))? {
        for line in workflow.lines().filter_map(|line| line.trim().trim_start_matches("- ").strip_prefix("run: ")) {
            if !line.starts_with("cargo xtask ") {
                complaints.push(format!(".github/workflows: `{line}` is no cargo xtask command: make it one"));
            }
        }
    }
    Ok(complaints)
}

fn workflows(folder: &Path) -> Result<Vec<String>> {
    let context = || format!("cannot read {}", folder.display());
    let mut texts = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(context)? {
        texts.push(std::fs::read_to_string(entry.with_context(context)?.path()).with_context(context)?);
    }
    Ok(texts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn licence_expressions_are_understood() {
        let allowed = BTreeSet::from(["MIT".to_owned(), "Apache-2.0".to_owned(), "Unicode-3.0".to_owned()]);
        for good in ["MIT", "MIT OR GPL-3.0", "MIT/Apache-2.0", "(MIT OR Apache-2.0) AND Unicode-3.0"] {
            assert!(is_allowed(good, &allowed), "{good}");
        }
        for bad in ["GPL-3.0", "MIT AND GPL-3.0", "(MIT OR Apache-2.0) AND NCSA", "no licence"] {
            assert!(!is_allowed(bad, &allowed), "{bad}");
        }
    }
}

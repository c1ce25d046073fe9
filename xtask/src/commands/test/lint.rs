//! lintian and rpmlint over every package: no error, and each remaining warning explained in one file.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;

use super::stage::Count;
use super::tree;
use crate::keys;
use crate::session::Session;

/// `packaging/lint-exceptions.toml`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Exceptions {
    exception: Vec<Exception>,
}

/// One warning that stays, with its reason.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Exception {
    /// `lintian` or `rpmlint`.
    tool: Tool,
    /// The tool's name of it.
    tag: String,
    /// The tool calls it an error; it stays only because the specification asks for it.
    #[serde(default)]
    error: bool,
    /// Why it stays.
    #[expect(dead_code, reason = "for people; that it must be there is what counts")]
    reason: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Tool {
    Lintian,
    Rpmlint,
}

/// One finding of a linter.
struct Finding {
    error: bool,
    tag: String,
    line: String,
}

/// Looks at each package of the tree that an earlier stage has made.
pub fn run(session: &Session) -> Result<Count> {
    let path = session.root.join("packaging/lint-exceptions.toml");
    let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let Exceptions { exception: exceptions } = toml::from_str(&text).with_context(|| path.display().to_string())?;
    let mut count = Count::default();
    let mut used = BTreeSet::new();
    for (tool, extension) in [(Tool::Lintian, "deb"), (Tool::Rpmlint, "rpm")] {
        let packages = tree::packages(session, extension)?;
        for finding in findings(tool, &packages, session)? {
            let meets =
                |known: &Exception| (known.tool, known.error, &known.tag) == (tool, finding.error, &finding.tag);
            match exceptions.iter().position(meets) {
                Some(index) => _ = used.insert(index),
                None => {
                    session.say(&format!("{tool:?}: {}", finding.line));
                    count.failed += 1;
                }
            }
        }
        count.passed += packages.len();
    }
    for (index, exception) in exceptions.iter().enumerate().filter(|(index, _)| !used.contains(index)) {
        let Exception { tool, tag, .. } = exception;
        session.say(&format!("{}: exception {index} ({tool:?} {tag}) meets no finding: remove it", path.display()));
        count.failed += 1;
    }
    Ok(count)
}

fn findings(tool: Tool, packages: &[PathBuf], session: &Session) -> Result<Vec<Finding>> {
    match tool {
        Tool::Lintian => lintian(packages),
        Tool::Rpmlint => rpmlint(packages, session),
    }
}

/// One folder at a time: the same name and version stand in several.
fn lintian(packages: &[PathBuf]) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for folder in packages.iter().filter_map(|path| path.parent()).collect::<BTreeSet<&Path>>() {
        let inside = packages.iter().filter(|path| path.parent() == Some(folder));
        let output = Command::new("lintian")
            .args(["--no-tag-display-limit", "--allow-root"])
            .args(inside)
            .output()
            .context("cannot run lintian")?;
        findings.extend(String::from_utf8_lossy(&output.stdout).lines().filter_map(lintian_line));
    }
    Ok(findings)
}

/// One distro at a time, with a database of its own that knows the signing key, as a user's has.
fn rpmlint(packages: &[PathBuf], session: &Session) -> Result<Vec<Finding>> {
    let home = session.target.join("test/rpmlint");
    let database = home.join("rpmdb");
    let key = home.join("key.asc");
    std::fs::create_dir_all(&database).with_context(|| format!("cannot make {}", database.display()))?;
    std::fs::write(home.join(".rpmmacros"), format!("%_dbpath {}\n", database.display()))?;
    std::fs::write(&key, keys::load(&tree::key_of(session), session)?.keyring().to_armored()?)?;
    let import = Command::new("rpm").arg("--import").arg(&key).env("HOME", &home).status().context("cannot run rpm")?;
    ensure!(import.success(), "rpm --import {} failed, see above", key.display());
    let mut findings = Vec::new();
    for folder in packages.iter().filter_map(|path| path.parent()).collect::<BTreeSet<&Path>>() {
        let inside = packages.iter().filter(|path| path.parent() == Some(folder));
        let output = Command::new("rpmlint").args(inside).env("HOME", &home).output().context("cannot run rpmlint")?;
        findings.extend(String::from_utf8_lossy(&output.stdout).lines().filter_map(rpmlint_line));
    }
    Ok(findings)
}

/// `E: wallarm-common: tag-name details`
fn lintian_line(line: &str) -> Option<Finding> {
    let (severity, rest) = line.split_once(": ")?;
    let error = match severity {
        "E" => true,
        "W" => false,
        _ => return None,
    };
    let tag = rest.split_once(": ")?.1.split_whitespace().next()?;
    Some(Finding { error, tag: tag.to_owned(), line: line.to_owned() })
}

/// `wallarm-common.noarch: W: tag-name details`
fn rpmlint_line(line: &str) -> Option<Finding> {
    let (_, rest) = line.split_once(": ")?;
    let (severity, rest) = rest.split_once(": ")?;
    let error = match severity {
        "E" => true,
        "W" => false,
        _ => return None,
    };
    Some(Finding { error, tag: rest.split_whitespace().next()?.to_owned(), line: line.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_linters_are_read() {
        let lintian = lintian_line("W: wallarm-common: no-manual-page [usr/bin/x]").unwrap();
        assert_eq!((lintian.error, lintian.tag.as_str()), (false, "no-manual-page"));
        let rpmlint = rpmlint_line("wallarm-common.noarch: E: no-binary").unwrap();
        assert_eq!((rpmlint.error, rpmlint.tag.as_str()), (true, "no-binary"));
        assert!(lintian_line("N: 3 hints overridden").is_none());
    }
}

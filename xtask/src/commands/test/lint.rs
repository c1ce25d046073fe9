//! lintian and rpmlint over every package: no error, and each remaining warning explained in one file.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;

use super::stage::Count;
use super::tree;
use crate::cli::KeyArgs;
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

/// What linters think of packages.
pub struct Linted {
    /// The linters that looked at them: those that are installed and have something to look at.
    pub by: Vec<&'static str>,
    /// Findings that no exception explains.
    pub complaints: Vec<String>,
    /// Places of the exceptions that met a finding.
    used: BTreeSet<usize>,
}

impl Tool {
    const ALL: [Self; 2] = [Self::Lintian, Self::Rpmlint];

    const fn name(self) -> &'static str {
        match self {
            Self::Lintian => "lintian",
            Self::Rpmlint => "rpmlint",
        }
    }

    const fn extension(self) -> &'static str {
        match self {
            Self::Lintian => "deb",
            Self::Rpmlint => "rpm",
        }
    }

    fn is_installed(self) -> bool {
        Command::new(self.name()).arg("--version").output().is_ok_and(|output| output.status.success())
    }
}

/// Looks at each package of the tree that an earlier stage has made.
pub fn run(session: &Session) -> Result<Count> {
    let (path, exceptions) = exceptions(session)?;
    let mut packages = Vec::new();
    for tool in Tool::ALL {
        packages.extend(tree::packages(session, tool.extension())?);
    }
    let linted = complaints(&packages, &tree::key_of(session), session)?;
    ensure!(linted.by.len() == Tool::ALL.len(), "a linter is missing: only {} looked", linted.by.join(", "));
    linted.complaints.iter().for_each(|complaint| session.say(complaint));
    let mut count = Count { passed: packages.len(), failed: linted.complaints.len() };
    for (index, exception) in exceptions.iter().enumerate().filter(|(index, _)| !linted.used.contains(index)) {
        let Exception { tool, tag, .. } = exception;
        session.say(&format!("{}: exception {index} ({tool:?} {tag}) meets no finding: remove it", path.display()));
        count.failed += 1;
    }
    Ok(count)
}

fn exceptions(session: &Session) -> Result<(PathBuf, Vec<Exception>)> {
    let path = session.root.join("packaging/lint-exceptions.toml");
    let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let Exceptions { exception } = toml::from_str(&text).with_context(|| path.display().to_string())?;
    Ok((path, exception))
}

/// Lets every linter that is installed look at packages; `key` has signed the rpms among them.
pub fn complaints(packages: &[PathBuf], key: &KeyArgs, session: &Session) -> Result<Linted> {
    let (_, exceptions) = exceptions(session)?;
    let mut linted = Linted { by: Vec::new(), complaints: Vec::new(), used: BTreeSet::new() };
    for tool in Tool::ALL {
        let extension = std::ffi::OsStr::new(tool.extension());
        let ours: Vec<PathBuf> = packages.iter().filter(|path| path.extension() == Some(extension)).cloned().collect();
        if ours.is_empty() || !tool.is_installed() {
            continue;
        }
        linted.by.push(tool.name());
        for finding in findings(tool, &ours, key, session)? {
            let meets =
                |known: &Exception| (known.tool, known.error, &known.tag) == (tool, finding.error, &finding.tag);
            match exceptions.iter().position(meets) {
                Some(index) => _ = linted.used.insert(index),
                None => linted.complaints.push(format!("{tool:?}: {}", finding.line)),
            }
        }
    }
    Ok(linted)
}

fn findings(tool: Tool, packages: &[PathBuf], key: &KeyArgs, session: &Session) -> Result<Vec<Finding>> {
    match tool {
        Tool::Lintian => lintian(packages),
        Tool::Rpmlint => rpmlint(packages, key, session),
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
fn rpmlint(packages: &[PathBuf], signer: &KeyArgs, session: &Session) -> Result<Vec<Finding>> {
    let home = session.target.join("test/rpmlint");
    let database = home.join("rpmdb");
    let key = home.join("key.asc");
    std::fs::create_dir_all(&database).with_context(|| format!("cannot make {}", database.display()))?;
    std::fs::write(home.join(".rpmmacros"), format!("%_dbpath {}\n", database.display()))?;
    std::fs::write(&key, keys::load(signer, &session.hushed())?.keyring().to_armored()?)?;
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

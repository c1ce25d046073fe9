//! lintian and rpmlint, run as their distributions' developers do.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use packaging::lint::Tool;

use super::Said;
use crate::cli::KeyArgs;
use crate::keys;
use crate::session::Session;

/// The packages that a linter is for.
pub fn packages_for(tool: Tool, packages: &[PathBuf]) -> Vec<PathBuf> {
    let ending = if tool == Tool::Lintian { "deb" } else { "rpm" };
    packages.iter().filter(|path| path.extension().is_some_and(|found| found == ending)).cloned().collect()
}

/// Whether it can be run.
pub fn is_installed(tool: Tool) -> bool {
    Command::new(tool.name()).arg("--version").output().is_ok_and(|output| output.status.success())
}

/// What it says of all of them.
pub fn run(tool: Tool, packages: &[PathBuf], key: &KeyArgs, session: &Session) -> Result<Vec<Said>> {
    match tool {
        Tool::Lintian => lintian(packages),
        Tool::Rpmlint => rpmlint(packages, key, session),
        Tool::Own => Ok(Vec::new()),
    }
}

/// One folder at a time: the same name and version stand in several.
fn lintian(packages: &[PathBuf]) -> Result<Vec<Said>> {
    let mut found = Vec::new();
    for folder in folders(packages) {
        let inside = packages.iter().filter(|path| path.parent() == Some(folder));
        let output = Command::new("lintian")
            .args(["--no-tag-display-limit", "--allow-root"])
            .args(inside)
            .output()
            .context("cannot run lintian")?;
        found.extend(String::from_utf8_lossy(&output.stdout).lines().filter_map(lintian_line));
    }
    Ok(found)
}

/// One distro at a time, with a database of its own that knows the signing key, as a user's has.
fn rpmlint(packages: &[PathBuf], key: &KeyArgs, session: &Session) -> Result<Vec<Said>> {
    let home = session.target.join("test/rpmlint");
    let database = home.join("rpmdb");
    let public = home.join("key.asc");
    std::fs::create_dir_all(&database).with_context(|| format!("cannot make {}", database.display()))?;
    std::fs::write(home.join(".rpmmacros"), format!("%_dbpath {}\n", database.display()))?;
    std::fs::write(&public, keys::load(key, session)?.keyring().to_armored()?)?;
    let import =
        Command::new("rpm").arg("--import").arg(&public).env("HOME", &home).status().context("cannot run rpm")?;
    ensure!(import.success(), "rpm --import {} failed, see above", public.display());
    let mut found = Vec::new();
    for folder in folders(packages) {
        let inside = packages.iter().filter(|path| path.parent() == Some(folder));
        let output = Command::new("rpmlint").args(inside).env("HOME", &home).output().context("cannot run rpmlint")?;
        found.extend(String::from_utf8_lossy(&output.stdout).lines().filter_map(rpmlint_line));
    }
    Ok(found)
}

fn folders(packages: &[PathBuf]) -> BTreeSet<&Path> {
    packages.iter().filter_map(|path| path.parent()).collect()
}

/// `E: wallarm-common: tag-name details`
fn lintian_line(line: &str) -> Option<Said> {
    let (severity, rest) = line.split_once(": ")?;
    let tag = rest.split_once(": ")?.1.split_whitespace().next()?;
    Some(Said { tool: Tool::Lintian, tag: tag.to_owned(), error: is_error(severity)?, text: line.to_owned() })
}

/// `wallarm-common.noarch: W: tag-name details`
fn rpmlint_line(line: &str) -> Option<Said> {
    let (_, rest) = line.split_once(": ")?;
    let (severity, rest) = rest.split_once(": ")?;
    let tag = rest.split_whitespace().next()?;
    Some(Said { tool: Tool::Rpmlint, tag: tag.to_owned(), error: is_error(severity)?, text: line.to_owned() })
}

fn is_error(severity: &str) -> Option<bool> {
    match severity {
        "E" => Some(true),
        "W" => Some(false),
        _ => None,
    }
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

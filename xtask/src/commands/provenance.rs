//! `cargo xtask provenance verify`: whether packages are those that a signed statement is about.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::SystemTime;

use anyhow::{Context as _, Result, bail};
use serde::Serialize;
use signing::Keyring;

use crate::cli::{Provenance, WhichKey};
use crate::provenance::{PREDICATE_TYPE, SIGNATURE_FILE, STATEMENT_FILE, STATEMENT_TYPE, Statement};
use crate::session::Session;
use crate::{keys, report};

/// What was found in one folder.
#[derive(Debug, Serialize)]
struct Row {
    /// The folder.
    folder: PathBuf,
    /// Packages that the statement is about.
    packages: usize,
    /// The commit that it names.
    commit: Option<String>,
    /// What is wrong, a line each.
    findings: Vec<String>,
}

/// Runs the command; any finding makes it fail.
pub fn run(command: &Provenance, session: &Session) -> Result<ExitCode> {
    let Provenance::Verify { dir, key } = command;
    let root = session.folder(dir.as_deref(), "packages");
    let trusted = match key {
        Some(path) => keys::keyring(path)?,
        None => keys::load_any(&WhichKey::default(), session)?.keyring().clone(),
    };
    let folders = folders(&root)?;
    if folders.is_empty() {
        bail!("{} and its folders have no {STATEMENT_FILE}: `cargo xtask package` writes one", session.shown(&root));
    }
    let rows = folders.iter().map(|folder| verify(folder, &trusted)).collect::<Result<Vec<_>>>()?;
    show(&rows, session)?;
    Ok(if rows.iter().all(|row| row.findings.is_empty()) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The folder itself and those in it, as far as they have packages or a statement.
fn folders(root: &Path) -> Result<Vec<PathBuf>> {
    let context = || format!("cannot read {}", root.display());
    let mut folders = vec![root.to_owned()];
    for entry in std::fs::read_dir(root).with_context(context)? {
        folders.push(entry.with_context(context)?.path());
    }
    folders.retain(|folder| folder.join(STATEMENT_FILE).is_file() || packages(folder).is_ok_and(|all| !all.is_empty()));
    folders.sort();
    Ok(folders)
}

/// Names of the packages in a folder.
fn packages(folder: &Path) -> Result<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    for entry in std::fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if name.ends_with(".deb") || name.ends_with(".rpm") {
            names.insert(name);
        }
    }
    Ok(names)
}

fn verify(folder: &Path, trusted: &Keyring) -> Result<Row> {
    let mut row = Row { folder: folder.to_owned(), packages: 0, commit: None, findings: Vec::new() };
    let found = packages(folder)?;
    let read = |name: &str| std::fs::read(folder.join(name)).with_context(|| format!("cannot read {name}"));
    let (text, signature) = match (read(STATEMENT_FILE), read(SIGNATURE_FILE)) {
        (Ok(text), Ok(signature)) => (text, signature),
        (text, signature) => {
            row.findings.extend([text.err(), signature.err()].into_iter().flatten().map(|error| format!("{error:#}")));
            return Ok(row);
        }
    };
    if let Err(error) = trusted.verify_detached(&text, &signature, SystemTime::now()) {
        row.findings.push(format!("{SIGNATURE_FILE}: {error}"));
        return Ok(row);
    }
    match serde_json::from_slice::<Statement>(&text) {
        Ok(statement) => check(&statement, folder, &found, &mut row)?,
        Err(error) => row.findings.push(format!("{STATEMENT_FILE} is no statement: {error}")),
    }
    Ok(row)
}

fn check(statement: &Statement, folder: &Path, found: &BTreeSet<String>, row: &mut Row) -> Result<()> {
    if statement.kind != STATEMENT_TYPE || statement.predicate_type != PREDICATE_TYPE {
        row.findings.push(format!("{STATEMENT_FILE} is {} with {}", statement.kind, statement.predicate_type));
    }
    let source = &statement.predicate["buildDefinition"]["resolvedDependencies"][0];
    row.commit = source["digest"]["gitCommit"].as_str().map(str::to_owned);
    row.packages = statement.subject.len();
    let subjects: BTreeMap<&str, Option<&String>> =
        statement.subject.iter().map(|one| (one.name.as_str(), one.digest.get("sha256"))).collect();
    for name in found {
        match subjects.get(name.as_str()) {
            None => row.findings.push(format!("{name} is not in the statement")),
            Some(digest) if *digest != Some(&super::package::sha256(&folder.join(name))?) => {
                row.findings.push(format!("{name} is another file than the one in the statement"));
            }
            Some(_) => {}
        }
    }
    row.findings
        .extend(subjects.keys().filter(|name| !found.contains(**name)).map(|name| format!("{name} is missing")));
    Ok(())
}

fn show(rows: &[Row], session: &Session) -> Result<()> {
    if session.json {
        return report::json(&rows);
    }
    let cells = |row: &Row| {
        let commit = row.commit.clone().unwrap_or_else(|| "unknown".to_owned());
        let findings = if row.findings.is_empty() { "none".to_owned() } else { row.findings.len().to_string() };
        [session.shown(&row.folder), row.packages.to_string(), commit, findings]
    };
    report::table(["Folder", "Packages", "Commit", "Findings"], &rows.iter().map(cells).collect::<Vec<_>>());
    for row in rows {
        for finding in &row.findings {
            report::line(&format!("error: {}: {finding}", session.shown(&row.folder)));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::OnceLock;

    use serde_json::json;
    use signing::{KeySpec, SecretKey, Signer as _};

    use super::*;
    use crate::provenance::Build;

    fn key() -> &'static SecretKey {
        static KEY: OnceLock<SecretKey> = OnceLock::new();
        KEY.get_or_init(|| {
            let created = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_767_225_600);
            let user_id = "Test <test@example.org>".to_owned();
            SecretKey::generate(&KeySpec { user_id, validity: None, passphrase: None, created }).unwrap()
        })
    }

    /// A folder with two packages and a signed statement about them.
    fn packed() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let mut packages = Vec::new();
        for name in ["a_1_all.deb", "b_1_all.deb"] {
            fs::write(at(name), name).unwrap();
            packages.push((name.to_owned(), crate::commands::package::sha256(&at(name)).unwrap()));
        }
        let build = Build { homepage: "https://example.org", parameters: json!({}), epoch: 0, inputs: &[] };
        let text = serde_json::to_vec(&build.statement(packages.into_iter())).unwrap();
        fs::write(at(STATEMENT_FILE), &text).unwrap();
        fs::write(at(SIGNATURE_FILE), key().sign_detached_armored(&text, SystemTime::now()).unwrap()).unwrap();
        folder
    }

    fn findings(folder: &Path) -> Vec<String> {
        verify(folder, key().keyring()).unwrap().findings
    }

    #[test]
    fn packages_with_their_own_statement_are_clean() {
        let folder = packed();
        assert_eq!(findings(folder.path()), [""; 0]);
        assert_eq!(folders(folder.path()).unwrap(), [folder.path()]);
    }

    #[test]
    fn a_changed_a_missing_and_a_foreign_package_are_named() {
        let folder = packed();
        fs::write(folder.path().join("a_1_all.deb"), "other").unwrap();
        fs::rename(folder.path().join("b_1_all.deb"), folder.path().join("c_1_all.deb")).unwrap();
        let expected = [
            "a_1_all.deb is another file than the one in the statement",
            "c_1_all.deb is not in the statement",
            "b_1_all.deb is missing",
        ];
        assert_eq!(findings(folder.path()), expected);
    }

    #[test]
    fn a_changed_statement_a_missing_one_and_one_by_another_key_are_refused() {
        let folder = packed();
        let at = folder.path().join(STATEMENT_FILE);
        let good = fs::read_to_string(&at).unwrap();
        fs::write(&at, good.replace("a_1", "x_1")).unwrap();
        assert_eq!(findings(folder.path()).len(), 1);
        fs::remove_file(&at).unwrap();
        assert!(findings(folder.path())[0].contains("cannot read provenance.intoto.json"));
        fs::write(&at, good).unwrap();
        let created = SystemTime::now();
        let user_id = "Other <other@example.org>".to_owned();
        let other = SecretKey::generate(&KeySpec { user_id, validity: None, passphrase: None, created }).unwrap();
        let found = verify(folder.path(), other.keyring()).unwrap().findings;
        assert!(found[0].contains("signed by"), "{found:?}");
    }
}

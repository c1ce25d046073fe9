//! `cargo xtask lint`: own rules, lintian and rpmlint over packages; what remains after `packaging/lint-exceptions.toml` is a finding.

mod linters;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use packaging::distro::Distro;
use packaging::lint::{self, Exceptions, Finding, Tool};
use packaging::model::Package;
use serde::Serialize;
use walkdir::WalkDir;

use crate::cli::{KeyArgs, Lint};
use crate::report;
use crate::session::Session;

/// What was found by all.
#[derive(Debug, Default, Serialize)]
pub struct Outcome {
    /// How many packages were looked at.
    pub packages: usize,
    /// What no exception explains.
    pub findings: Vec<Said>,
    /// Who was not there to look.
    pub left_out: Vec<String>,
    /// Numbers of the exceptions that met something.
    #[serde(skip)]
    pub used: BTreeSet<usize>,
}

/// One finding, by whom.
#[derive(Debug, Serialize)]
pub struct Said {
    /// Who says it.
    pub tool: Tool,
    /// What it is called there.
    pub tag: String,
    /// The tool calls it an error.
    pub error: bool,
    /// All of it.
    pub text: String,
}

/// Runs the command; any finding makes it fail.
pub fn run(args: &Lint, session: &Session) -> Result<ExitCode> {
    let given = if args.files.is_empty() { vec![session.target.join("packages")] } else { args.files.clone() };
    let packages = packages(&given)?;
    if packages.is_empty() {
        bail!("there is no package in {}", given.iter().map(|path| session.shown(path)).collect::<Vec<_>>().join(", "));
    }
    let outcome = look(&packages, &args.key, false, session)?;
    show(&outcome, session)?;
    Ok(if outcome.findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Looks at written packages with own rules and both linters. Without `all_linters`, one that is not installed is left out.
///
/// # Errors
/// When a package cannot be read, or a linter cannot be run.
pub fn look(packages: &[PathBuf], key: &KeyArgs, all_linters: bool, session: &Session) -> Result<Outcome> {
    let exceptions = exceptions(session)?;
    let mut outcome = Outcome { packages: packages.len(), ..Outcome::default() };
    for path in packages {
        for finding in lint::check_subject(&lint::read(path)?) {
            let text = format!("{}: {finding}", session.shown(path));
            sort(Said { tool: Tool::Own, tag: finding.rule.to_owned(), error: false, text }, &exceptions, &mut outcome);
        }
    }
    for tool in [Tool::Lintian, Tool::Rpmlint] {
        let of_format = linters::packages_for(tool, packages);
        if of_format.is_empty() {
            continue;
        }
        if !all_linters && !linters::is_installed(tool) {
            outcome
                .left_out
                .push(format!("{0} is left out, since it is not installed (apt-get install {0})", tool.name()));
            continue;
        }
        for said in linters::run(tool, &of_format, key, session)? {
            sort(said, &exceptions, &mut outcome);
        }
    }
    Ok(outcome)
}

/// Looks at a package that is about to be written, with own rules.
///
/// # Errors
/// When there is a finding that no exception explains.
pub fn before_writing(package: &Package, distro: &Distro, exceptions: &Exceptions) -> Result<()> {
    let context = || format!("cannot read what {} installs", package.name);
    let findings = lint::check(package, distro).with_context(context)?;
    let stays = |finding: &Finding| exceptions.find(Tool::Own, false, finding.rule, &finding.to_string()).is_some();
    let left: Vec<String> = findings.iter().filter(|finding| !stays(finding)).map(Finding::to_string).collect();
    if left.is_empty() {
        return Ok(());
    }
    bail!("{} for {} is not written:\n  {}", package.name, distro.id, left.join("\n  "))
}

/// What may stay.
pub fn exceptions(session: &Session) -> Result<Exceptions> {
    Ok(Exceptions::load(&session.root.join("packaging/lint-exceptions.toml"))?)
}

fn sort(said: Said, exceptions: &Exceptions, outcome: &mut Outcome) {
    match exceptions.find(said.tool, said.error, &said.tag, &said.text) {
        Some(number) => _ = outcome.used.insert(number),
        None => outcome.findings.push(said),
    }
}

/// The files, and every package below the folders.
fn packages(given: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let is_package = |path: &Path| path.extension().is_some_and(|ending| ending == "deb" || ending == "rpm");
    let mut found = Vec::new();
    for path in given {
        for entry in WalkDir::new(path).sort_by_file_name() {
            let entry = entry.with_context(|| format!("cannot read {}", path.display()))?;
            // A file that was named is looked at whatever its name is, and refused if it is no package.
            if entry.file_type().is_file() && (entry.depth() == 0 || is_package(entry.path())) {
                found.push(entry.into_path());
            }
        }
    }
    Ok(found)
}

fn show(outcome: &Outcome, session: &Session) -> Result<()> {
    if session.json {
        return report::json(outcome);
    }
    for said in &outcome.findings {
        report::line(&format!("{}: {}", said.tool.name(), said.text));
    }
    for remark in &outcome.left_out {
        session.progress.note(remark);
    }
    report::line(&format!("{} packages, {} findings", outcome.packages, outcome.findings.len()));
    Ok(())
}

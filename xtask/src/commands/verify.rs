//! `cargo xtask repo verify`: what a distrustful reader of the tree would find.

use std::path::Path;
use std::process::ExitCode;
use std::time::SystemTime;

use anyhow::Result;
use packaging::distro::Format;
use repo_layout::{Options, Report, Severity, Silent, Source, SuiteKind, TreePath, verify};

use crate::session::Session;
use crate::{keys, report};

/// Runs the command; any finding makes it fail.
pub fn run(source: Option<&str>, key: Option<&Path>, session: &Session) -> Result<ExitCode> {
    let source = source.map_or_else(|| Source::Folder(session.target.join("repo")), Source::parse);
    let report = check(&source, key, session)?;
    show(&report, session)?;
    Ok(if report.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Verifies a tree: a folder is searched for suites, an address is asked for those of the matrix.
pub fn check(source: &Source, key: Option<&Path>, session: &Session) -> Result<Report> {
    let mut options = Options::at(SystemTime::now());
    if let Some(path) = key {
        options.key = Some(keys::keyring(path)?);
    }
    if matches!(source, Source::Url(_)) {
        options.suites = published_suites(session)?;
    }
    let step = session.progress.step(format!("Verifying {source}"));
    let report = verify(source, &options, &Silent)?;
    step.done();
    Ok(report)
}

/// Where the matrix publishes: nothing lists the folders of a web server.
fn published_suites(session: &Session) -> Result<Vec<(SuiteKind, TreePath)>> {
    let (matrix, line) = (session.matrix()?, session.version()?.line());
    let mut suites = Vec::new();
    for distro in matrix.iter() {
        match distro.format() {
            Format::Deb => {
                let (root, suite) = distro.apt_suite(&line);
                suites.push((SuiteKind::Apt, TreePath::new(format!("{root}/{suite}"))?));
            }
            Format::Rpm => {
                for arch in &distro.architectures {
                    suites.push((SuiteKind::Yum, TreePath::new(distro.yum_path(&line, *arch))?));
                }
            }
        }
    }
    Ok(suites)
}

fn show(report: &Report, session: &Session) -> Result<()> {
    if session.json {
        return report::json(report);
    }
    let rows: Vec<_> = report
        .suites
        .iter()
        .map(|suite| {
            let kind = match suite.kind {
                SuiteKind::Apt => "apt",
                SuiteKind::Yum => "yum",
            };
            let findings = if suite.findings == 0 { "none".to_owned() } else { suite.findings.to_string() };
            [suite.path.to_string(), kind.to_owned(), suite.packages.to_string(), report::bytes(suite.bytes), findings]
        })
        .collect();
    report::table(["Repository", "Kind", "Packages", "Size", "Findings"], &rows);
    keys::show(&report.keys);
    for finding in &report.findings {
        let severity = match finding.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        report::line(&format!("{severity}: {}: {}; {}", finding.path, finding.what, finding.what_to_do));
    }
    report::line(&match report.findings.len() {
        0 => "No finding.".to_owned(),
        count => format!("{count} findings."),
    });
    Ok(())
}

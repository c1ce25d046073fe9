//! `cargo xtask install-test`: makes two releases for a distro and lives through them in a booted system.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;

use crate::cli::{InstallTest, KeyArgs};
use crate::commands::{package, repo};
use crate::container::Interrupt;
use crate::install_test::nginx_org::{self, Repositories};
use crate::install_test::{self, Listener, Outcome, Report, Row, Side};
use crate::nginx::artifacts;
use crate::nginx::program::Version;
use crate::nginx::release::Store;
use crate::report::{self, Progress};
use crate::session::Session;

/// Runs the command, one distro after another.
pub fn run(args: &InstallTest, session: &Session) -> Result<ExitCode> {
    let mut reports = Vec::new();
    for distro in &args.distro {
        let sides = if args.side.is_empty() { Side::of(distro)? } else { args.side.clone() };
        for side in sides {
            reports.push(try_distro(distro, side, session)?);
        }
    }
    if session.json {
        report::json(&reports)?;
    } else {
        reports.iter().for_each(show);
    }
    Ok(if reports.iter().all(Report::ok) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Makes both releases and runs the scenario.
pub fn try_distro(distro: &str, side: Side, session: &Session) -> Result<Report> {
    let work = session.target.join("install-test");
    let key = KeyArgs::default();
    let base = release(distro, 1, &key, &work, session)?;
    let upgraded = release(distro, 2, &key, &work, session)?;
    let nginx_org = match side {
        Side::Postanalytics | Side::Filtering => None,
        Side::FilteringNginxOrg => Some(nginx_org(distro, &work, session)?),
    };
    let nginx_org = nginx_org.as_ref();
    let test = install_test::InstallTest { distro, base: &base, upgraded: &upgraded, nginx_org, work: &work };
    install_test::run(test, side, &mut Shown(&session.progress))
}

/// Runs the scenario with a tree that there is, signed by `key`; what it is upgraded to is packed here.
pub fn try_release(
    distro: &str,
    side: Side,
    tree: &Path,
    revision: u32,
    key: &KeyArgs,
    session: &Session,
) -> Result<Report> {
    let work = session.target.join("install-test");
    let upgraded = release(distro, revision + 1, key, &work, session)?;
    let test = install_test::InstallTest { distro, base: tree, upgraded: &upgraded, nginx_org: None, work: &work };
    install_test::run(test, side, &mut Shown(&session.progress))
}

/// A repository with one packing of the current version.
fn release(distro: &str, revision: u32, key: &KeyArgs, work: &Path, session: &Session) -> Result<PathBuf> {
    let folder = work.join(format!("releases/{distro}-{revision}"));
    let (packages, tree) = (folder.join("packages"), folder.join("repo"));
    let distros = vec![session.matrix()?.get(distro)?.clone()];
    let key = key.clone();
    package::make(&package::Order { distros, revision, url: None, out: packages.clone(), key: key.clone() }, session)?;
    repo::build(
        &repo::Order { distros: vec![distro.to_owned()], packages, out: tree.clone(), url: None, key },
        session,
    )?;
    Ok(tree)
}

/// What stands in for nginx.org's repository.
fn nginx_org(distro: &str, work: &Path, session: &Session) -> Result<Repositories> {
    nginx_org::check_host(distro)?;
    let step = session.progress.step("NGINX as nginx.org packages it".to_owned());
    let interrupt = Interrupt::watch()?;
    let source = |version| artifacts::source(version, session);
    let store = Store { folder: session.target.join("nginx-tests"), source: &source, interrupt: &interrupt };
    let arguments: Vec<&str> = nginx_org::CONFIGURE_ARGUMENTS.lines().collect();
    let repository = |program: Version, called: Version| {
        let built = store.built(&format!("nginx-org-{program}"), program, &arguments)?;
        nginx_org::repository(&built, called, distro, &work.join(format!("nginx-org/{called}")), &interrupt)
    };
    let repositories = Repositories {
        first: repository(nginx_org::FIRST, nginx_org::FIRST)?,
        next: repository(nginx_org::NEXT, nginx_org::NEXT)?,
        unknown: repository(nginx_org::NEXT, nginx_org::UNKNOWN)?,
    };
    step.done();
    Ok(repositories)
}

/// Tells of steps as they happen.
struct Shown<'a>(&'a Progress);

impl Listener for Shown<'_> {
    fn started(&mut self, _: &str) {}

    fn finished(&mut self, row: &Row) {
        self.0.note(&format!("    {:7} {}", word(row.outcome), row.fact));
    }
}

fn side(side: Side) -> &'static str {
    match side {
        Side::Postanalytics => "postanalytics side",
        Side::Filtering => "filtering side",
        Side::FilteringNginxOrg => "filtering side with the NGINX of nginx.org",
    }
}

fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Ok => "ok",
        Outcome::Failed => "FAILED",
        Outcome::NotReached => "not reached",
        Outcome::NotRun => "not run",
    }
}

/// The table, and below it all that was seen where a fact does not hold.
pub fn show(report: &Report) {
    report::line(&format!("\n{} ({}), {}, {:.0} s", report.title, report.distro, side(report.side), report.seconds));
    let rows: Vec<_> = report
        .rows
        .iter()
        .map(|row| [word(row.outcome).to_owned(), format!("{:.1} s", row.seconds), row.fact.clone()])
        .collect();
    report::table(["", "Time", "Fact"], &rows);
    for row in report.rows.iter().filter(|row| row.outcome == Outcome::Failed) {
        report::line(&failure(row));
    }
}

/// All that was seen where a fact does not hold.
pub fn failure(row: &Row) -> String {
    let commands: String = row.commands.iter().map(|command| format!("$ {command}\n")).collect();
    format!("\nFAILED: {}\n{commands}{}", row.fact, row.detail)
}

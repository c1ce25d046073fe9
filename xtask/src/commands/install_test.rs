//! `cargo xtask install-test`: makes two releases for a distro and lives through them in a booted system.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;

use crate::channel::Channel;
use crate::cli::{InstallTest, KeyArgs, WhichKey};
use crate::commands::{package, repo};
use crate::container::Interrupt;
use crate::install_test::nginx_org::{self, Repositories};
use crate::install_test::rotation::Rotation;
use crate::install_test::{self, Listener, Outcome, Report, Row, Side};
use crate::keys;
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
    let factory = Factory { distro, work: &work, session };
    let (nginx_org, rotation) = match side {
        Side::Postanalytics | Side::Filtering => (None, None),
        Side::FilteringNginxOrg => (Some(nginx_org(distro, &work, session)?), None),
        Side::KeyRotation => (None, Some(factory.rotation()?)),
    };
    let (base, upgraded) = match &rotation {
        None => (factory.release("", 1, &KeyArgs::default())?, factory.release("", 2, &KeyArgs::default())?),
        Some(rotation) => (factory.release("-rotation", 1, &factory.keys(&["old"])?)?, rotation.both.clone()),
    };
    let (nginx_org, rotation) = (nginx_org.as_ref(), rotation.as_ref());
    let test = install_test::InstallTest { distro, base: &base, upgraded: &upgraded, nginx_org, rotation, work: &work };
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
    let upgraded = Factory { distro, work: &work, session }.release("-next", revision + 1, key)?;
    let (nginx_org, rotation) = (None, None);
    let test = install_test::InstallTest { distro, base: tree, upgraded: &upgraded, nginx_org, rotation, work: &work };
    install_test::run(test, side, &mut Shown(&session.progress))
}

/// Makes releases for a distro.
struct Factory<'a> {
    distro: &'a str,
    work: &'a Path,
    session: &'a Session,
}

impl Factory<'_> {
    /// A repository with one packing of the current version.
    fn release(&self, purpose: &str, revision: u32, key: &KeyArgs) -> Result<PathBuf> {
        let folder = self.work.join(format!("releases/{}{purpose}-{revision}", self.distro));
        let (packages, tree) = (folder.join("packages"), folder.join("repo"));
        let distros = vec![self.session.matrix()?.get(self.distro)?.clone()];
        let order = package::Order { distros, revision, url: None, out: packages.clone(), key: key.clone() };
        package::make(&order, self.session)?;
        let distros = vec![self.distro.to_owned()];
        let channel = Channel::default();
        let order = repo::Order { channel, distros, packages, out: tree.clone(), url: None, key: key.clone() };
        repo::build(&order, self.session)?;
        Ok(tree)
    }

    /// What comes after a release by the old key.
    fn rotation(&self) -> Result<Rotation> {
        Ok(Rotation {
            both: self.release("-rotation", 2, &self.keys(&["new", "old"])?)?,
            successor: self.release("-rotation", 3, &self.keys(&["new"])?)?,
        })
    }

    /// Keys for tests, made once a checkout.
    fn keys(&self, names: &[&str]) -> Result<KeyArgs> {
        let key = |name: &&str| {
            let file = self.work.join(format!("keys/{name}.asc"));
            if !file.exists() {
                keys::make(
                    &file,
                    &format!("{name} key of the install tests <{name}@wallarm-node.example>"),
                    self.session,
                )?;
            }
            Ok(file)
        };
        let key = names.iter().map(key).collect::<Result<_>>()?;
        Ok(KeyArgs { which: WhichKey { key, ..WhichKey::default() }, ..KeyArgs::default() })
    }
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
        Side::KeyRotation => "key rotation",
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

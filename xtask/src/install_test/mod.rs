//! Installs tried in real systems: boot one, serve the repository to it, type the documented commands, look at the facts.
//!
//! | Module | Holds |
//! |---|---|
//! | [`documented`] | the commands, from `docs/commands.toml` |
//! | [`debian`], [`el`] | the scenarios, as lists of facts |
//! | [`filtering`] | the scenario of NGINX and the module, beside two servers |
//! | [`nginx_org`] | a stand-in for the NGINX of nginx.org, and what only its scenario has |
//! | [`rotation`] | the scenario of one signing key following another |
//! | [`service`] | the facts about the server that do not depend on the package format |
//! | [`stage`] | the machine, the repository and what was typed: what a step works with |
//! | [`corrupt`] | copies of a repository with flipped bytes |
//! | [`client`] | an IPROTO client, to connect from outside |
//! | [`report`] | a row for every step |

mod apt_indexes;
pub mod client;
pub mod corrupt;
pub mod debian;
pub mod documented;
pub mod el;
pub mod filtering;
mod monitoring;
pub mod nginx_org;
pub mod report;
pub mod rotation;
pub mod service;
pub mod stage;

use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};

use crate::container::{Interrupt, Machine, Recipe, machine, root};
use crate::http;

pub use documented::{Command, Documented, Family, Nginx, Part, System};
pub use report::{Outcome, Report, Row};
use stage::{Paths, Peer, Stage};

/// What to try.
#[derive(Debug, Clone, Copy)]
pub struct InstallTest<'a> {
    /// A distro that has a root: `bookworm`, `bullseye`, `trixie` or `el8`.
    pub distro: &'a str,
    /// A built repository tree, with `wallarm.gpg` at its top.
    pub base: &'a Path,
    /// The same with newer revisions of the same packages, signed by the same key.
    pub upgraded: &'a Path,
    /// What stands in for nginx.org's repository; needed by [`Side::FilteringNginxOrg`] alone.
    pub nginx_org: Option<&'a nginx_org::Repositories>,
    /// Two more releases; needed by [`Side::KeyRotation`] alone.
    pub rotation: Option<&'a rotation::Rotation>,
    /// Folder for roots, which are kept, and for what a run needs: `target/install-test`.
    pub work: &'a Path,
}

/// Which half of the node, or which event in its life, is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Side {
    /// The postanalytics server alone.
    Postanalytics,
    /// The distribution's NGINX with the module, and two postanalytics servers on machines of their own.
    Filtering,
    /// The same with the NGINX of nginx.org.
    FilteringNginxOrg,
    /// The postanalytics server, while one signing key follows another.
    KeyRotation,
}

impl Side {
    /// The sides that can be tried on a distro: the filtering side where there is a root with its NGINX, and with nginx.org's
    /// where besides this machine runs the same release.
    ///
    /// # Errors
    ///
    /// If `roots.toml` or `/etc/os-release` cannot be read.
    pub fn of(distro: &str) -> Result<Vec<Self>> {
        let with_nginx = Recipe::exists(&root_with_nginx(distro))?;
        let is_host = nginx_org::host_release()?.as_deref() == Some(distro);
        let sides = [
            (Self::Postanalytics, true),
            (Self::Filtering, with_nginx),
            (Self::FilteringNginxOrg, with_nginx && is_host),
            (Self::KeyRotation, true),
        ];
        Ok(sides.into_iter().filter_map(|(side, can)| can.then_some(side)).collect())
    }

    /// Whose NGINX it is about.
    #[must_use]
    pub fn nginx(self) -> Option<Nginx> {
        match self {
            Self::Postanalytics | Self::KeyRotation => None,
            Self::Filtering => Some(Nginx::Distribution),
            Self::FilteringNginxOrg => Some(Nginx::NginxOrg),
        }
    }
}

fn root_with_nginx(distro: &str) -> String {
    format!("{distro}-nginx")
}

/// Hears about steps as they happen.
pub trait Listener {
    /// A step begins.
    fn started(&mut self, fact: &str);
    /// It ended.
    fn finished(&mut self, row: &Row);
}

/// One step of a scenario: a fact, and how to bring it about or look at it.
#[derive(Debug, Clone, Copy)]
pub struct Step {
    fact: &'static str,
    /// Without it, nothing after it can hold.
    essential: bool,
    run: fn(&mut Stage<'_>) -> Result<()>,
}

impl Step {
    /// A step that all after it stand on.
    const fn essential(fact: &'static str, run: fn(&mut Stage<'_>) -> Result<()>) -> Self {
        Self { fact, essential: true, run }
    }

    /// A step whose failure leaves the others standing.
    const fn fact(fact: &'static str, run: fn(&mut Stage<'_>) -> Result<()>) -> Self {
        Self { fact, essential: false, run }
    }
}

/// Runs the scenario of one side of a distro from boot to purge.
///
/// # Errors
///
/// If the test cannot be run: without root, for an unknown distro, with a folder that is no repository, when a machine does
/// not boot, or after an interrupt. A fact that does not hold is no error; see [`Report::ok`].
pub fn run(test: InstallTest<'_>, side: Side, listener: &mut dyn Listener) -> Result<Report> {
    let recipe = Recipe::named(test.distro)?;
    let list = Documented::read()?;
    let system = list.system(test.distro)?;
    check_host(&test)?;
    let interrupt = Interrupt::watch()?;
    let paths = Paths::below(test.work)?;
    root::sweep(&paths.roots)?;
    machine::sweep(&paths.machines)?;

    let begun = Instant::now();
    let mut report = Report::new(test.distro, &system.title, side);
    let machines = report.step("the roots with what the system brings are at hand", listener, || {
        let bare = root::ensure(&recipe, &paths.roots, &interrupt)?;
        Ok(match side.nginx() {
            None => vec![bare],
            Some(Nginx::Distribution) => {
                let with_nginx = Recipe::named(&root_with_nginx(test.distro))?;
                vec![root::ensure(&with_nginx, &paths.roots, &interrupt)?, bare.clone(), bare]
            }
            Some(Nginx::NginxOrg) => vec![bare; 3],
        })
    })?;
    let machines = report.step("the systems boot", listener, || {
        machines.iter().map(|root| Machine::boot(root, &paths.machines, &interrupt)).collect::<Result<Vec<_>>>()
    })?;
    // Declared after the machines, so that they end before the network does.
    let servers = machines
        .iter()
        .map(|machine| http::serve(test.base, (machine.host_address(), 0).into()))
        .collect::<Result<Vec<_>>>()?;
    let nginx_org = match (test.nginx_org, machines.first()) {
        (Some(repositories), Some(machine)) => {
            Some(http::serve(&repositories.first, (machine.host_address(), 0).into())?)
        }
        _ => None,
    };
    let mut stages = machines
        .iter()
        .zip(&servers)
        .map(|(machine, server)| Stage::new(&test, &list, system, machine, server, &interrupt));
    let mut stage = stages.next().context("there is a machine")?;
    (stage.nginx, stage.nginx_org) = (side.nginx(), nginx_org.as_ref());
    for (number, other) in (0..).zip(stages) {
        let cable = stage.machine.cable(other.machine, number, &interrupt)?;
        stage.peers.push(Peer { address: cable.far, stage: other });
    }
    let scenario = match (side, system.family) {
        (Side::Postanalytics, Family::Deb) => debian::STEPS,
        (Side::Postanalytics, Family::Rpm) => el::STEPS,
        (Side::KeyRotation, Family::Deb) => rotation::WITH_APT,
        (Side::KeyRotation, Family::Rpm) => rotation::WITH_DNF,
        (Side::Filtering, _) => filtering::WITH_DISTRIBUTION,
        (Side::FilteringNginxOrg, _) => filtering::WITH_NGINX_ORG,
    };
    report.scenario(scenario, &mut stage, listener)?;
    report.seconds = begun.elapsed().as_secs_f64();
    Ok(report)
}

fn check_host(test: &InstallTest<'_>) -> Result<()> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let uid = status.lines().find_map(|line| line.strip_prefix("Uid:")?.split_whitespace().nth(1));
    if uid != Some("0") {
        bail!("install-test boots systems and must be root: sudo -E cargo xtask install-test --distro {}", test.distro);
    }
    for tree in [test.base, test.upgraded] {
        let key = tree.join("wallarm.gpg");
        ensure!(
            key.is_file(),
            "{} is no repository: it has no wallarm.gpg; make it with cargo xtask repo build",
            tree.display()
        );
    }
    Ok(())
}

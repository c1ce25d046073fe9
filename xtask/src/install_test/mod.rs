//! Installs tried in real systems: boot one, serve the repository to it, type the documented commands, look at the facts.
//!
//! | Module | Holds |
//! |---|---|
//! | [`documented`] | the commands, from `docs/commands.toml` |
//! | [`debian`], [`el`] | the scenarios, as lists of facts |
//! | [`service`] | the facts about the server that do not depend on the package format |
//! | [`stage`] | the machine, the repository and what was typed: what a step works with |
//! | [`corrupt`] | copies of a repository with flipped bytes |
//! | [`client`] | an IPROTO client, to connect from outside |
//! | [`report`] | a row for every step |

pub mod client;
pub mod corrupt;
pub mod debian;
pub mod documented;
pub mod el;
pub mod report;
pub mod service;
pub mod stage;

use std::path::Path;
use std::time::Instant;

use anyhow::{Result, bail, ensure};

use crate::container::{Interrupt, Machine, Recipe, machine, root};
use crate::http;

pub use documented::{Documented, Family, Part};
pub use report::{Outcome, Report, Row};
use stage::{Paths, Stage};

/// What to try.
#[derive(Debug, Clone, Copy)]
pub struct InstallTest<'a> {
    /// A distro that has a root: `bookworm`, `bullseye` or `el8`.
    pub distro: &'a str,
    /// A built repository tree, with `wallarm.gpg` at its top.
    pub base: &'a Path,
    /// The same with newer revisions of the same packages, signed by the same key.
    pub upgraded: &'a Path,
    /// Folder for roots, which are kept, and for what a run needs: `target/install-test`.
    pub work: &'a Path,
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

/// Runs the scenario of a distro from boot to purge.
///
/// # Errors
///
/// If the test cannot be run: without root, for an unknown distro, with a folder that is no repository, when the machine
/// does not boot, or after an interrupt. A fact that does not hold is no error; see [`Report::ok`].
pub fn run(test: InstallTest<'_>, listener: &mut dyn Listener) -> Result<Report> {
    let recipe = Recipe::named(test.distro)?;
    let list = Documented::read()?;
    let system = list.system(test.distro)?;
    check_host(&test)?;
    let interrupt = Interrupt::watch()?;
    let paths = Paths::below(test.work)?;
    root::sweep(&paths.roots)?;
    machine::sweep(&paths.machines)?;

    let begun = Instant::now();
    let mut report = Report::new(test.distro, &system.title);
    let root = report.step("a root with what the system brings is at hand", listener, || {
        root::ensure(&recipe, &paths.roots, &interrupt)
    })?;
    let machine = report.step("the system boots", listener, || Machine::boot(&root, &paths.machines, &interrupt))?;
    // Declared after the machine, so that it ends before the network does.
    let server = http::serve(test.base, (machine.host_address(), 0).into())?;
    let mut stage = Stage::new(&test, &list, system, &machine, &server, &interrupt);
    let scenario = match system.family {
        Family::Deb => debian::STEPS,
        Family::Rpm => el::STEPS,
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

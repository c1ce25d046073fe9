//! `cargo xtask repo build`: packages in, signed repositories out.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use packaging::distro::{Distro, Format};
use repo_layout::{AptSuite, Event, Keep, Listener, Publisher, Site, Summary, TreePath, YumRepository};

use super::{difference, target};
use crate::cli::{KeyArgs, PublisherArgs};
use crate::report::Step;
use crate::session::Session;
use crate::{keys, report};

/// The package that stands in a yum repository's own folder, where the documentation fetches it.
const BOOTSTRAP: &str = "wallarm-node-repo-";

/// What a repository is built from.
pub struct Order {
    /// For which distros; all that have packages when empty.
    pub distros: Vec<String>,
    /// Packages, one folder a distro.
    pub packages: PathBuf,
    /// Where the tree goes.
    pub out: PathBuf,
    /// The key that signs.
    pub key: KeyArgs,
}

/// Where a tree is published, if it is not only laid out in `target/`.
pub struct Publishing<'a> {
    /// The destination.
    pub to: &'a str,
    /// Who publishes, and how.
    pub flags: &'a PublisherArgs,
    /// What stays of older generations.
    pub keep: Keep,
    /// Whether a package may take the place of another one of its name.
    pub replace: bool,
}

/// Lays out in a folder of our own, or publishes beside others; shows what was done, or would be.
pub fn run(order: &Order, publishing: Option<&Publishing<'_>>, dry_run: bool, session: &Session) -> Result<ExitCode> {
    match (publishing, dry_run) {
        (None, true) => plan(order, session),
        (None, false) => show(&build(order, session)?, &session.shown(&order.out), session),
        (Some(publishing), true) => {
            difference::show(&site(order, session)?, &*target::open(Some(publishing.to), session)?, session)
        }
        (Some(publishing), false) => show(&publish(order, publishing, session)?, publishing.to, session),
    }
}

/// Publishes beside any number of others.
fn publish(order: &Order, publishing: &Publishing<'_>, session: &Session) -> Result<Summary> {
    let site = site(order, session)?;
    let destination = target::open(Some(publishing.to), session)?;
    let key = keys::load(&order.key, session)?;
    let publisher = Publisher {
        keep: publishing.keep,
        replace: publishing.replace,
        ..target::publisher(&key, session.epoch_time()?, publishing.flags)
    };
    let step = Reading(session.progress.counted("Reading packages and publishing", packages_in(&site)));
    let summary = repo_layout::publish(&site, &*destination, &publisher, &step)?;
    step.0.done();
    Ok(summary)
}

fn packages_in(site: &Site) -> usize {
    site.suites.iter().map(|suite| suite.packages.len()).sum::<usize>()
        + site.yum.iter().map(|one| one.packages.len()).sum::<usize>()
}

/// Lays out and signs.
pub fn build(order: &Order, session: &Session) -> Result<Summary> {
    let site = site(order, session)?;
    let key = keys::load(&order.key, session)?;
    let step = Reading(session.progress.counted("Reading packages, laying out and signing", packages_in(&site)));
    let summary = repo_layout::build(&site, &order.out, &key, session.epoch_time()?, &step)?;
    step.0.done();
    Ok(summary)
}

/// Moves a bar for each package that was read.
struct Reading(Step);

impl Listener for Reading {
    fn event(&self, event: &Event<'_>) {
        if *event == Event::PackageRead {
            self.0.advance();
        }
    }
}

/// Who stands where, from the distro matrix and the folders of packages.
fn site(order: &Order, session: &Session) -> Result<Site> {
    let (matrix, project, line) = (session.matrix()?, session.project()?, session.version()?.line());
    let chosen: Vec<&Distro> = if order.distros.is_empty() {
        matrix.iter().filter(|distro| order.packages.join(distro.id.as_str()).is_dir()).collect()
    } else {
        order.distros.iter().map(|name| matrix.get(name)).collect::<Result<_, _>>()?
    };
    if chosen.is_empty() {
        bail!("{} has no packages: run `cargo xtask package --all` first", session.shown(&order.packages));
    }
    let mut site = Site::default();
    for distro in chosen {
        let packages = packages_of(distro, order, session)?;
        match distro.format() {
            Format::Deb => {
                let (root, suite) = distro.apt_suite(&line);
                site.suites.push(AptSuite {
                    root: TreePath::new(root)?,
                    suite: TreePath::new(suite)?,
                    origin: project.name.clone(),
                    label: project.name.clone(),
                    description: format!("Web-protection node {line} for {}", distro.title),
                    architectures: distro.architectures.iter().map(|arch| arch.debian().to_owned()).collect(),
                    packages,
                });
            }
            Format::Rpm => {
                for arch in &distro.architectures {
                    let fits = |path: &&PathBuf| {
                        [format!(".{arch}.rpm"), ".noarch.rpm".to_owned()].iter().any(|end| name(path).ends_with(end))
                    };
                    let packages: Vec<PathBuf> = packages.iter().filter(fits).cloned().collect();
                    let bootstrap = packages.iter().filter(|path| name(path).starts_with(BOOTSTRAP)).cloned().collect();
                    let path = TreePath::new(distro.yum_path(&line, *arch))?;
                    site.yum.push(YumRepository { path, architecture: arch.to_string(), packages, bootstrap });
                }
            }
        }
    }
    Ok(site)
}

fn name(path: &Path) -> std::borrow::Cow<'_, str> {
    path.file_name().unwrap_or_default().to_string_lossy()
}

fn packages_of(distro: &Distro, order: &Order, session: &Session) -> Result<Vec<PathBuf>> {
    let folder = order.packages.join(distro.id.as_str());
    let context =
        || format!("cannot read {}: run `cargo xtask package --distro {}` first", folder.display(), distro.id);
    let mut packages = Vec::new();
    for entry in std::fs::read_dir(&folder).with_context(context)? {
        let path = entry.with_context(context)?.path();
        if path.extension().is_some_and(|extension| extension == distro.format().extension()) {
            packages.push(path);
        }
    }
    packages.sort();
    if packages.is_empty() {
        bail!(
            "{} has no .{} file: run `cargo xtask package --distro {}`",
            session.shown(&folder),
            distro.format().extension(),
            distro.id
        );
    }
    Ok(packages)
}

fn show(summary: &Summary, place: &str, session: &Session) -> Result<ExitCode> {
    if session.json {
        report::json(summary)?;
        return Ok(ExitCode::SUCCESS);
    }
    let rows: Vec<_> = summary
        .suites
        .iter()
        .map(|suite| [suite.path.to_string(), suite.packages.to_string(), report::bytes(suite.bytes)])
        .collect();
    report::table(["Repository", "Packages", "Size"], &rows);
    report::line(&format!("{} files written to {place}", summary.written));
    Ok(ExitCode::SUCCESS)
}

/// What would be laid out.
fn plan(order: &Order, session: &Session) -> Result<ExitCode> {
    let site = site(order, session)?;
    let mut rows = Vec::new();
    for suite in &site.suites {
        rows.extend(
            suite.packages.iter().map(|path| [format!("{}/{}", suite.root, suite.suite), name(path).into_owned()]),
        );
    }
    for repository in &site.yum {
        rows.extend(repository.packages.iter().map(|path| [repository.path.to_string(), name(path).into_owned()]));
    }
    if session.json {
        let rows: Vec<_> =
            rows.iter().map(|[path, package]| serde_json::json!({ "repository": path, "package": package })).collect();
        report::json(&rows)?;
    } else {
        report::table(["Repository", "Package"], &rows);
    }
    Ok(ExitCode::SUCCESS)
}

//! `cargo xtask repo …`: laying out, changing, listing and verifying repositories.

mod change;
mod channels;
mod pages;
mod site;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use packaging::distro::{Distro, Matrix};
use repo_layout::{Change, Event, Front, Job, Listener, Selection, Site, Summary};

pub use self::channels::{digests, promote};
use self::site::site_of;
use crate::channel::Channel;
use crate::cli::{KeyArgs, Repo};
use crate::report::Step;
use crate::session::Session;
use crate::{keys, report};

/// What a repository is built from.
pub struct Order {
    /// For which distros; all that have packages when empty.
    pub distros: Vec<String>,
    /// Packages, one folder a distro.
    pub packages: PathBuf,
    /// Which channel.
    pub channel: Channel,
    /// Where the tree goes.
    pub out: PathBuf,
    /// Where it will be published: scheme and host. The project's address if there is none.
    pub url: Option<String>,
    /// The key that signs.
    pub key: KeyArgs,
}

/// Where repositories are, and who signs them.
pub struct Target<'a> {
    /// The tree.
    pub out: PathBuf,
    /// The key.
    pub key: &'a KeyArgs,
}

/// Runs one of the repository commands.
pub fn run(command: &Repo, session: &Session) -> Result<ExitCode> {
    let target = |out: &Option<PathBuf>, key| Target { out: session.folder(out.as_deref(), "repo"), key };
    let (summary, out) = match command {
        Repo::Build { distro, packages, out, channel, url, dry_run, key } => {
            let order = Order {
                distros: distro.clone(),
                packages: session.folder(packages.as_deref(), "packages"),
                channel: channel.clone(),
                out: session.folder(out.as_deref(), "repo"),
                url: url.clone(),
                key: key.clone(),
            };
            if *dry_run {
                return plan(&order, session);
            }
            (build(&order, session)?, out)
        }
        Repo::Add { packages, remove, allow_older, change } => {
            (change::add(packages, remove, *allow_older, change, session)?, &change.out)
        }
        Repo::Remove { packages, change } => (change::add(&[], packages, false, change, session)?, &change.out),
        Repo::Index { distro, channel, out, key } => (change::index(distro, channel, &target(out, key), session)?, out),
        Repo::Promote { from, to, distro, out, dry_run, key } => {
            let target = target(out, key);
            if *dry_run {
                channels::preview(from, to, distro, &target, session)?;
                return Ok(ExitCode::SUCCESS);
            }
            (promote(from, to, distro, &target, session)?, out)
        }
        Repo::List { distro, channel, out, key } => {
            channels::list(distro, channel, &target(out, key), session)?;
            return Ok(ExitCode::SUCCESS);
        }
        Repo::Diff { from, to, distro, out, key } => {
            channels::diff(from, to, distro, &target(out, key), session)?;
            return Ok(ExitCode::SUCCESS);
        }
        Repo::Verify { source, key } => return super::verify::run(source.as_deref(), key.as_deref(), session),
    };
    show(&summary, &session.folder(out.as_deref(), "repo"), session)?;
    Ok(ExitCode::SUCCESS)
}

/// Adds packages to what is published, of several distros at once.
pub fn add_release(order: &Order, session: &Session) -> Result<Summary> {
    let matrix = session.matrix()?;
    let distros: Vec<&Distro> = order.distros.iter().map(|name| matrix.get(name)).collect::<Result<_, _>>()?;
    let mut added = Vec::new();
    let mut site = site_of(distros, &order.channel, session, |distro, share| {
        let packages = packages_of(distro, order, session)?;
        added.extend(packages.iter().cloned());
        let add = packages.into_iter().filter(|path| share.has(path)).collect();
        Ok(Selection::Change(Change { add, ..Change::default() }))
    })?;
    site.front = Some(pages::front_of_tree(&order.out, &added, order.url.as_deref(), session)?);
    let target = Target { out: order.out.clone(), key: &order.key };
    target.publish(&site, "Adding packages and signing", session)
}

/// Lays out and signs.
pub fn build(order: &Order, session: &Session) -> Result<Summary> {
    let site = site(order, session)?;
    let target = Target { out: order.out.clone(), key: &order.key };
    target.publish(&site, "Reading packages, laying out and signing", session)
}

impl Target<'_> {
    /// Puts what a site says into the tree.
    pub fn publish(&self, site: &Site, what: &str, session: &Session) -> Result<Summary> {
        let key = keys::load(self.key, session)?;
        let count = site.suites.iter().map(|suite| suite.packages.files()).sum::<usize>()
            + site.yum.iter().map(|one| one.packages.files()).sum::<usize>();
        let step = Reading(session.progress.counted(what, count));
        let caches = session.target.join("repo-cache");
        let job = Job { signer: key.as_ref(), when: session.epoch_time()?, caches: Some(&caches), listener: &step };
        let summary = repo_layout::build(site, &self.out, &job)?;
        step.0.done();
        Ok(summary)
    }
}

/// The distros whose repositories lie in the tree, in one of the channels.
fn published<'a>(
    matrix: &'a Matrix,
    channels: &[&Channel],
    target: &Target<'_>,
    session: &Session,
) -> Result<Vec<&'a Distro>> {
    let mut found = Vec::new();
    for distro in matrix.iter() {
        let mut is_there = false;
        for channel in channels {
            let site = site_of([distro], channel, session, |_, _| Ok(Selection::InPlace))?;
            let apt = site.suites.iter().map(repo_layout::AptSuite::folder).collect::<Result<Vec<_>, _>>()?;
            let yum = site.yum.iter().map(|one| one.path.clone());
            is_there |= apt.into_iter().chain(yum).any(|folder| folder.under(&target.out).is_dir());
        }
        if is_there {
            found.push(distro);
        }
    }
    Ok(found)
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
    let matrix = session.matrix()?;
    let chosen: Vec<&Distro> = if order.distros.is_empty() {
        matrix.iter().filter(|distro| order.packages.join(distro.id.as_str()).is_dir()).collect()
    } else {
        order.distros.iter().map(|name| matrix.get(name)).collect::<Result<_, _>>()?
    };
    if chosen.is_empty() {
        bail!("{} has no packages: run `cargo xtask package --all` first", session.shown(&order.packages));
    }
    let mut site = site_of(chosen, &order.channel, session, |distro, share| {
        let packages = packages_of(distro, order, session)?;
        Ok(Selection::Exactly(packages.into_iter().filter(|path| share.has(path)).collect()))
    })?;
    site.front = Some(front(order, session)?);
    Ok(site)
}

/// What the pages for people say. A distro that is not laid out this time has its commands too: its repository may be there already.
pub fn front(order: &Order, session: &Session) -> Result<Front> {
    pages::front(order.url.as_deref(), session, |distro| packages_of(distro, order, session).ok())
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

fn show(summary: &Summary, out: &Path, session: &Session) -> Result<()> {
    if session.json {
        return report::json(summary);
    }
    let rows: Vec<_> = summary
        .suites
        .iter()
        .map(|suite| {
            let counts = [suite.packages, suite.read].map(|count| count.to_string());
            let [packages, read] = counts;
            [suite.path.to_string(), packages, read, report::bytes(suite.bytes)]
        })
        .collect();
    report::table(["Repository", "Packages", "Read", "Size"], &rows);
    keys::show(&summary.keys);
    report::line(&format!("{} files written to {}", summary.written, session.shown(out)));
    Ok(())
}

/// What would be laid out.
fn plan(order: &Order, session: &Session) -> Result<ExitCode> {
    let site = site(order, session)?;
    let apt = site.suites.iter().map(|suite| (format!("{}/{}", suite.root, suite.suite), &suite.packages));
    let yum = site.yum.iter().map(|one| (one.path.to_string(), &one.packages));
    let mut rows = Vec::new();
    for (repository, selection) in apt.chain(yum) {
        if let Selection::Exactly(packages) = selection {
            rows.extend(packages.iter().map(|path| [repository.clone(), name(path).into_owned()]));
        }
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

//! `cargo xtask repo …`: laying out, changing, listing and verifying repositories.

mod change;
mod channels;
mod pages;
mod site;
mod states;
mod target;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use packaging::distro::Distro;
use repo_layout::{Change, Front, Selection, Site, Summary};

pub use self::channels::{digests, promote};
use self::site::site_of;
pub use self::target::Target;
use crate::channel::Channel;
use crate::cli::{KeyArgs, Repo};
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

/// Runs one of the repository commands.
pub fn run(command: &Repo, session: &Session) -> Result<ExitCode> {
    let write = |args| Target::to_write(args, session);
    let read = |args| Target::to_read(args, session);
    let (target, summary) = match command {
        Repo::Build { distro, packages, channel, url, dry_run, target } => {
            let order = Order {
                distros: distro.clone(),
                packages: session.folder(packages.as_deref(), "packages"),
                channel: channel.clone(),
                out: session.folder(None, "repo"),
                url: url.clone(),
                key: target.key.clone(),
            };
            if *dry_run {
                return plan(&order, session);
            }
            let target = write(target)?;
            let summary = target.publish(&site(&order, session)?, BUILDING, session)?;
            (target, summary)
        }
        Repo::Add { packages, remove, allow_older, change, target } => {
            let target = write(target)?;
            let summary = change::add(packages, remove, *allow_older, change, &target, session)?;
            (target, summary)
        }
        Repo::Remove { packages, change, target } => {
            let target = write(target)?;
            let summary = change::add(&[], packages, false, change, &target, session)?;
            (target, summary)
        }
        Repo::Index { channels, target } => {
            let target = write(target)?;
            let summary = change::index(channels, &target, session)?;
            (target, summary)
        }
        Repo::Promote { from, to, distro, dry_run, target } => {
            let target = write(target)?;
            if *dry_run {
                channels::preview(from, to, distro, &target, session)?;
                return Ok(ExitCode::SUCCESS);
            }
            let summary = promote(from, to, distro, &target, session)?;
            (target, summary)
        }
        Repo::List { channels, target } => return channels::list(channels, &read(target)?, session),
        Repo::Diff { from, to, distro, target } => return channels::diff(from, to, distro, &read(target)?, session),
        Repo::Snapshot { name, target } => return states::snapshot(name.as_deref(), &read(target)?, session),
        Repo::Rollback { state, distro, channel, dry_run, target } => {
            return states::rollback(state.as_deref(), distro, channel, *dry_run, &write(target)?, session);
        }
        Repo::Prune { keep, older_than, dry_run, target } => {
            return states::prune(*keep, *older_than, *dry_run, &read(target)?, session);
        }
        Repo::Log { verify, target } => return states::log(*verify, &read(target)?, session),
        Repo::Verify { source, key } => return super::verify::run(source.as_deref(), key.as_deref(), session),
    };
    show(&summary, &target, session)?;
    Ok(ExitCode::SUCCESS)
}

/// What a bar says.
const BUILDING: &str = "Reading packages, laying out and signing";

/// Adds packages to what is published, of several distros at once.
pub fn add_release(order: &Order, target: &Target, session: &Session) -> Result<Summary> {
    let matrix = session.matrix()?;
    let distros: Vec<&Distro> = order.distros.iter().map(|name| matrix.get(name)).collect::<Result<_, _>>()?;
    let mut added = Vec::new();
    let mut site = site_of(distros, &order.channel, session, |distro, share| {
        let packages = packages_of(distro, order, session)?;
        added.extend(packages.iter().cloned());
        let add = packages.into_iter().filter(|path| share.has(path)).collect();
        Ok(Selection::Change(Change { add, ..Change::default() }))
    })?;
    site.front = Some(pages::front_of(target, &added, order.url.as_deref(), session)?);
    target.publish(&site, "Adding packages and signing", session)
}

/// Lays out and signs, in a folder that is this checkout's alone.
pub fn build(order: &Order, session: &Session) -> Result<Summary> {
    Target::alone(&order.out, &order.key, session)?.publish(&site(order, session)?, BUILDING, session)
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

fn show(summary: &Summary, target: &Target, session: &Session) -> Result<()> {
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
    report::line(&format!("{} files written to {}", summary.written, target.name(session)));
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

//! `cargo xtask repo add`, `remove` and `index`: changes to a repository that is there, in proportion to what changes.

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use packaging::distro::Distro;
use repo_layout::{Change, Pattern, Selection, Summary};

use super::pages::front_of;
use super::site::{packages_of, site_of};
use super::target::Target;
use crate::cli::{Channels, RepoChange};
use crate::session::Session;

/// Adds packages to a distro's repository, and removes others in the same step.
pub fn add(
    packages: &[PathBuf],
    remove: &[String],
    allow_older: bool,
    change: &RepoChange,
    target: &Target,
    session: &Session,
) -> Result<Summary> {
    let matrix = session.matrix()?;
    let distro = matrix.get(&change.distro)?;
    let extension = distro.format().extension();
    if let Some(other) = packages.iter().find(|path| path.extension().is_none_or(|found| found != extension)) {
        bail!("{} is no .{extension}, which the packages for {} are", other.display(), distro.id);
    }
    let mut site = site_of([distro], &change.channel, session, |_, share| {
        let add = packages.iter().filter(|path| share.has(path)).cloned().collect();
        Ok(Selection::Change(Change { add, remove: remove.iter().map(Pattern::new).collect(), allow_older }))
    })?;
    site.front = Some(front_of(target, packages, None, session)?);
    target.publish(&site, "Changing and signing", session)
}

/// Writes indexes for the packages that lie in the repositories already.
pub fn index(channels: &Channels, target: &Target, session: &Session) -> Result<Summary> {
    let matrix = session.matrix()?;
    let folder =
        target.destination.as_folder().context("packages that lie there already are indexed in a folder only")?;
    let has_packages = |distro: &&Distro| {
        let site = site_of([*distro], &channels.channel, session, |_, _| Ok(Selection::InPlace));
        let places = site.map(|site| packages_of(&site)).unwrap_or_default();
        places.iter().any(|place| place.under(folder.root()).is_dir())
    };
    let chosen: Vec<&Distro> = match channels.distro.as_slice() {
        [] => matrix.iter().filter(has_packages).collect(),
        named => named.iter().map(|name| matrix.get(name)).collect::<Result<_, _>>()?,
    };
    if chosen.is_empty() {
        bail!("{} holds no packages of any distro of the matrix", target.name(session));
    }
    let mut site = site_of(chosen, &channels.channel, session, |_, _| Ok(Selection::InPlace))?;
    site.front = Some(front_of(target, &[], None, session)?);
    target.publish(&site, "Indexing packages and signing", session)
}

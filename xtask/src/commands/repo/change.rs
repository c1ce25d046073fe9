//! `cargo xtask repo add`, `remove` and `index`: changes to a repository that is there, in proportion to what changes.

use std::path::PathBuf;

use anyhow::{Result, bail};
use packaging::distro::Distro;
use repo_layout::{Change, Pattern, Selection, Summary};

use super::pages::front_of_tree;
use super::site::site_of;
use super::{Target, published};
use crate::channel::Channel;
use crate::cli::RepoChange;
use crate::session::Session;

/// Adds packages to a distro's repository, and removes others in the same step.
pub fn add(
    packages: &[PathBuf],
    remove: &[String],
    allow_older: bool,
    change: &RepoChange,
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
    let target = Target { out: session.folder(change.out.as_deref(), "repo"), key: &change.key };
    site.front = Some(front_of_tree(&target.out, packages, None, session)?);
    target.publish(&site, "Changing and signing", session)
}

/// Writes indexes for the packages that lie in the repositories already.
pub fn index(distros: &[String], channel: &Channel, target: &Target<'_>, session: &Session) -> Result<Summary> {
    let matrix = session.matrix()?;
    let chosen: Vec<&Distro> = match distros {
        [] => published(&matrix, &[channel], target, session)?,
        named => named.iter().map(|name| matrix.get(name)).collect::<Result<_, _>>()?,
    };
    if chosen.is_empty() {
        bail!("{} holds no packages of any distro of the matrix", session.shown(&target.out));
    }
    let mut site = site_of(chosen, channel, session, |_, _| Ok(Selection::InPlace))?;
    site.front = Some(front_of_tree(&target.out, &[], None, session)?);
    target.publish(&site, "Indexing packages and signing", session)
}

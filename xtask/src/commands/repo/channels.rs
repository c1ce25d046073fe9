//! `cargo xtask repo list`, `promote` and `diff`: what is in a channel, and how it gets into another one.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use packaging::distro::{Distro, Matrix};
use repo_layout::{Change, ListedPackage, Listing, Selection, Site, Summary};
use serde::Serialize;

use super::pages::front_of;
use super::site::site_of;
use super::target::Target;
use crate::channel::Channel;
use crate::cli::Channels;
use crate::report;
use crate::session::Session;

/// The distros that were named; without names, those with something published in one of the channels.
fn choose<'a>(
    matrix: &'a Matrix,
    names: &[String],
    channels: &[&Channel],
    target: &Target,
    session: &Session,
) -> Result<Vec<&'a Distro>> {
    if !names.is_empty() {
        return Ok(names.iter().map(|name| matrix.get(name)).collect::<Result<_, _>>()?);
    }
    let mut chosen = Vec::new();
    for distro in matrix.iter() {
        for channel in channels {
            let site = site_of([distro], channel, session, |_, _| Ok(Selection::InPlace))?;
            if is_published(&site, target)? {
                chosen.push(distro);
                break;
            }
        }
    }
    if chosen.is_empty() {
        let channels: Vec<String> = channels.iter().map(ToString::to_string).collect();
        bail!("{} has nothing published in {}", target.name(session), channels.join(" or "));
    }
    Ok(chosen)
}

fn is_published(site: &Site, target: &Target) -> Result<bool> {
    let apt = site.suites.iter().map(|suite| suite.folder()?.join("InRelease"));
    let yum = site.yum.iter().map(|one| one.path.join("repodata/repomd.xml"));
    for entry_point in apt.chain(yum) {
        if target.destination.stat(&entry_point?)?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// What the signed indexes of a channel list.
fn listings(distros: &[&Distro], channel: &Channel, target: &Target, session: &Session) -> Result<Vec<Listing>> {
    let site = site_of(distros.iter().copied(), channel, session, |_, _| Ok(Selection::InPlace))?;
    target.listings(&site, session)
}

/// Lists what is published.
pub fn list(channels: &Channels, target: &Target, session: &Session) -> Result<ExitCode> {
    let matrix = session.matrix()?;
    let chosen = choose(&matrix, &channels.distro, &[&channels.channel], target, session)?;
    let listings = listings(&chosen, &channels.channel, target, session)?;
    if session.json {
        report::json(&listings)?;
        return Ok(ExitCode::SUCCESS);
    }
    let row = |path: &str, one: &ListedPackage| {
        [path.to_owned(), one.name.clone(), one.version.clone(), one.architecture.clone(), report::bytes(one.size)]
    };
    let rows: Vec<_> = listings
        .iter()
        .flat_map(|listing| listing.packages.iter().map(|one| row(listing.path.as_str(), one)))
        .collect();
    report::table(["Repository", "Package", "Version", "Architecture", "Size"], &rows);
    Ok(ExitCode::SUCCESS)
}

/// The SHA-256 of every package that a channel lists.
pub fn digests(channel: &Channel, distros: &[String], target: &Target, session: &Session) -> Result<BTreeSet<String>> {
    let matrix = session.matrix()?;
    let chosen = choose(&matrix, distros, &[channel], target, session)?;
    let listings = listings(&chosen, channel, target, session)?;
    Ok(listings.iter().flat_map(|listing| &listing.packages).map(|package| package.sha256.to_string()).collect())
}

/// Prints what [`promote`] would add.
pub fn preview(from: &Channel, to: &Channel, distros: &[String], target: &Target, session: &Session) -> Result<()> {
    let matrix = session.matrix()?;
    let chosen = choose(&matrix, distros, &[from], target, session)?;
    let mut differences = differences(&chosen, from, to, target, session)?;
    differences.retain(|difference| difference.from.is_some());
    show(&differences, from, to, session)
}

/// Adds what one channel has to another one.
pub fn promote(
    from: &Channel,
    to: &Channel,
    distros: &[String],
    target: &Target,
    session: &Session,
) -> Result<Summary> {
    let matrix = session.matrix()?;
    let chosen = choose(&matrix, distros, &[from], target, session)?;
    let fetched = tempfile::tempdir().context("cannot make a folder for packages on their way")?;
    // One listing a repository, in the order in which the site is made.
    let mut listed = listings(&chosen, from, target, session)?.into_iter();
    let mut added = Vec::new();
    let mut site = site_of(chosen, to, session, |_, _| {
        let packages = listed.next().map(|listing| listing.packages).unwrap_or_default();
        let add =
            packages.iter().map(|package| at_hand(package, target, fetched.path())).collect::<Result<Vec<_>>>()?;
        added.extend(add.iter().cloned());
        Ok(Selection::Change(Change { add, ..Change::default() }))
    })?;
    site.front = Some(front_of(target, &added, None, session)?);
    target.publish(&site, "Promoting and signing", session)
}

/// A published package as a file of this machine: fetched, where it is not one.
fn at_hand(package: &ListedPackage, target: &Target, folder: &Path) -> Result<PathBuf> {
    if let Some(tree) = target.destination.as_folder() {
        return Ok(package.file.under(tree.root()));
    }
    let path = package.file.under(folder);
    let gone = || format!("{} is gone: somebody has pruned it; run again", package.file);
    let mut from = target.destination.open(&package.file)?.with_context(gone)?;
    let context = || format!("cannot write {}", path.display());
    std::fs::create_dir_all(path.parent().unwrap_or(folder)).with_context(context)?;
    let mut file = std::fs::File::create(&path).with_context(context)?;
    std::io::copy(&mut from, &mut file).with_context(|| format!("cannot fetch {}", package.file))?;
    Ok(path)
}

/// A package that two channels have in different versions, or that one of them lacks.
#[derive(Debug, Serialize)]
struct Difference {
    repository: String,
    package: String,
    architecture: String,
    from: Option<String>,
    to: Option<String>,
}

/// Shows how two channels differ.
pub fn diff(from: &Channel, to: &Channel, distros: &[String], target: &Target, session: &Session) -> Result<ExitCode> {
    let matrix = session.matrix()?;
    let chosen = choose(&matrix, distros, &[from, to], target, session)?;
    show(&differences(&chosen, from, to, target, session)?, from, to, session)?;
    Ok(ExitCode::SUCCESS)
}

fn differences(
    distros: &[&Distro],
    from: &Channel,
    to: &Channel,
    target: &Target,
    session: &Session,
) -> Result<Vec<Difference>> {
    let sides = [listings(distros, from, target, session)?, listings(distros, to, target, session)?];
    let [from, to] = sides;
    Ok(from.iter().zip(&to).flat_map(|(from, to)| compare(from, to)).collect())
}

/// By name and architecture: the versions that only one of both has.
fn compare(from: &Listing, to: &Listing) -> Vec<Difference> {
    let mut versions: BTreeMap<(&str, &str), [Vec<&ListedPackage>; 2]> = BTreeMap::new();
    for (side, listing) in [from, to].into_iter().enumerate() {
        for package in &listing.packages {
            let both = versions.entry((&package.name, &package.architecture)).or_default();
            if let Some(side) = both.get_mut(side) {
                side.push(package);
            }
        }
    }
    let mut found = Vec::new();
    for ((name, architecture), [from_side, to_side]) in versions {
        let only = |ours: &[&ListedPackage], theirs: &[&ListedPackage]| {
            let new = |one: &&&ListedPackage| !theirs.iter().any(|other| other.sha256 == one.sha256);
            let versions: Vec<&str> = ours.iter().filter(new).map(|one| one.version.as_str()).collect();
            (!versions.is_empty()).then(|| versions.join(", "))
        };
        let (from, to) = (only(&from_side, &to_side), only(&to_side, &from_side));
        if from.is_some() || to.is_some() {
            found.push(Difference {
                repository: to_path(to_side.first().or(from_side.first())),
                package: name.to_owned(),
                architecture: architecture.to_owned(),
                from,
                to,
            });
        }
    }
    found
}

/// The repository of a package, as people know it: without its folder of packages.
fn to_path(package: Option<&&ListedPackage>) -> String {
    let file = package.map_or("", |package| package.file.as_str());
    file.rsplitn(3, '/').nth(2).unwrap_or(file).to_owned()
}

fn show(differences: &[Difference], from: &Channel, to: &Channel, session: &Session) -> Result<()> {
    if session.json {
        return report::json(&differences);
    }
    if differences.is_empty() {
        report::line(&format!("{from} and {to} have the same packages"));
        return Ok(());
    }
    let text = |versions: &Option<String>| versions.clone().unwrap_or_else(|| "-".to_owned());
    let rows: Vec<_> = differences
        .iter()
        .map(|one| {
            [one.repository.clone(), one.package.clone(), one.architecture.clone(), text(&one.from), text(&one.to)]
        })
        .collect();
    let (from, to) = (format!("Only in {from}"), format!("Only in {to}"));
    report::table(["Repository", "Package", "Architecture", &from, &to], &rows);
    Ok(())
}

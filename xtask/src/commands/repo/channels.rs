//! `cargo xtask repo list`, `promote` and `diff`: what is in a channel, and how it gets into another one.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::SystemTime;

use anyhow::{Result, bail};
use packaging::distro::Distro;
use repo_layout::{Change, ListedPackage, Listing, Selection, Site, Summary};
use serde::Serialize;

use super::pages::front_of_tree;
use super::site::site_of;
use super::{Target, published};
use crate::channel::Channel;
use crate::session::Session;
use crate::{keys, report};

/// The distros that were named; without names, those with something published in one of the channels.
fn choose<'a>(
    matrix: &'a packaging::distro::Matrix,
    names: &[String],
    channels: &[&Channel],
    target: &Target<'_>,
    session: &Session,
) -> Result<Vec<&'a Distro>> {
    let chosen: Vec<&Distro> = match names {
        [] => published(matrix, channels, target, session)?,
        names => names.iter().map(|name| matrix.get(name)).collect::<Result<_, _>>()?,
    };
    if chosen.is_empty() {
        let channels: Vec<String> = channels.iter().map(ToString::to_string).collect();
        bail!("{} has nothing published in {}", session.shown(&target.out), channels.join(" or "));
    }
    Ok(chosen)
}

/// What the signed indexes of a channel list.
fn listings(distros: &[&Distro], channel: &Channel, target: &Target<'_>, session: &Session) -> Result<Vec<Listing>> {
    let site = site_of(distros.iter().copied(), channel, session, |_, _| Ok(Selection::InPlace))?;
    let key = keys::load_any(&target.key.which, session)?;
    Ok(repo_layout::listings(&site, &target.out, key.keyring(), SystemTime::now().max(session.epoch_time()?))?)
}

/// Lists what is published.
pub fn list(distros: &[String], channel: &Channel, target: &Target<'_>, session: &Session) -> Result<()> {
    let matrix = session.matrix()?;
    let chosen = choose(&matrix, distros, &[channel], target, session)?;
    let listings = listings(&chosen, channel, target, session)?;
    if session.json {
        return report::json(&listings);
    }
    let row = |path: &str, one: &ListedPackage| {
        [path.to_owned(), one.name.clone(), one.version.clone(), one.architecture.clone(), report::bytes(one.size)]
    };
    let rows: Vec<_> = listings
        .iter()
        .flat_map(|listing| listing.packages.iter().map(|one| row(listing.path.as_str(), one)))
        .collect();
    report::table(["Repository", "Package", "Version", "Architecture", "Size"], &rows);
    Ok(())
}

/// The SHA-256 of every package that a channel lists.
pub fn digests(
    channel: &Channel,
    distros: &[String],
    target: &Target<'_>,
    session: &Session,
) -> Result<BTreeSet<String>> {
    let matrix = session.matrix()?;
    let chosen = choose(&matrix, distros, &[channel], target, session)?;
    let listings = listings(&chosen, channel, target, session)?;
    Ok(listings.iter().flat_map(|listing| &listing.packages).map(|package| package.sha256.to_string()).collect())
}

/// Prints what [`promote`] would add.
pub fn preview(from: &Channel, to: &Channel, distros: &[String], target: &Target<'_>, session: &Session) -> Result<()> {
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
    target: &Target<'_>,
    session: &Session,
) -> Result<Summary> {
    let matrix = session.matrix()?;
    let chosen = choose(&matrix, distros, &[from], target, session)?;
    // One listing a repository, in the order in which the site is made.
    let mut listed = listings(&chosen, from, target, session)?.into_iter();
    let mut site = site_of(chosen, to, session, |_, _| {
        let packages = listed.next().map(|listing| listing.packages).unwrap_or_default();
        let add: Vec<PathBuf> = packages.iter().map(|package| package.file.under(&target.out)).collect();
        Ok(Selection::Change(Change { add, ..Change::default() }))
    })?;
    site.front = Some(front_of_tree(&target.out, &added_to(&site), None, session)?);
    target.publish(&site, "Promoting and signing", session)
}

/// Every file that a site adds.
fn added_to(site: &Site) -> Vec<PathBuf> {
    let apt = site.suites.iter().map(|suite| &suite.packages);
    let selections = apt.chain(site.yum.iter().map(|one| &one.packages));
    let added = selections.filter_map(|selection| match selection {
        Selection::Change(change) => Some(&change.add),
        _ => None,
    });
    added.flatten().cloned().collect()
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
pub fn diff(from: &Channel, to: &Channel, distros: &[String], target: &Target<'_>, session: &Session) -> Result<()> {
    let matrix = session.matrix()?;
    let chosen = choose(&matrix, distros, &[from, to], target, session)?;
    show(&differences(&chosen, from, to, target, session)?, from, to, session)
}

fn differences(
    distros: &[&Distro],
    from: &Channel,
    to: &Channel,
    target: &Target<'_>,
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

//! What is published, as a list.

use std::time::SystemTime;

use serde::Serialize;
use signing::Keyring;

use crate::apt::Apt;
use crate::destination::Destination;
use crate::index::Family;
use crate::publish::Published;
use crate::yum::Yum;
use crate::{Error, Sha256Hex, Site, TreePath};

/// A repository of a tree, with what its signed index lists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Listing {
    /// Its folder within the tree.
    pub path: TreePath,
    /// Its packages by file name; empty when nothing is published there.
    pub packages: Vec<ListedPackage>,
}

/// A package of a [`Listing`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ListedPackage {
    /// Its name.
    pub name: String,
    /// Its version, with epoch and revision or release where it has them.
    pub version: String,
    /// Its architecture.
    pub architecture: String,
    /// Where its file lies within the tree.
    pub file: TreePath,
    /// Bytes of the file.
    pub size: u64,
    /// SHA-256 of the file.
    pub sha256: Sha256Hex,
}

/// Lists what the repositories of `site` hold at a destination, as far as the signature by one of `keys` vouches for it. The
/// selections of the site do not matter.
///
/// # Errors
/// [`Error::PublishedSignature`], [`Error::Published`], or when a file cannot be read.
pub fn listings(
    site: &Site,
    destination: &dyn Destination,
    keys: &Keyring,
    now: SystemTime,
) -> Result<Vec<Listing>, Error> {
    let apt = site.suites.iter().map(|suite| listing(&Apt { suite, keys, now }, destination));
    let yum = site.yum.iter().map(|repository| listing(&Yum { repository, keys, now }, destination));
    apt.chain(yum).collect()
}

fn listing<F: Family>(family: &F, destination: &dyn Destination) -> Result<Listing, Error> {
    let path = family.folder()?;
    let pool = path.join(F::PACKAGES)?;
    let mut packages = Vec::new();
    let entry_point = Published::find(destination, &path)?.entry;
    let entries = entry_point.map(|entry_point| {
        let vouched = family.vouched(destination, &entry_point.bytes)?;
        family.published(destination, &vouched)
    });
    let entries = entries.transpose()?;
    for entry in entries.into_iter().flatten() {
        let entry = entry?;
        packages.push(ListedPackage {
            file: pool.join(&entry.file_name)?,
            name: entry.name,
            version: entry.version,
            architecture: entry.architecture,
            size: entry.size,
            sha256: entry.sha256,
        });
    }
    Ok(Listing { path, packages })
}

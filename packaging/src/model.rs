//! A package as it will be written: resolved for one distro and one architecture, the same for deb and rpm.
//!
//! Everything a writer needs is here; nothing here knows a format.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::changelog::Changelog;
use crate::distro::{Compression, DistroId};
use crate::lifecycle::Lifecycle;
use crate::names::{InstallPath, PackageArch, PackageName};
use crate::relation::Relations;
use crate::version::Version;

/// One package, resolved. Writers turn it into bytes.
#[derive(Debug, Clone)]
pub struct Package {
    /// Its name.
    pub name: PackageName,
    /// Upstream version and revision (the distro's release suffix included).
    pub version: Version,
    /// What it runs on.
    pub arch: PackageArch,
    /// The distro that it is made for.
    pub distro: DistroId,
    /// One line, no article, no full stop (Debian policy §3.4.1).
    pub summary: String,
    /// Paragraphs, each one line of running text; writers fold them.
    pub description: Vec<String>,
    /// Debian archive section, for example `net`.
    pub section: String,
    /// SPDX expression.
    pub licence: String,
    /// Project page.
    pub homepage: String,
    /// `Name <address>`.
    pub maintainer: String,
    /// Depends, Recommends, Conflicts and so on.
    pub relations: Relations,
    /// What is installed, by path: iteration order is archive order.
    pub contents: BTreeMap<InstallPath, Entry>,
    /// What happens around installation and removal.
    pub lifecycle: Lifecycle,
    /// What changed, newest first.
    pub changelog: Changelog,
    /// Every time stamp inside the package, in Unix seconds (`SOURCE_DATE_EPOCH`).
    pub epoch: u64,
    /// How its payload is compressed.
    pub compression: Compression,
    /// Of the binaries whose debugging symbols it holds; empty for all but packages of symbols.
    pub build_ids: Vec<String>,
}

/// One installed thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// File, directory or link, with what it holds.
    pub kind: EntryKind,
    /// Permission bits, for example `0o644`.
    pub mode: u32,
    /// Owner by name.
    pub owner: String,
    /// Group by name.
    pub group: String,
    /// How package managers treat it.
    pub role: Role,
}

impl Entry {
    /// A directory as every file's parent is: root's, and open to all.
    pub fn folder() -> Self {
        let root = || "root".to_owned();
        Self { kind: EntryKind::Directory, mode: 0o755, owner: root(), group: root(), role: Role::Plain }
    }
}

/// What an [`Entry`] is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntryKind {
    /// A directory that the package owns.
    Directory,
    /// A regular file.
    File(Content),
    /// A symbolic link to this target.
    Symlink(String),
}

/// Where a file's bytes come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// From a file of this repository or a built binary.
    Path(PathBuf),
    /// Made in memory (changelog, copyright, generated settings).
    Bytes(Vec<u8>),
}

/// How package managers treat an [`Entry`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Replaced on upgrade.
    Plain,
    /// The user's edits survive: dpkg conffile, rpm `%config(noreplace)`.
    Config,
    /// rpm `%doc`; plain in Debian.
    Doc,
    /// rpm `%license`; plain in Debian.
    Licence,
}

impl Content {
    /// The bytes, read now.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn read(&self) -> std::io::Result<Vec<u8>> {
        match self {
            Self::Path(path) => std::fs::read(path),
            Self::Bytes(bytes) => Ok(bytes.clone()),
        }
    }
}

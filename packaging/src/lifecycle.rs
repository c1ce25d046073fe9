//! What happens around installation and removal, said once. `scripts.rs` lowers it into maintainer scripts for dpkg
//! and scriptlets for rpm.

use serde::Deserialize;

use crate::names::InstallPath;

/// Everything that a package does besides placing files.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lifecycle {
    /// The system user made before files are placed (rpm) or configured (dpkg); never removed.
    pub user: Option<SystemUser>,
    /// Entries whose owner or group is not root, as `(path, owner, group, mode)`: dpkg unpacks before the user
    /// exists, so that `postinst` sets them; rpm carries owners in its header.
    pub ownership: Vec<Ownership>,
    /// systemd units that the package brings, or (an umbrella) only drives.
    pub units: Vec<Unit>,
    /// What `apt purge` deletes beside conffiles. rpm has no purge.
    pub purge: Vec<InstallPath>,
}

/// A system user with a group of the same name, no login shell.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SystemUser {
    /// User and group name.
    pub name: String,
    /// Home directory; it is not created.
    pub home: InstallPath,
    /// The comment field.
    pub comment: String,
}

/// One entry whose owner or group is not root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ownership {
    /// Which entry.
    pub path: InstallPath,
    /// Owner by name.
    pub owner: String,
    /// Group by name.
    pub group: String,
    /// Permission bits.
    pub mode: u32,
}

/// A systemd unit in a package's life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    /// For example `wallarm-tarantool.service`.
    pub name: String,
    /// The package brings the unit file: it restarts the unit on upgrade if it was running. Otherwise the package is an umbrella over another one's unit: it
    /// starts the unit when it comes and stops it when it goes.
    pub shipped: bool,
}

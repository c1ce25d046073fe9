//! What happens around installation and removal, said once. `scripts.rs` lowers it into maintainer scripts for dpkg
//! and scriptlets for rpm.

use serde::Deserialize;

use crate::names::InstallPath;
use crate::nginx::{NginxVersion, Signature};

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
    /// The NGINX modules that the package brings, one of which fits the machine's NGINX.
    pub module: Option<NginxModule>,
}

/// Modules for several NGINX builds, and how the one that fits is switched on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NginxModule {
    /// What each is built for, oldest first.
    pub builds: Vec<(NginxVersion, Signature)>,
    /// Where they are, one folder a version, with the program that links them.
    pub folder: InstallPath,
    /// NGINX's own folder of modules.
    pub modules: InstallPath,
    /// The file that loads the module; `None` where the administrator writes that line.
    pub stanza: Option<Stanza>,
    /// The group of NGINX's workers.
    pub group: String,
}

/// A file with a `load_module` line, and the link that switches it on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stanza {
    /// The file.
    pub available: InstallPath,
    /// The link to it.
    pub enabled: InstallPath,
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

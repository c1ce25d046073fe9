//! What a package is made of, as data for those who look for known flaws: a software bill of materials in CycloneDX
//! (<https://cyclonedx.org/docs/1.6/json/>) and SPDX (<https://spdx.github.io/spdx-spec/v2.3/>).
//!
//! What is linked into a binary is handed over by the caller, who built it. The same package and the same inputs give the same bytes:
//! the only time is the commit's, and serial numbers are derived from the content.

mod cyclonedx;
mod spdx;

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

use crate::distro::{Distro, Format};
use crate::names::{PackageArch, PackageName};
use crate::nginx::NginxVersion;
use crate::project::Project;
use crate::version::Version;

pub use cyclonedx::cyclonedx;
pub use spdx::spdx;

/// What ends the name of a CycloneDX document.
pub const CYCLONEDX: &str = "cdx.json";

/// What ends the name of an SPDX document.
pub const SPDX: &str = "spdx.json";

/// Where a document is installed: scanners look for these endings, and do not unpack.
#[must_use]
pub fn path(package: &PackageName, ending: &str) -> String {
    format!("/usr/share/doc/{package}/sbom.{ending}")
}

/// One thing that went into a binary.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Component {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// SPDX expression, when one is known.
    pub licence: Option<String>,
    /// SHA-256 of its source archive, when it is fetched as one.
    pub sha256: Option<String>,
    /// Kinds of identifiers by <https://github.com/package-url/purl-spec>: `cargo`, `generic`.
    pub ecosystem: &'static str,
    /// What it needs itself, as `name version` of other components.
    pub needs: Vec<(String, String)>,
}

impl Component {
    /// Its package URL.
    #[must_use]
    pub fn purl(&self) -> String {
        format!("pkg:{}/{}@{}", self.ecosystem, encode(&self.name), encode(&self.version))
    }

    fn is(&self, (name, version): &(String, String)) -> bool {
        self.name == *name && self.version == *version
    }
}

/// An NGINX that a module is built for.
#[must_use]
pub fn nginx(version: NginxVersion) -> Component {
    Component {
        name: "nginx".to_owned(),
        version: version.to_string(),
        licence: Some("BSD-2-Clause".to_owned()),
        sha256: None,
        ecosystem: "generic",
        needs: Vec::new(),
    }
}

/// The bill of one package.
#[derive(Debug)]
pub struct Bill<'a> {
    /// The package.
    pub name: &'a PackageName,
    /// Its version.
    pub version: &'a Version,
    /// Its architecture.
    pub arch: PackageArch,
    /// What it is for.
    pub distro: &'a Distro,
    /// Who makes it.
    pub project: &'a Project,
    /// What is linked into its binaries, sorted.
    pub linked: Vec<Component>,
    /// Versions of NGINX that its modules are built for; NGINX itself is not in the package.
    pub built_for: Vec<Component>,
    /// Every time stamp, in Unix seconds.
    pub epoch: u64,
}

impl Bill<'_> {
    /// The package's own URL.
    #[must_use]
    pub fn purl(&self) -> String {
        let (kind, arch) = match self.distro.format() {
            Format::Deb => ("deb", self.arch.debian()),
            Format::Rpm => ("rpm", self.arch.rpm()),
        };
        let (vendor, name) = (encode(&self.project.name), encode(self.name.as_str()));
        format!(
            "pkg:{kind}/{vendor}/{name}@{}?arch={arch}&distro={}",
            encode(&self.version.to_string()),
            self.distro.id
        )
    }

    /// Components that no other component needs: what the package itself holds.
    fn roots(&self) -> impl Iterator<Item = &Component> {
        let needed = |one: &Component| self.linked.iter().any(|other| other.needs.iter().any(|need| one.is(need)));
        self.linked.iter().filter(move |one| !needed(one))
    }

    /// The components that `component` needs.
    fn needs_of<'b>(&'b self, component: &'b Component) -> impl Iterator<Item = &'b Component> {
        self.linked.iter().filter(|other| component.needs.iter().any(|need| other.is(need)))
    }

    /// A version 8 UUID (RFC 9562 §5.8) of the content: two bills are the same exactly when their numbers are.
    fn uuid(&self) -> String {
        let mut hasher = Sha256::new();
        hasher.update(format!("{} {}", self.purl(), self.epoch));
        for component in self.linked.iter().chain(&self.built_for) {
            hasher.update(format!("{component:?}"));
        }
        let mut bytes: Vec<u8> = hasher.finalize().into_iter().take(16).collect();
        for (index, mask, bits) in [(6, 0x0f, 0x80), (8, 0x3f, 0x80)] {
            if let Some(byte) = bytes.get_mut(index) {
                *byte = *byte & mask | bits;
            }
        }
        let hex = bytes.iter().fold(String::new(), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        });
        let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
        format!("{}-{}-{}-{}-{}", part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32))
    }
}

/// Percent-encoding of a part of a package URL.
fn encode(text: &str) -> String {
    text.bytes().fold(String::new(), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
        encoded
    })
}

/// `2026-11-22T16:23:18Z`.
fn timestamp(epoch: u64) -> String {
    let time = i64::try_from(epoch).ok().and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
    time.unwrap_or(jiff::Timestamp::MAX).to_string()
}

//! The NGINX builds that the module is made for, read from `nginx.toml`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::data_file::{self, DataFileError};
use crate::distro::{DistroId, Matrix};

/// The shape of a signature, for people and for scripts: NGINX's documentation of modules greps for the first 33 digits.
pub const SIGNATURE_PATTERN: &str = ".,.,.,[01]{33,}";

/// Why the builds were refused.
#[derive(Debug, thiserror::Error)]
pub enum BuildsError {
    /// The file cannot be read, or has a wrong or unknown key.
    #[error(transparent)]
    File(#[from] DataFileError),
    /// A build names something that is not there.
    #[error("{path}: {build}: there is no {kind} `{name}`; add it, or correct the name")]
    Unknown {
        /// The file.
        path: PathBuf,
        /// Which build.
        build: String,
        /// What kind of thing is missing.
        kind: &'static str,
        /// Its name.
        name: String,
    },
    /// Two builds of one version for one package.
    #[error("{path}: {build} is there twice for {distro}")]
    Twice {
        /// The file.
        path: PathBuf,
        /// Which build.
        build: String,
        /// For which distro.
        distro: DistroId,
    },
}

/// A version or a signature that is none.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum NginxNameError {
    /// Not three numbers.
    #[error("`{0}` is no NGINX version: write three numbers, for example 1.28.3")]
    Version(String),
    /// Not what NGINX puts into its binaries.
    #[error("`{0}` is no NGINX signature: it looks like 8,4,8, followed by 33 or more zeros and ones")]
    Signature(String),
}

/// The version of an NGINX, compared by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct NginxVersion {
    major: u16,
    minor: u16,
    patch: u16,
}

impl FromStr for NginxVersion {
    type Err = NginxNameError;

    fn from_str(text: &str) -> Result<Self, NginxNameError> {
        let numbers: Option<Vec<u16>> = text.split('.').map(|number| number.parse().ok()).collect();
        match numbers.as_deref() {
            Some([major, minor, patch]) => Ok(Self { major: *major, minor: *minor, patch: *patch }),
            _ => Err(NginxNameError::Version(text.to_owned())),
        }
    }
}

impl TryFrom<String> for NginxVersion {
    type Error = NginxNameError;

    fn try_from(text: String) -> Result<Self, NginxNameError> {
        text.parse()
    }
}

impl From<NginxVersion> for String {
    fn from(version: NginxVersion) -> Self {
        version.to_string()
    }
}

impl fmt::Display for NginxVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}.{}.{}", self.major, self.minor, self.patch))
    }
}

/// What NGINX compares before it loads a module: sizes of three types, and a digit for each switch that changes a structure.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Signature(String);

impl Signature {
    /// The string itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Signature {
    type Err = NginxNameError;

    fn from_str(text: &str) -> Result<Self, NginxNameError> {
        let parts: Vec<&str> = text.split(',').collect();
        let digit = |part: &str| part.len() == 1 && part.bytes().all(|byte| byte.is_ascii_digit());
        match parts.as_slice() {
            [pointer, atomic, time, switches]
                if [pointer, atomic, time].into_iter().all(|part| digit(part))
                    && switches.len() >= 33
                    && switches.bytes().all(|byte| matches!(byte, b'0' | b'1')) =>
            {
                Ok(Self(text.to_owned()))
            }
            _ => Err(NginxNameError::Signature(text.to_owned())),
        }
    }
}

impl TryFrom<String> for Signature {
    type Error = NginxNameError;

    fn try_from(text: String) -> Result<Self, NginxNameError> {
        text.parse()
    }
}

impl From<Signature> for String {
    fn from(signature: Signature) -> Self {
        signature.0
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whose NGINX it is; each has a module package of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Flavour {
    /// nginx.org's packages of the stable version.
    #[serde(rename = "nginx.org")]
    NginxOrg,
    /// NGINX Plus.
    #[serde(rename = "plus")]
    Plus,
    /// The distribution's own.
    #[serde(rename = "distro")]
    Distro,
}

impl fmt::Display for Flavour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NginxOrg => "nginx.org",
            Self::Plus => "NGINX Plus",
            Self::Distro => "the distribution's",
        })
    }
}

/// Where the source of a version comes from; `nginx.toml` explains the fields.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// A crate that carries it.
    #[serde(rename = "crate")]
    pub crate_name: Option<String>,
    /// Whether Debian's mirrors have it.
    #[serde(default)]
    pub debian: bool,
    /// Of nginx.org's archive, in hexadecimal digits.
    pub sha256: Option<String>,
}

/// The package relation that names one NGINX; `nginx.toml` explains the fields.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Need {
    /// A package, or a name that one provides.
    pub name: String,
    /// The first version that is meant.
    pub from: Option<String>,
    /// The first version that is not meant any more.
    pub before: Option<String>,
    /// A further relation.
    pub with: Option<String>,
}

/// One NGINX.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Build {
    /// Whose it is.
    pub flavour: Flavour,
    /// Its version.
    pub version: NginxVersion,
    /// Where it is found.
    pub distros: BTreeSet<DistroId>,
    /// Key of its configure arguments.
    pub arguments: String,
    /// Its signature.
    pub signature: Signature,
    /// The relation that names it.
    pub needs: Need,
}

/// `nginx.org 1.28.3`.
impl fmt::Display for Build {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.flavour, self.version)
    }
}

/// Every build, with its source and arguments.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Builds {
    source: BTreeMap<NginxVersion, Source>,
    arguments: BTreeMap<String, Vec<String>>,
    build: Vec<Build>,
}

impl Builds {
    /// Reads the builds from a file, and holds their names to `matrix`.
    ///
    /// # Errors
    /// When it cannot be read, a key is unknown, missing or wrong, or a build names what is not there.
    pub fn load(path: &Path, matrix: &Matrix) -> Result<Self, BuildsError> {
        let builds: Self = data_file::read(path)?;
        let mut seen = BTreeSet::new();
        for build in &builds.build {
            let unknown = |kind, name: String| {
                Err(BuildsError::Unknown { path: path.to_owned(), build: build.to_string(), kind, name })
            };
            if !builds.source.contains_key(&build.version) {
                return unknown("source", build.version.to_string());
            }
            if !builds.arguments.contains_key(&build.arguments) {
                return unknown("list of arguments", build.arguments.clone());
            }
            for distro in &build.distros {
                if matrix.get(distro.as_str()).is_err() {
                    return unknown("distro", distro.to_string());
                }
                if !seen.insert((build.flavour, distro, build.version)) {
                    let (path, build) = (path.to_owned(), build.to_string());
                    return Err(BuildsError::Twice { path, build, distro: distro.clone() });
                }
            }
        }
        Ok(builds)
    }

    /// Every build, in the order of the file.
    pub fn iter(&self) -> impl Iterator<Item = &Build> {
        self.build.iter()
    }

    /// Every version with where its source comes from, oldest first.
    pub fn sources(&self) -> impl Iterator<Item = (&NginxVersion, &Source)> {
        self.source.iter()
    }

    /// The builds of a flavour that a distro has, oldest first.
    pub fn of(&self, flavour: Flavour, distro: &DistroId) -> Vec<&Build> {
        let mut found: Vec<&Build> =
            self.build.iter().filter(|build| build.flavour == flavour && build.distros.contains(distro)).collect();
        found.sort_by_key(|build| build.version);
        found
    }

    /// Where the source of a build comes from, and how it is configured. `load` has made sure that both are there.
    pub fn recipe(&self, build: &Build) -> Option<(&Source, &[String])> {
        Some((self.source.get(&build.version)?, self.arguments.get(&build.arguments)?))
    }
}

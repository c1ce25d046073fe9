//! Versions: `4.8.9-1`, and on an EL system `4.8.9-1.el8`.

use std::fmt;
use std::str::FromStr;

/// Why a version was refused.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum VersionError {
    /// Not three numbers.
    #[error("`{0}` is no version: write MAJOR.MINOR.PATCH in digits, for example 4.8.9")]
    Upstream(String),
    /// Not a positive number, or not a release suffix.
    #[error("`{0}` is no revision: write a number, for example 1")]
    Revision(String),
}

/// `MAJOR.MINOR.PATCH` (specification: packages and repositories, §3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Upstream {
    /// First number.
    pub major: u32,
    /// Second number; minors step by two.
    pub minor: u32,
    /// Third number.
    pub patch: u32,
}

impl Upstream {
    /// What repositories are addressed by: `4.8`.
    pub fn line(self) -> String {
        format!("{}.{}", self.major, self.minor)
    }
}

impl FromStr for Upstream {
    type Err = VersionError;

    fn from_str(text: &str) -> Result<Self, VersionError> {
        let refuse = || VersionError::Upstream(text.to_owned());
        let number = |part: &str| match part.bytes().all(|b| b.is_ascii_digit()) {
            true => part.parse().map_err(|_| refuse()),
            false => Err(refuse()),
        };
        let [major, minor, patch] = text.split('.').collect::<Vec<_>>()[..] else { return Err(refuse()) };
        Ok(Self { major: number(major)?, minor: number(minor)?, patch: number(patch)? })
    }
}

impl fmt::Display for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

/// Which packing of one upstream version this is, with the distro's release suffix: `1`, `1.el8`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Revision {
    number: u32,
    suffix: String,
}

impl Revision {
    /// `number` counts packings from 1 (0 is the first of a repository package); `suffix` is empty or starts with a dot.
    pub fn new(number: u32, suffix: &str) -> Self {
        Self { number, suffix: suffix.to_owned() }
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.number, self.suffix)
    }
}

/// A whole package version. `upstream` is text since `wallarm-node-repo` has just `4.8`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Version {
    /// Before the last hyphen; rpm's `Version`.
    pub upstream: String,
    /// After it; rpm's `Release`, dpkg's revision.
    pub revision: Revision,
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.upstream, self.revision)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_three_numbers() {
        let version: Upstream = "4.8.9".parse().unwrap();
        assert_eq!((version.to_string(), version.line()), ("4.8.9".into(), "4.8".into()));
        for bad in ["", "4", "4.8", "4.8.9.1", "4.8.x", "4.8.+9", "4.8.-9", "v4.8.9", "4..9", "4.8.99999999999"] {
            assert_eq!(bad.parse::<Upstream>(), Err(VersionError::Upstream(bad.into())), "{bad}");
        }
    }

    #[test]
    fn el8_appends_its_release_suffix() {
        let version = Version { upstream: "4.8.9".into(), revision: Revision::new(1, ".el8") };
        assert_eq!(version.to_string(), "4.8.9-1.el8");
    }
}

//! Names that are types: what a package, an architecture, an installed path is called.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Why a name was refused.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum NameError {
    /// Debian policy §5.6.1 is the stricter of both formats, so it rules both.
    #[error(
        "`{0}` is no package name: use lower-case letters, digits, `+`, `-` and `.`, at least two, the first a letter or digit"
    )]
    Package(String),
    /// A path that is not absolute, or that leads outside.
    #[error("`{0}` is no installed path: write it absolute, without `.`, `..`, `//` or a slash at its end")]
    Path(String),
    /// An architecture that is in no row of the table.
    #[error("`{0}` is no architecture: the known ones are x86_64 and aarch64")]
    Arch(String),
}

/// The name of a binary package (Debian policy §5.6.7; rpm takes the same).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PackageName(String);

impl PackageName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for PackageName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let alphanumeric = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        let good = text.len() >= 2
            && text.starts_with(alphanumeric)
            && text.chars().all(|c| alphanumeric(c) || "+-.".contains(c));
        if good { Ok(Self(text.to_owned())) } else { Err(NameError::Package(text.to_owned())) }
    }
}

/// The processor that a binary is built for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Arch {
    /// AMD64.
    X86_64,
    /// ARMv8, 64 bits, little endian.
    Aarch64,
}

impl Arch {
    /// Every architecture, in the order in which tables show them.
    pub const ALL: [Self; 2] = [Self::X86_64, Self::Aarch64];

    /// As the kernel and rpm say it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64",
            Self::Aarch64 => "aarch64",
        }
    }

    /// As dpkg says it.
    pub const fn debian(self) -> &'static str {
        match self {
            Self::X86_64 => "amd64",
            Self::Aarch64 => "arm64",
        }
    }
}

impl FromStr for Arch {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        Self::ALL.into_iter().find(|arch| arch.as_str() == text).ok_or_else(|| NameError::Arch(text.to_owned()))
    }
}

/// What a package runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PackageArch {
    /// No machine code inside: `all` in Debian, `noarch` in rpm.
    Independent,
    /// Machine code for one processor.
    Native(Arch),
}

impl PackageArch {
    /// As dpkg says it.
    pub const fn debian(self) -> &'static str {
        match self {
            Self::Independent => "all",
            Self::Native(arch) => arch.debian(),
        }
    }

    /// As rpm says it.
    pub const fn rpm(self) -> &'static str {
        match self {
            Self::Independent => "noarch",
            Self::Native(arch) => arch.as_str(),
        }
    }
}

/// Where a file stands on the user's machine: absolute, normalised, `/`-separated.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct InstallPath(String);

impl InstallPath {
    /// The path, with its leading slash.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The path as archives hold it: without the leading slash.
    pub fn relative(&self) -> &str {
        self.0.trim_start_matches('/')
    }
}

impl FromStr for InstallPath {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let good = text.strip_prefix('/').is_some_and(|rest| {
            rest.split('/').all(|part| !part.is_empty() && part != "." && part != "..")
                && !rest.chars().any(|c| c.is_control() || c.is_whitespace())
        });
        if good { Ok(Self(text.to_owned())) } else { Err(NameError::Path(text.to_owned())) }
    }
}

/// `Display`, and serde through text, the same for every name.
macro_rules! through_text {
    ($($name:ident),*) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }
        impl TryFrom<String> for $name {
            type Error = NameError;
            fn try_from(text: String) -> Result<Self, NameError> {
                text.parse()
            }
        }
        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.as_str().to_owned()
            }
        }
    )*};
}
through_text!(PackageName, Arch, InstallPath);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn package_names_follow_debian_policy() {
        for good in ["wallarm-common", "libnginx-mod-http-wallarm", "g++", "0ad"] {
            assert!(good.parse::<PackageName>().is_ok(), "{good}");
        }
        for bad in ["", "a", "-a", "Wallarm", "a b", "a_b", "a/b", "ä-b"] {
            assert!(bad.parse::<PackageName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn installed_paths_are_absolute_and_stay_inside() {
        for good in ["/etc/wallarm", "/usr/share/doc/x/examples/a.conf"] {
            assert!(good.parse::<InstallPath>().is_ok(), "{good}");
        }
        for bad in ["", "/", "etc", "/etc/", "/etc//x", "/etc/../x", "/./x", "/a b", "/a\nb"] {
            assert!(bad.parse::<InstallPath>().is_err(), "{bad}");
        }
    }

    #[test]
    fn every_architecture_has_its_name_in_both_formats() {
        let names: Vec<_> = Arch::ALL.iter().map(|a| (a.as_str(), a.debian())).collect();
        assert_eq!(names, [("x86_64", "amd64"), ("aarch64", "arm64")]);
    }
}

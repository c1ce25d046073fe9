//! The distro matrix, read from `distros.toml`: the one place that knows what differs between systems.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::data_file::{self, DataFileError};
use crate::names::{Arch, PackageArch, PackageName};
use crate::nginx::Flavour;
use crate::version::Version;

/// A distro that has no table.
#[derive(Debug, thiserror::Error)]
#[error("unknown distro `{asked}`{}; known: {known}", nearest_hint(.nearest))]
pub struct UnknownDistro {
    /// What was asked for.
    pub asked: String,
    /// The nearest name, if one is near.
    pub nearest: Option<DistroId>,
    /// Every name, comma-separated.
    pub known: String,
}

fn nearest_hint(nearest: &Option<DistroId>) -> String {
    nearest.as_ref().map(|name| format!(" (did you mean `{name}`?)")).unwrap_or_default()
}

/// The key of a distro's table: `jammy`, `el8`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DistroId(String);

impl DistroId {
    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for DistroId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// Systems that share conventions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Family {
    /// Debian.
    Debian,
    /// Ubuntu.
    Ubuntu,
    /// CentOS, RHEL, AlmaLinux, Rocky, Oracle and Amazon Linux.
    El,
}

/// Package formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Debian binary package.
    Deb,
    /// RPM v4.
    Rpm,
}

impl Format {
    /// File name extension.
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Deb => "deb",
            Self::Rpm => "rpm",
        }
    }

    /// The file name that apt or yum expects.
    pub fn file_name(self, name: &PackageName, version: &Version, arch: PackageArch) -> String {
        match self {
            Self::Deb => format!("{name}_{version}_{}.deb", arch.debian()),
            Self::Rpm => format!("{name}-{version}.{}.rpm", arch.rpm()),
        }
    }
}

impl Family {
    /// What its package manager reads.
    pub const fn format(self) -> Format {
        match self {
            Self::Debian | Self::Ubuntu => Format::Deb,
            Self::El => Format::Rpm,
        }
    }

    /// First part of its repository paths (specification: packages and repositories, §4).
    pub const fn repository_root(self) -> &'static str {
        match self {
            Self::Debian => "debian",
            Self::Ubuntu => "ubuntu",
            Self::El => "centos",
        }
    }

    /// Where services read their settings (specification: S9).
    pub const fn settings_folder(self) -> &'static str {
        match self {
            Self::Debian | Self::Ubuntu => "/etc/default",
            Self::El => "/etc/sysconfig",
        }
    }

    /// Where collectd's settings for parts of the node are (specification: S10).
    pub const fn collectd_folder(self) -> &'static str {
        match self {
            Self::Debian | Self::Ubuntu => "/etc/collectd/wallarm-collectd.conf.d",
            Self::El => "/etc/wallarm-collectd.d",
        }
    }

    /// NGINX's folder of modules (specification: packages and repositories, §6).
    pub const fn nginx_modules(self) -> &'static str {
        match self {
            Self::Debian | Self::Ubuntu => "/usr/lib/nginx/modules",
            Self::El => "/usr/lib64/nginx/modules",
        }
    }

    /// The link that makes the distribution's NGINX load a module of ours: Debian's sorts them by number, after those that others may need.
    pub const fn nginx_stanza(self) -> &'static str {
        match self {
            Self::Debian | Self::Ubuntu => "/etc/nginx/modules-enabled/50-mod-http-wallarm.conf",
            Self::El => "/usr/share/nginx/modules/mod-http-wallarm.conf",
        }
    }

    /// User and group of NGINX's workers (specification: packages and repositories, §7).
    pub const fn nginx_worker(self, flavour: Flavour) -> &'static str {
        match (self, flavour) {
            (Self::Debian | Self::Ubuntu, Flavour::Distro) => "www-data",
            _ => "nginx",
        }
    }

    /// Where packages put systemd units: Debian's systems up to bookworm may have `/lib` apart from `/usr/lib`.
    pub const fn unit_folder(self) -> &'static str {
        match self {
            Self::Debian | Self::Ubuntu => "/lib/systemd/system",
            Self::El => "/usr/lib/systemd/system",
        }
    }
}

/// How a payload is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    /// The one that every dpkg and rpm of the matrix reads and that is small.
    Xz,
    /// Quick to unpack; for rpm.
    Gzip,
}

/// A glibc version, compared by number: 2.4 < 2.17.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Glibc {
    /// 2 since 1997.
    pub major: u32,
    /// The number that moves.
    pub minor: u32,
}

impl std::str::FromStr for Glibc {
    type Err = String;

    /// Reads `2.17`; a third number, as in `GLIBC_2.2.5`, is dropped upwards: 2.2.5 counts as 2.2.
    fn from_str(text: &str) -> Result<Self, String> {
        let refuse = |_| format!("`{text}` is no glibc version: write MAJOR.MINOR, for example 2.17");
        let mut parts = text.split('.');
        let mut number = || parts.next().unwrap_or_default().parse::<u32>().map_err(refuse);
        Ok(Self { major: number()?, minor: number()? })
    }
}

impl TryFrom<String> for Glibc {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Glibc> for String {
    fn from(glibc: Glibc) -> Self {
        glibc.to_string()
    }
}

impl fmt::Display for Glibc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// One system of the matrix; the fields are explained at the top of `distros.toml`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Distro {
    /// Key of its table.
    #[serde(skip_deserializing, default = "DistroId::unset")]
    pub id: DistroId,
    /// How people call it.
    pub title: String,
    /// Whose conventions it follows.
    pub family: Family,
    /// Code name or major number in repository paths.
    pub release: String,
    /// Its C library.
    pub glibc: Glibc,
    /// Its systemd.
    pub systemd: u32,
    /// What packages are built for.
    pub architectures: Vec<Arch>,
    /// Of payloads.
    pub compression: Compression,
    /// Whether weak dependencies mean anything to it.
    #[serde(default = "yes")]
    pub weak: bool,
    /// Whether its rpm knows relations with `or` and `if`.
    #[serde(default)]
    pub rich: bool,
    /// Names that differ between distros.
    pub names: BTreeMap<String, String>,
}

const fn yes() -> bool {
    true
}

impl DistroId {
    const fn unset() -> Self {
        Self(String::new())
    }
}

impl Distro {
    /// What its package manager reads.
    pub const fn format(&self) -> Format {
        self.family.format()
    }

    /// What the revision of its packages ends in: `.el8`, or nothing.
    pub fn release_suffix(&self) -> String {
        match self.format() {
            Format::Deb => String::new(),
            Format::Rpm => format!(".el{}", self.release),
        }
    }

    /// The flat apt repository: its base path and its suite, `("debian/wallarm-node", "bookworm/4.8")`.
    pub fn apt_suite(&self, line: &str) -> (String, String) {
        (format!("{}/wallarm-node", self.family.repository_root()), format!("{}/{line}", self.release))
    }

    /// The folder of a yum repository, `centos/wallarm-node/8/4.8/x86_64`.
    pub fn yum_path(&self, line: &str, arch: Arch) -> String {
        format!("{}/wallarm-node/{}/{line}/{arch}", self.family.repository_root(), self.release)
    }
}

/// Every distro, by id.
#[derive(Debug, Clone)]
pub struct Matrix(BTreeMap<DistroId, Distro>);

impl Matrix {
    /// Reads a matrix from a file.
    ///
    /// # Errors
    /// When it cannot be read, or a table does not have the shape of a [`Distro`]; the message has line and key.
    pub fn load(path: &Path) -> Result<Self, DataFileError> {
        data_file::read(path).map(Self::new)
    }

    fn new(mut distros: BTreeMap<DistroId, Distro>) -> Self {
        for (id, distro) in &mut distros {
            distro.id = id.clone();
        }
        Self(distros)
    }

    /// All distros, by id.
    pub fn iter(&self) -> impl Iterator<Item = &Distro> {
        self.0.values()
    }

    /// One distro.
    ///
    /// # Errors
    /// When it has no table; the message offers the nearest name.
    pub fn get(&self, asked: &str) -> Result<&Distro, UnknownDistro> {
        self.0.get(&DistroId(asked.to_owned())).ok_or_else(|| UnknownDistro {
            asked: asked.to_owned(),
            nearest: self.nearest(asked).cloned(),
            known: self.0.keys().map(DistroId::as_str).collect::<Vec<_>>().join(", "),
        })
    }

    /// The id within two edits of what was asked for.
    fn nearest(&self, asked: &str) -> Option<&DistroId> {
        let asked = asked.to_lowercase();
        let distance = |id: &&DistroId| edit_distance(&asked, id.as_str());
        self.0.keys().filter(|id| distance(id) <= 2).min_by_key(distance)
    }
}

/// Levenshtein distance, in bytes: names are ASCII and short.
fn edit_distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.bytes().enumerate() {
            let substituted = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHIPPED: &str = include_str!("../distros.toml");

    fn parse(text: &str) -> Result<Matrix, toml::de::Error> {
        toml::from_str(text).map(Matrix::new)
    }

    fn shipped() -> Matrix {
        parse(SHIPPED).unwrap()
    }

    #[test]
    fn the_matrix_has_the_seven_systems_of_the_specification_and_newer_ones() {
        let ids: Vec<_> = shipped().iter().map(|d| d.id.to_string()).collect();
        let [specified, newer] = [
            ["bionic", "bullseye", "buster", "el7", "el8", "focal", "jammy"].as_slice(),
            &["bookworm", "el9", "noble", "trixie"],
        ];
        let mut expected = [specified, newer].concat();
        expected.sort_unstable();
        assert_eq!(ids, expected);
    }

    #[test]
    fn adding_a_distro_is_adding_a_table() {
        let el10 = r#"
            [el10]
            title = "Enterprise Linux 10"
            family = "el"
            release = "10"
            glibc = "2.39"
            systemd = 257
            architectures = ["x86_64", "aarch64"]
            compression = "xz"
            rich = true
            names = { user-tools = "shadow-utils" }
        "#;
        let matrix = parse(&format!("{SHIPPED}\n{el10}")).unwrap();
        let el10 = matrix.get("el10").unwrap();
        assert_eq!(el10.yum_path("4.8", Arch::X86_64), "centos/wallarm-node/10/4.8/x86_64");
        assert_eq!((el10.format(), el10.release_suffix()), (Format::Rpm, ".el10".to_owned()));
    }

    #[test]
    fn every_repository_path_is_the_documented_one() {
        let matrix = shipped();
        let place = |id: &str| {
            let distro = matrix.get(id).unwrap();
            match distro.format() {
                Format::Deb => {
                    let (root, suite) = distro.apt_suite("4.8");
                    format!("{root} {suite}/")
                }
                Format::Rpm => distro.yum_path("4.8", Arch::X86_64),
            }
        };
        assert_eq!(place("buster"), "debian/wallarm-node buster/4.8/");
        assert_eq!(place("jammy"), "ubuntu/wallarm-node jammy/4.8/");
        assert_eq!(place("noble"), "ubuntu/wallarm-node noble/4.8/");
        assert_eq!(place("el7"), "centos/wallarm-node/7/4.8/x86_64");
        assert_eq!(place("el9"), "centos/wallarm-node/9/4.8/x86_64");
    }

    #[test]
    fn an_unknown_distro_is_refused_with_the_nearest_name() {
        let error = shipped().get("jamy").unwrap_err().to_string();
        assert!(error.starts_with("unknown distro `jamy` (did you mean `jammy`?); known: bionic, "), "{error}");
        let error = shipped().get("slackware").unwrap_err().to_string();
        assert!(error.starts_with("unknown distro `slackware`; known: "), "{error}");
    }

    #[test]
    fn an_unknown_key_is_refused_with_its_line() {
        let error = parse(&SHIPPED.replacen("systemd =", "sistemd =", 1)).unwrap_err().to_string();
        assert!(error.contains("unknown field `sistemd`") && error.contains("line "), "{error}");
    }

    #[test]
    fn glibc_versions_compare_by_number() {
        let [old, new]: [Glibc; 2] = ["2.4", "2.17"].map(|text| text.parse().unwrap());
        assert!(old < new);
        assert_eq!("2.2.5".parse::<Glibc>().unwrap().to_string(), "2.2");
    }
}

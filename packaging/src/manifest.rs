//! `packages/<name>/package.toml`: one definition of a package for both formats.
//!
//! Unknown keys are refused, with file and line. `${word}` stands for a value of the distro or the release; see
//! [`crate::variables::Variables`].

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::data_file::{self, DataFileError};
use crate::distro::Format;
use crate::lifecycle::SystemUser;
use crate::names::{InstallPath, PackageName};
use crate::nginx::Flavour;

/// Why a manifest was refused.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// The file cannot be read, or has a wrong or unknown key.
    #[error(transparent)]
    File(#[from] DataFileError),
    /// The folder and the package inside have different names.
    #[error("{path}: the package is called `{name}`, but its folder is not: rename one of them")]
    Folder {
        /// The manifest.
        path: PathBuf,
        /// What it says.
        name: PackageName,
    },
}

/// One package as its maintainers write it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Manifest {
    /// Its name; the folder's name too.
    pub name: PackageName,
    /// One line, no article, no full stop.
    pub summary: String,
    /// Paragraphs apart by an empty line.
    pub description: String,
    /// Debian archive section.
    pub section: String,
    /// Whether it has machine code.
    pub architecture: Architecture,
    /// Formats that it exists in; both when left out.
    #[serde(default = "both_formats")]
    pub formats: Vec<Format>,
    /// Whose NGINX its modules are for: it brings one for each build of that NGINX, and exists where there is such a build.
    pub nginx: Option<Flavour>,
    /// A version of its own, for a package that does not follow the release.
    pub version: Option<OwnVersion>,
    /// Depends and its siblings.
    #[serde(default)]
    pub relations: RelationTexts,
    /// The system user that it makes.
    pub user: Option<SystemUser>,
    /// Installed files.
    #[serde(default)]
    pub file: Vec<FileRule>,
    /// Owned directories that are empty, or not owned by root.
    #[serde(default)]
    pub directory: Vec<DirectoryRule>,
    /// Manual pages.
    #[serde(default)]
    pub man: Vec<PathBuf>,
    /// systemd units.
    #[serde(default)]
    pub unit: Vec<UnitRule>,
    /// What `apt purge` deletes beside conffiles.
    #[serde(default)]
    pub purge: Vec<InstallPath>,
    /// The folder that it was read from.
    #[serde(skip)]
    pub folder: PathBuf,
}

fn both_formats() -> Vec<Format> {
    vec![Format::Deb, Format::Rpm]
}

/// Whether a package has machine code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Architecture {
    /// Made once: `all`, `noarch`.
    Independent,
    /// Made for each architecture of the distro.
    Native,
}

/// A version that does not follow the release.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OwnVersion {
    /// May use `${line}`.
    pub upstream: String,
    /// The revision of the first packing of a release.
    pub revision: u32,
}

impl OwnVersion {
    /// The revision of the n-th packing of a release, counted from 1: each packing is newer than the one before.
    pub(crate) fn of_packing(&self, number: u32) -> u32 {
        self.revision.saturating_add(number.saturating_sub(1))
    }
}

/// Relations as text; [`crate::relation`] has the notation.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct RelationTexts {
    /// Needed to work.
    pub depends: Vec<String>,
    /// Needed by the install scripts; needed to work, too.
    pub scripts_need: Vec<String>,
    /// Wanted, not needed.
    pub recommends: Vec<String>,
    /// Useful beside it.
    pub suggests: Vec<String>,
    /// Cannot be installed together.
    pub conflicts: Vec<String>,
    /// Virtual names.
    pub provides: Vec<String>,
    /// Packages whose files it takes over.
    pub replaces: Vec<String>,
}

/// One installed file: exactly one of `from`, `binary` and `asset` says where its bytes come from. Owner and group may use variables.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileRule {
    /// A file in the package's folder.
    pub from: Option<PathBuf>,
    /// A built binary, by name.
    pub binary: Option<String>,
    /// Something that the caller hands over, by name, for example the signing key.
    pub asset: Option<String>,
    /// Where it is installed; may use variables.
    pub to: String,
    /// Octal, 0644 when left out.
    pub mode: Option<Mode>,
    /// `root` when left out.
    pub owner: Option<String>,
    /// `root` when left out.
    pub group: Option<String>,
    /// Its edits survive an upgrade.
    #[serde(default)]
    pub config: bool,
    /// Variables inside the file are replaced.
    #[serde(default)]
    pub template: bool,
    /// It is installed compressed, as `gzip -9n` does it (Debian policy §12.3).
    #[serde(default)]
    pub gzip: bool,
}

/// One owned directory. Path, owner and group may use variables.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DirectoryRule {
    /// Which.
    pub path: String,
    /// Octal, 0755 when left out.
    pub mode: Option<Mode>,
    /// `root` when left out.
    pub owner: Option<String>,
    /// `root` when left out.
    pub group: Option<String>,
}

/// One systemd unit.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnitRule {
    /// Name with its suffix.
    pub name: String,
    /// The unit file, with variables, in the package's folder. Without it the unit is another package's, and this one is an umbrella that starts and stops it.
    pub from: Option<PathBuf>,
}

/// Permission bits, written as an octal string.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Mode(pub u32);

impl TryFrom<String> for Mode {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let refuse = || format!("`{text}` is no file mode: write four octal digits, for example \"0644\"");
        let bits = u32::from_str_radix(&text, 8).map_err(|_| refuse())?;
        if text.len() == 4 && bits <= 0o7777 { Ok(Self(bits)) } else { Err(refuse()) }
    }
}

impl Manifest {
    /// Reads one manifest.
    ///
    /// # Errors
    /// When it cannot be read, has an unknown key or a wrong value, or stands in a folder of another name.
    pub fn load(path: &Path) -> Result<Self, ManifestError> {
        let mut manifest: Self = data_file::read(path)?;
        manifest.folder = path.parent().map(Path::to_owned).unwrap_or_default();
        if manifest.folder.file_name().is_some_and(|folder| folder == manifest.name.as_str()) {
            Ok(manifest)
        } else {
            Err(ManifestError::Folder { path: path.to_owned(), name: manifest.name })
        }
    }

    /// Reads the manifest of every folder in `packages`, by name.
    ///
    /// # Errors
    /// As [`Manifest::load`].
    pub fn load_all(packages: &Path) -> Result<Vec<Self>, ManifestError> {
        let cannot = |source| DataFileError::Read { path: packages.to_owned(), source };
        let mut folders = Vec::new();
        for entry in std::fs::read_dir(packages).map_err(cannot)? {
            let path = entry.map_err(cannot)?.path();
            if path.is_dir() {
                folders.push(path);
            }
        }
        folders.sort();
        folders.iter().map(|folder| Self::load(&folder.join("package.toml"))).collect()
    }
}

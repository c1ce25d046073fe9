//! What can be wrong with a package, and where.

use std::path::PathBuf;

use crate::names::{InstallPath, NameError};
use crate::needs::NeedsError;
use crate::relation::RelationError;
use crate::variables::UnknownVariable;

/// Why a package could not be resolved.
#[derive(Debug, thiserror::Error)]
#[error("package {package} for {distro}: {source}")]
pub struct ResolveError {
    /// Which package.
    pub package: String,
    /// For which distro.
    pub distro: String,
    /// What is wrong.
    pub source: Box<Problem>,
}

/// What can be wrong with a package.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// `${word}` that stands for nothing.
    #[error(transparent)]
    Variable(#[from] UnknownVariable),
    /// `@word` that the distro does not name.
    #[error("relation `@{word}`: distros.toml has no such key in this distro's `names`; add it")]
    Name {
        /// The word.
        word: String,
    },
    /// A bill of materials that cannot be written.
    #[error("cannot write the bill of materials sbom.{ending}: {source}")]
    Bill {
        /// Which.
        ending: &'static str,
        /// Why not.
        source: serde_json::Error,
    },
    /// A relation that is none.
    #[error(transparent)]
    Relation(#[from] RelationError),
    /// A path that is none.
    #[error(transparent)]
    Path(#[from] NameError),
    /// A file that is not there.
    #[error("cannot read {path} for {to}: {source}")]
    Missing {
        /// What was looked for.
        path: PathBuf,
        /// Where it would be installed.
        to: String,
        /// The system's word.
        source: std::io::Error,
    },
    /// A binary or asset that the caller did not hand over.
    #[error("{to}: {kind} `{name}` was not handed over; at hand: {known}")]
    NotHandedOver {
        /// `binary` or `asset`.
        kind: &'static str,
        /// Its name.
        name: String,
        /// Where it would be installed.
        to: String,
        /// What there is.
        known: String,
    },
    /// None, or more than one, of the three sources.
    #[error("{to}: say exactly one of `from`, `binary` and `asset`")]
    Source {
        /// Where it would be installed.
        to: String,
    },
    /// Two entries at one path.
    #[error("{0} is installed twice")]
    Twice(InstallPath),
    /// A conffile outside `/etc` (Debian policy §10.7.2).
    #[error("{0}: a `config` file belongs below /etc")]
    ConfigOutsideEtc(InstallPath),
    /// A manual page without a section.
    #[error("{0}: a manual page ends in its section, for example `wtarantool.1`")]
    ManualSection(PathBuf),
    /// A binary in a package that claims to have none.
    #[error("{0} is a binary, but the package says architecture = \"independent\"")]
    BinaryInIndependent(InstallPath),
    /// A binary that the distro cannot run.
    #[error(transparent)]
    Needs(#[from] NeedsError),
}

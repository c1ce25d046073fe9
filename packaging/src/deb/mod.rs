//! Debian binary packages: deb(5), Debian policy §3 to §6.
//!
//! ```text
//! debian-binary    "2.0"
//! control.tar.xz   control, conffiles, md5sums, maintainer scripts     control_archive.rs, control.rs
//! data.tar.xz      what is installed                                   data.rs
//! ```

mod control;
mod control_archive;
mod data;

use std::io;
use std::path::{Path, PathBuf};

use formats::{ar, deb822};

use crate::compress;
use crate::distro::Format;
use crate::model::Package;
use crate::names::InstallPath;
use crate::output::{self, Written};

pub use control::control;

/// The format version that every dpkg since 1995 reads.
const FORMAT_VERSION: &[u8] = b"2.0\n";

/// Why a deb could not be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file cannot be written.
    #[error("cannot write {path}: {source}")]
    Write {
        /// The deb.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The content of an installed file cannot be read.
    #[error("cannot read the content of {path}: {source}")]
    Content {
        /// Where it would be installed.
        path: InstallPath,
        /// What the system said.
        source: io::Error,
    },
    /// An installed path leads through something that is no directory.
    #[error("{path} cannot be installed: {parent} is not a directory")]
    Parent {
        /// What would be installed.
        path: InstallPath,
        /// What is in the way.
        parent: String,
    },
    /// An archive could not be made in memory.
    #[error("cannot make {member}: {source}")]
    Member {
        /// `control.tar` or `data.tar`.
        member: &'static str,
        /// What went wrong.
        source: io::Error,
    },
    /// A field of the control file holds what none can hold.
    #[error("control file: {0}")]
    Control(#[from] deb822::Error),
    /// The outer archive could not be written.
    #[error("cannot write {path}: {source}")]
    Ar {
        /// The deb.
        path: PathBuf,
        /// What went wrong.
        source: ar::Error,
    },
}

/// The file name that dpkg and apt expect: `<name>_<version>_<arch>.deb`.
pub fn file_name(package: &Package) -> String {
    Format::Deb.file_name(&package.name, &package.version, package.arch)
}

/// Writes the package into `folder`, under its [`file_name`]. The same package gives the same bytes, whatever the
/// machine and its number of processors.
///
/// # Errors
/// Any [`Error`]; no half-written file stays.
pub fn write(package: &Package, folder: &Path) -> Result<Written, Error> {
    let path = folder.join(file_name(package));
    let data = data::data(package)?;
    let control = control_archive::control_archive(package, &data)?;
    let extension = compress::extension(package.compression);
    let io_error = |source| Error::Write { path: path.clone(), source };
    output::write_whole(&path, io_error, |file| {
        let write = || {
            let mut archive = ar::Writer::new(file, package.epoch)?;
            archive.append("debian-binary", FORMAT_VERSION)?;
            archive.append(&format!("control.tar.{extension}"), &control)?;
            archive.append(&format!("data.tar.{extension}"), &data.archive)
        };
        write().map_err(|source| Error::Ar { path: path.clone(), source })
    })
}

//! rpm packages of format 4, as rpm 4.11 (el7) and later accept them.
//!
//! The `rpm` crate lays out the main header (`build.rs`), the payload is packed beside it (`payload.rs`). What the crate leaves out or writes for newer
//! systems only is put right here afterwards (`refine.rs`), and the signature header is written anew by [`formats::rpm_header`].

mod build;
mod payload;
mod refine;

use std::io;
use std::path::{Path, PathBuf};

use formats::cpio;
use formats::rpm_header::{self, Rpm, SignError};

use crate::distro::Format;
use crate::model::Package;
use crate::names::InstallPath;
use crate::output::{self, Written};

/// Why an rpm could not be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file cannot be written.
    #[error("cannot write {path}: {source}")]
    Write {
        /// The rpm.
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
    /// A time that does not fit the 32 bits that rpm has.
    #[error("{what} is {seconds} seconds after 1970: rpm holds times up to the year 2106")]
    Time {
        /// Which time.
        what: &'static str,
        /// Its value.
        seconds: u64,
    },
    /// The library refused the package.
    #[error("cannot lay out {package}: {source}")]
    Layout {
        /// Name of the package.
        package: String,
        /// The library's word.
        source: Box<::rpm::Error>,
    },
    /// What the library laid out does not hold together.
    #[error("cannot read the header of {package} that was just laid out: {source}")]
    Laid {
        /// Name of the package.
        package: String,
        /// What is wrong with it.
        source: rpm_header::Error,
    },
    /// A file does not fit the payload's format.
    #[error("cannot pack {path}: {source}")]
    Payload {
        /// Where it would be installed.
        path: String,
        /// What went wrong.
        source: cpio::Error,
    },
    /// The payload could not be compressed.
    #[error("cannot compress the payload of {package}: {source}")]
    Compress {
        /// Name of the package.
        package: String,
        /// The compressor's word.
        source: io::Error,
    },
    /// The headers could not be rewritten, or the signer failed.
    #[error("cannot finish {path}: {source}")]
    Header {
        /// The rpm.
        path: PathBuf,
        /// What went wrong.
        source: rpm_header::Error,
    },
}

/// The file name that yum repositories use: `<name>-<version>-<release>.<arch>.rpm`.
pub fn file_name(package: &Package) -> String {
    Format::Rpm.file_name(&package.name, &package.version, package.arch)
}

/// The source package that [`rpm_header::Tag::SOURCE_RPM`] names. There is none to download; a package without the tag counts as a source
/// package itself, and repository tools group by it.
fn source_rpm(package: &Package) -> String {
    format!("{}-{}.src.rpm", package.name, package.version)
}

/// Writes the package into `folder`, under its [`file_name`], with every digest that rpm 4.11 and later look for. With a
/// `signer` it is signed, too (see [`rpm_header::assemble`]). The same package, and the same signature, give the same bytes.
///
/// # Errors
/// Any [`Error`]; no half-written file stays.
pub fn write<S>(package: &Package, folder: &Path, signer: Option<S>) -> Result<Written, Error>
where
    S: FnOnce(&[u8]) -> Result<Vec<u8>, SignError>,
{
    let path = folder.join(file_name(package));
    let header_error = |source| Error::Header { path: path.clone(), source };
    let built = build::time("the package's time", package.epoch)?;
    let laid_out = build::build(package, built)?;
    let laid_out = Rpm::read(&mut laid_out.as_slice()).map_err(header_error)?;
    let payload = payload::pack(package, &laid_out.header)?;
    let refined =
        refine::refine(laid_out, package, &payload, &source_rpm(package), built.into()).map_err(header_error)?;
    let io_error = |source| Error::Write { path: path.clone(), source };
    output::write_whole(&path, io_error, |file| {
        rpm_header::assemble(refined, &payload.bytes, payload.unpacked, file, signer).map_err(header_error)?;
        Ok(())
    })
}

/// For [`write()`] without a signer.
pub type NoSigner = fn(&[u8]) -> Result<Vec<u8>, SignError>;

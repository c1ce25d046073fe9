//! One Debian package as an index sees it.

use std::io::BufReader;
use std::path::{Path, PathBuf};

use formats::deb::{Deb, Error as DebError};
use formats::deb822::Paragraph;

use crate::digest::HashingReader;
use crate::{Digests, Error, pool};

/// Fields of a stanza which the index adds to a package's control data.
pub(crate) const ADDED: [&str; 4] = ["Filename", "Size", "SHA256", "SHA512"];

/// A package that was read from a file.
#[derive(Debug, Clone)]
pub(crate) struct AptPackage {
    /// Where it lies.
    pub(crate) source: PathBuf,
    /// Name in the pool: `<package>_<version without epoch>_<architecture>.deb`.
    pub(crate) file_name: String,
    /// Its architecture.
    pub(crate) architecture: String,
    /// Its control data.
    pub(crate) control: Paragraph,
    /// Digests of the whole file.
    pub(crate) digests: Digests,
}

impl AptPackage {
    /// Reads and hashes a package in one pass.
    pub(crate) fn read(path: &Path) -> Result<Self, Error> {
        let file = BufReader::with_capacity(1 << 16, pool::open_regular(path)?);
        let mut reader = HashingReader::new(file);
        let wrong = |source| Error::Deb { path: path.to_owned(), source };
        let deb = Deb::read(&mut reader).map_err(wrong)?;
        let digests = reader.finish().map_err(Error::io("read", path))?;
        let file_name = file_name_of(&deb).map_err(wrong)?;
        check_fields(&deb, path)?;
        if pool::file_name(path) != file_name {
            return Err(Error::Name { path: path.to_owned(), expected: file_name });
        }
        Ok(Self {
            source: path.to_owned(),
            file_name,
            architecture: deb.field("Architecture").map_err(wrong)?.to_owned(),
            control: deb.control,
            digests,
        })
    }
}

/// Control data are copied into the index: nothing may pose there as what the index itself says.
fn check_fields(deb: &Deb, path: &Path) -> Result<(), Error> {
    if !deb.control.get("Package").is_some_and(is_package_name) {
        return Err(Error::Field { path: path.to_owned(), field: "Package" });
    }
    match ADDED.into_iter().find(|field| deb.control.get(field).is_some()) {
        Some(field) => Err(Error::IndexField { path: path.to_owned(), field }),
        None => Ok(()),
    }
}

/// Policy §5.6.7: lower-case letters, digits and `+-.`, a letter or digit first, two at least.
fn is_package_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    name.len() > 1
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.bytes().all(|byte| plain(byte) || b"+-.".contains(&byte))
}

/// The file name that a package's control data asks for (Policy §5.6.12 leaves the epoch out of file names).
pub(crate) fn file_name_of(deb: &Deb) -> Result<String, DebError> {
    let version = deb.field("Version")?;
    let version = version.split_once(':').map_or(version, |(_, rest)| rest);
    Ok(format!("{}_{version}_{}.deb", deb.field("Package")?, deb.field("Architecture")?))
}

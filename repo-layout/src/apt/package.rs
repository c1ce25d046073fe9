//! Reading a Debian package for an index.

use std::io::{BufReader, Read};
use std::path::Path;

use formats::deb::{Deb, Error as DebError};

use super::files;
use crate::digest::HashingReader;
use crate::index::Entry;
use crate::{Digests, Error, pool};

/// Fields of a stanza which the index adds to a package's control data, in their order.
pub(crate) const ADDED: [&str; 4] = ["Filename", "Size", "SHA256", "SHA512"];

/// Reads and hashes a package in one pass, with the names of its files or without.
pub(crate) fn read(path: &Path, with_files: bool) -> Result<Entry, Error> {
    let wrong = |source| Error::Deb { path: path.to_owned(), source };
    let (deb, files, digests) = read_stream(pool::open_regular(path)?, path, with_files)?;
    let file_name = file_name_of(&deb).map_err(wrong)?;
    check_fields(&deb, path)?;
    if pool::file_name(path) != file_name {
        return Err(Error::Name { path: path.to_owned(), expected: file_name });
    }
    let field = |name| deb.field(name).map(str::to_owned).map_err(wrong);
    Ok(Entry {
        file_name,
        name: field("Package")?,
        version: field("Version")?,
        architecture: field("Architecture")?,
        summary: deb.control.get("Description").unwrap_or_default().lines().next().unwrap_or_default().to_owned(),
        size: digests.size,
        sha256: digests.sha256,
        sha512: Some(digests.sha512),
        parts: [deb.control.to_string()].into_iter().chain(files).collect(),
    })
}

/// Control data, paths of files where they are wanted, and digests of the package at `path`, from its bytes.
pub(crate) fn read_stream(
    from: impl Read,
    path: &Path,
    with_files: bool,
) -> Result<(Deb, Option<String>, Digests), Error> {
    let mut reader = HashingReader::new(BufReader::with_capacity(1 << 16, from));
    let wrong = |source| Error::Deb { path: path.to_owned(), source };
    let (deb, names) = if with_files {
        Deb::read_and_list(&mut reader).map(|(deb, names)| (deb, Some(names)))
    } else {
        Deb::read(&mut reader).map(|deb| (deb, None))
    }
    .map_err(wrong)?;
    let digests = reader.finish().map_err(Error::io("read", path))?;
    let files = names.map(|names| files::list(&names, path)).transpose()?;
    Ok((deb, files, digests))
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

//! The `Packages` index: one stanza a package, and its compressed forms.

use std::fmt::Write as _;
use std::io::{self, Write as _};

use flate2::{Compression, GzBuilder};
use formats::deb822::{Error, Paragraph};
use liblzma::write::XzEncoder;

use super::AptPackage;
use crate::TreePath;

/// A package's stanza: its control data as it stands, then where the file lies and what it hashes to.
///
/// apt resolves `Filename` of a flat repository against the URI of the source line, so the suite is part of it.
pub(crate) fn stanza(package: &AptPackage, suite: &TreePath) -> Result<Paragraph, Error> {
    let mut stanza = package.control.clone();
    stanza.set("Filename", format!("{suite}/pool/{}", package.file_name))?;
    stanza.set("Size", package.digests.size.to_string())?;
    stanza.set("SHA256", package.digests.sha256.as_str())?;
    stanza.set("SHA512", package.digests.sha512.as_str())?;
    Ok(stanza)
}

/// The index of packages which are already in the order wanted.
pub(crate) fn index(packages: &[AptPackage], suite: &TreePath) -> Result<String, Error> {
    let mut text = String::new();
    for package in packages {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{}", stanza(package, suite)?);
    }
    Ok(text)
}

/// The index plain, as gzip and as xz, by file name.
pub(crate) fn with_compressed(text: &str) -> io::Result<[(&'static str, Vec<u8>); 3]> {
    Ok([
        ("Packages", text.as_bytes().to_vec()),
        ("Packages.gz", gzip(text.as_bytes())?),
        ("Packages.xz", xz(text.as_bytes())?),
    ])
}

/// gzip without name and time, so that equal input gives equal bytes.
pub(crate) fn gzip(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzBuilder::new().mtime(0).write(Vec::new(), Compression::best());
    encoder.write_all(bytes)?;
    encoder.finish()
}

fn xz(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = XzEncoder::new(Vec::new(), 6);
    encoder.write_all(bytes)?;
    encoder.finish()
}

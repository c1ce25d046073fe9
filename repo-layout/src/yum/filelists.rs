//! `filelists.xml`: every path of every package.

use std::io;

use super::YumPackage;
use super::primary::{file, version};
use super::xml;

/// What the document says of a package.
pub(crate) fn package(package: &YumPackage) -> io::Result<String> {
    xml::fragment(|xml| {
        xml::by_checksum(xml, package).write_inner_content(|xml| {
            version(xml, package)?;
            package.files().iter().try_for_each(|(path, kind)| file(xml, path, *kind))
        })?;
        Ok(())
    })
}

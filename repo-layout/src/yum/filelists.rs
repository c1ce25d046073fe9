//! `filelists.xml`: every path of every package.

use std::io;

use super::YumPackage;
use super::primary::{file, version};
use super::xml;

/// Writes the document.
pub(crate) fn write(packages: &[YumPackage]) -> io::Result<Vec<u8>> {
    xml::document(|xml| {
        xml.create_element("filelists")
            .with_attribute(("xmlns", "http://linux.duke.edu/metadata/filelists"))
            .with_attribute(("packages", packages.len().to_string().as_str()))
            .write_inner_content(|xml| {
                for package in packages {
                    xml.create_element("package")
                        .with_attribute(("pkgid", package.digests.sha256.as_str()))
                        .with_attribute(("name", package.name.as_str()))
                        .with_attribute(("arch", package.architecture.as_str()))
                        .write_inner_content(|xml| {
                            version(xml, package)?;
                            package.files().iter().try_for_each(|(path, kind)| file(xml, path, *kind))
                        })?;
                }
                Ok(())
            })?;
        Ok(())
    })
}

//! `other.xml`: changelogs.

use std::io;

use formats::rpm_header::Tag;
use quick_xml::events::BytesText;

use super::YumPackage;
use super::primary::version;
use super::xml::{self, Xml, allowed};

/// Entries a package; createrepo_c's default.
const NEWEST: usize = 10;

/// Writes the document.
pub(crate) fn write(packages: &[YumPackage]) -> io::Result<Vec<u8>> {
    xml::document(|xml| {
        xml.create_element("otherdata")
            .with_attribute(("xmlns", "http://linux.duke.edu/metadata/other"))
            .with_attribute(("packages", packages.len().to_string().as_str()))
            .write_inner_content(|xml| {
                for package in packages {
                    xml.create_element("package")
                        .with_attribute(("pkgid", package.digests.sha256.as_str()))
                        .with_attribute(("name", package.name.as_str()))
                        .with_attribute(("arch", package.architecture.as_str()))
                        .write_inner_content(|xml| {
                            version(xml, package)?;
                            changelog(xml, package)
                        })?;
                }
                Ok(())
            })?;
        Ok(())
    })
}

/// The newest entries, oldest of them first.
fn changelog(xml: &mut Xml, package: &YumPackage) -> io::Result<()> {
    let times = package.header.u32s(Tag::CHANGELOG_TIME).unwrap_or_default();
    let (authors, texts) = (package.texts(Tag::CHANGELOG_NAME), package.texts(Tag::CHANGELOG_TEXT));
    let mut entries: Vec<_> = times.iter().zip(authors).zip(texts).take(NEWEST).collect();
    entries.reverse();
    for ((time, author), text) in entries {
        xml.create_element("changelog")
            .with_attribute(("author", allowed(author).as_ref()))
            .with_attribute(("date", time.to_string().as_str()))
            .write_text_content(BytesText::new(&allowed(text)))?;
    }
    Ok(())
}

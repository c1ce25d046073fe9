//! `other.xml`: changelogs.

use std::io;

use formats::rpm_header::Tag;
use quick_xml::events::BytesText;

use super::YumPackage;
use super::primary::version;
use super::xml::{self, Xml, allowed};

/// Entries a package; createrepo_c's default.
const NEWEST: usize = 10;

/// What the document says of a package.
pub(crate) fn package(package: &YumPackage) -> io::Result<String> {
    xml::fragment(|xml| {
        xml::by_checksum(xml, package).write_inner_content(|xml| {
            version(xml, package)?;
            changelog(xml, package)
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

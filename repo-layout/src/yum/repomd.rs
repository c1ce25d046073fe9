//! `repomd.xml`: the file that is signed, and that vouches for the indexes.

use std::io;

use quick_xml::events::BytesText;
use signing::UtcTime;

use super::Index;
use super::xml::{self, Xml};

/// Writes the document.
pub(crate) fn write(indexes: &[Index], date: UtcTime) -> io::Result<Vec<u8>> {
    let seconds = date.seconds().to_string();
    xml::document(|xml| {
        xml.create_element("repomd")
            .with_attribute(("xmlns", "http://linux.duke.edu/metadata/repo"))
            .with_attribute(("xmlns:rpm", xml::RPM))
            .write_inner_content(|xml| {
                xml::text(xml, "revision", &seconds)?;
                indexes.iter().try_for_each(|index| data(xml, index, &seconds))
            })?;
        Ok(())
    })
}

fn data(xml: &mut Xml, index: &Index, seconds: &str) -> io::Result<()> {
    let checksum = |xml: &mut Xml, name: &str, digest: &str| -> io::Result<()> {
        xml.create_element(name).with_attribute(("type", "sha256")).write_text_content(BytesText::new(digest))?;
        Ok(())
    };
    xml.create_element("data").with_attribute(("type", index.kind)).write_inner_content(|xml| {
        checksum(xml, "checksum", index.sha256.as_str())?;
        checksum(xml, "open-checksum", index.open_sha256.as_str())?;
        xml::empty(xml, "location", &[("href", &format!("repodata/{}", index.name))])?;
        xml::text(xml, "timestamp", seconds)?;
        xml::text(xml, "size", &index.bytes.len().to_string())?;
        xml::text(xml, "open-size", &index.open_size.to_string())
    })?;
    Ok(())
}

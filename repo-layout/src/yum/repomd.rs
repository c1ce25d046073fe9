//! `repomd.xml`: the file that is signed, and that vouches for the indexes.

use std::io;

use quick_xml::events::BytesText;
use signing::UtcTime;

use super::xml::{self, Xml};
use crate::Checksum;

/// What it says of one index.
#[derive(Debug, Clone)]
pub(crate) struct Index {
    /// `primary`, `filelists`, `other`.
    pub(crate) kind: &'static str,
    /// The compressed file.
    pub(crate) packed: Checksum,
    /// The XML in it.
    pub(crate) open: Checksum,
}

impl Index {
    /// File name within `repodata/`: the digest comes first, so that an old `repomd.xml` never meets a new index.
    pub(crate) fn file_name(&self) -> String {
        format!("{}-{}.xml.gz", self.packed.sha256, self.kind)
    }
}

/// Writes the document.
pub(crate) fn write(indexes: &[Index], date: UtcTime) -> io::Result<String> {
    let seconds = date.seconds().to_string();
    let root = xml::fragment(|xml| {
        xml.create_element("repomd")
            .with_attribute(("xmlns", "http://linux.duke.edu/metadata/repo"))
            .with_attribute(("xmlns:rpm", "http://linux.duke.edu/metadata/rpm"))
            .write_inner_content(|xml| {
                xml::text(xml, "revision", &seconds)?;
                indexes.iter().try_for_each(|index| data(xml, index, &seconds))
            })?;
        Ok(())
    })?;
    Ok(format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{root}"))
}

fn data(xml: &mut Xml, index: &Index, seconds: &str) -> io::Result<()> {
    let checksum = |xml: &mut Xml, name: &str, digest: &str| -> io::Result<()> {
        xml.create_element(name).with_attribute(("type", "sha256")).write_text_content(BytesText::new(digest))?;
        Ok(())
    };
    xml.create_element("data").with_attribute(("type", index.kind)).write_inner_content(|xml| {
        checksum(xml, "checksum", index.packed.sha256.as_str())?;
        checksum(xml, "open-checksum", index.open.sha256.as_str())?;
        xml::empty(xml, "location", &[("href", &format!("repodata/{}", index.file_name()))])?;
        xml::text(xml, "timestamp", seconds)?;
        xml::text(xml, "size", &index.packed.size.to_string())?;
        xml::text(xml, "open-size", &index.open.size.to_string())
    })?;
    Ok(())
}

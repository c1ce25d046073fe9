//! Small helps for writing XML.

use std::borrow::Cow;
use std::io;

use quick_xml::Writer;
use quick_xml::events::BytesText;
use quick_xml::writer::ElementWriter;

use super::YumPackage;

pub(crate) type Xml = Writer<Vec<u8>>;

/// One element at the left margin with a line feed behind it, as `content` writes it.
pub(crate) fn fragment(content: impl FnOnce(&mut Xml) -> io::Result<()>) -> io::Result<String> {
    let mut xml = Writer::new_with_indent(Vec::new(), b' ', 2);
    content(&mut xml)?;
    let mut text = String::from_utf8(xml.into_inner()).map_err(io::Error::other)?;
    text.push('\n');
    Ok(text)
}

/// `<package pkgid="…" name="…" arch="…">`, as all documents but `primary.xml` begin a package.
pub(crate) fn by_checksum<'a>(xml: &'a mut Xml, package: &YumPackage) -> ElementWriter<'a, Vec<u8>> {
    xml.create_element("package")
        .with_attribute(("pkgid", package.checksum.sha256.as_str()))
        .with_attribute(("name", package.name.as_str()))
        .with_attribute(("arch", package.architecture.as_str()))
}

/// `<name>text</name>`.
pub(crate) fn text(xml: &mut Xml, name: &str, text: &str) -> io::Result<()> {
    xml.create_element(name).write_text_content(BytesText::new(&allowed(text)))?;
    Ok(())
}

/// `<name a="…" b="…"/>`.
pub(crate) fn empty(xml: &mut Xml, name: &str, attributes: &[(&str, &str)]) -> io::Result<()> {
    let clean: Vec<_> = attributes.iter().map(|(key, value)| (*key, allowed(value))).collect();
    let attributes = clean.iter().map(|(key, value)| (*key, value.as_ref()));
    xml.create_element(name).with_attributes(attributes).write_empty()?;
    Ok(())
}

/// Without the control characters that XML 1.0 §2.2 cannot express; an rpm header may hold any.
pub(crate) fn allowed(text: &str) -> Cow<'_, str> {
    let forbidden = |c: char| (c.is_control() && !matches!(c, '\t' | '\n')) || matches!(c, '\u{fffe}' | '\u{ffff}');
    if text.contains(forbidden) { Cow::Owned(text.replace(forbidden, "")) } else { Cow::Borrowed(text) }
}

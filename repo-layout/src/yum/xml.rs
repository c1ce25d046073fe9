//! Small helps for writing XML.

use std::borrow::Cow;
use std::io;

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};

pub(crate) const COMMON: &str = "http://linux.duke.edu/metadata/common";
pub(crate) const RPM: &str = "http://linux.duke.edu/metadata/rpm";

pub(crate) type Xml = Writer<Vec<u8>>;

/// Writes a document: the declaration, then what `content` writes, then a line feed.
pub(crate) fn document(content: impl FnOnce(&mut Xml) -> io::Result<()>) -> io::Result<Vec<u8>> {
    let mut xml = Writer::new_with_indent(Vec::new(), b' ', 2);
    xml.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    content(&mut xml)?;
    let mut bytes = xml.into_inner();
    bytes.push(b'\n');
    Ok(bytes)
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

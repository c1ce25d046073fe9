//! Reading `repomd.xml` and the packages of `primary.xml`; just the elements that a check, or a change, needs.

use quick_xml::Reader;
use quick_xml::events::{BytesRef, BytesStart, Event};

/// A `<data>` of `repomd.xml`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Data {
    pub(crate) kind: String,
    pub(crate) checksum: String,
    pub(crate) open_checksum: String,
    pub(crate) location: String,
    pub(crate) size: Option<u64>,
    pub(crate) open_size: Option<u64>,
}

/// A `<package>` of `primary.xml`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Listed {
    pub(crate) name: String,
    pub(crate) architecture: String,
    /// `epoch:version-release`, without the epoch when that is 0.
    pub(crate) version: String,
    pub(crate) summary: String,
    pub(crate) checksum: String,
    pub(crate) location: String,
    pub(crate) size: Option<u64>,
}

/// The indexes that a `repomd.xml` lists.
pub(crate) fn repomd(xml: &str) -> Result<Vec<Data>, quick_xml::Error> {
    let mut all = Vec::new();
    let mut current = Data::default();
    walk(xml, |path, element, text| match (path, text) {
        ("repomd/data", None) => {
            all.push(Data { kind: attribute(element, "type"), ..std::mem::take(&mut current) });
        }
        ("repomd/data/location", None) => current.location = attribute(element, "href"),
        ("repomd/data/checksum", Some(text)) => current.checksum = text.to_owned(),
        ("repomd/data/open-checksum", Some(text)) => current.open_checksum = text.to_owned(),
        ("repomd/data/size", Some(text)) => current.size = text.parse().ok(),
        ("repomd/data/open-size", Some(text)) => current.open_size = text.parse().ok(),
        _ => {}
    })?;
    Ok(all)
}

/// The packages that a `primary.xml` lists, or that a part of one does.
pub(crate) fn primary(xml: &str) -> Result<Vec<Listed>, quick_xml::Error> {
    let mut all = Vec::new();
    let mut current = Listed::default();
    walk(xml, |path, element, text| match (path.strip_prefix("metadata/").unwrap_or(path), text) {
        ("package", None) => all.push(std::mem::take(&mut current)),
        ("package/name", Some(text)) => current.name = text.to_owned(),
        ("package/summary", Some(text)) => current.summary = text.to_owned(),
        ("package/arch", Some(text)) => current.architecture = text.to_owned(),
        ("package/version", None) => {
            let [epoch, version, release] = ["epoch", "ver", "rel"].map(|name| attribute(element, name));
            current.version = full_version(epoch.parse().unwrap_or(0), &version, &release);
        }
        ("package/location", None) => current.location = attribute(element, "href"),
        ("package/size", None) => current.size = attribute(element, "package").parse().ok(),
        ("package/checksum", Some(text)) => current.checksum = text.to_owned(),
        _ => {}
    })?;
    Ok(all)
}

/// `epoch:version-release`, without the epoch when that is 0.
pub(crate) fn full_version(epoch: u32, version: &str, release: &str) -> String {
    match epoch {
        0 => format!("{version}-{release}"),
        _ => format!("{epoch}:{version}-{release}"),
    }
}

fn attribute(element: &BytesStart<'_>, name: &str) -> String {
    let found = element.try_get_attribute(name).ok().flatten();
    found.map(|found| found.value.into_owned()).unwrap_or_default()
}

/// Calls `visit` when an element ends, so that it comes after everything in it: with its path and its own text, if it can have any, and
/// once more without.
fn walk(xml: &str, mut visit: impl FnMut(&str, &BytesStart<'_>, Option<&str>)) -> Result<(), quick_xml::Error> {
    let mut reader = Reader::from_str(xml);
    let mut open: Vec<(usize, BytesStart<'static>, String)> = Vec::new();
    let mut path = String::new();
    let enter = |path: &mut String, element: &BytesStart<'_>| {
        let before = path.len();
        if before > 0 {
            path.push('/');
        }
        path.push_str(element.name().as_ref());
        before
    };
    loop {
        match reader.read_event()? {
            Event::Eof => return Ok(()),
            Event::Start(element) => {
                let before = enter(&mut path, &element);
                open.push((before, element.into_owned(), String::new()));
            }
            Event::Empty(element) => {
                let before = enter(&mut path, &element);
                visit(&path, &element, None);
                path.truncate(before);
            }
            Event::Text(part) => {
                if let Some((_, _, text)) = open.last_mut() {
                    text.push_str(&part);
                }
            }
            Event::GeneralRef(reference) => {
                if let Some((_, _, text)) = open.last_mut() {
                    text.extend(resolve(&reference));
                }
            }
            Event::End(_) => {
                if let Some((before, element, text)) = open.pop() {
                    visit(&path, &element, Some(text.trim()));
                    visit(&path, &element, None);
                    path.truncate(before);
                }
            }
            _ => {}
        }
    }
}

/// What `&lt;` and its like stand for; nothing for an entity that XML itself does not have.
fn resolve(reference: &BytesRef<'_>) -> Option<char> {
    match reference.as_ref() {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => reference.resolve_char_ref().ok().flatten(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_is_read_with_its_attributes_and_texts() {
        let xml = r#"<?xml version="1.0"?><repomd xmlns="x"><revision>1</revision><data type="primary">
            <checksum type="sha256">aa</checksum><open-checksum type="sha256">bb</open-checksum>
            <location href="repodata/aa-primary.xml.gz"/><size>3</size><open-size>4</open-size></data></repomd>"#;
        let expected = Data {
            kind: "primary".into(),
            checksum: "aa".into(),
            open_checksum: "bb".into(),
            location: "repodata/aa-primary.xml.gz".into(),
            size: Some(3),
            open_size: Some(4),
        };
        assert_eq!(repomd(xml).unwrap(), [expected]);
    }

    #[test]
    fn a_text_is_read_with_what_its_entities_stand_for() {
        let xml = "<package><summary>a &lt;b&gt; &amp; &#99;</summary><location href=\"Packages/x\"/></package>";
        assert_eq!(primary(xml).unwrap()[0].summary, "a <b> & c");
    }

    #[test]
    fn broken_xml_is_an_error() {
        assert!(repomd("<repomd><data></repomd>").is_err());
    }
}

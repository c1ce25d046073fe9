//! `primary.xml`: what a client needs to choose and fetch a package.

use std::collections::BTreeSet;
use std::io;

use formats::rpm_header::Tag;
use quick_xml::events::BytesText;

use super::YumPackage;
use super::package::FileKind;
use super::xml::{self, Xml, allowed};

/// What the document says of a package.
pub(crate) fn package(package: &YumPackage) -> io::Result<String> {
    xml::fragment(|xml| {
        xml.create_element("package").with_attribute(("type", "rpm")).write_inner_content(|xml| {
            xml::text(xml, "name", &package.name)?;
            xml::text(xml, "arch", &package.architecture)?;
            version(xml, package)?;
            xml.create_element("checksum")
                .with_attributes([("type", "sha256"), ("pkgid", "YES")])
                .write_text_content(BytesText::new(package.checksum.sha256.as_str()))?;
            xml::text(xml, "summary", package.text(Tag::SUMMARY))?;
            xml::text(xml, "description", package.text(Tag::DESCRIPTION))?;
            xml::text(xml, "packager", package.text(Tag::PACKAGER))?;
            xml::text(xml, "url", package.text(Tag::URL))?;
            // `file` is the file's own time with createrepo_c. Ours is the time of building: it is the same everywhere.
            let built = package.number(Tag::BUILD_TIME).to_string();
            xml::empty(xml, "time", &[("file", &built), ("build", &built)])?;
            let sizes =
                [package.checksum.size, installed_size(package), package.archive_size].map(|size| size.to_string());
            xml::empty(xml, "size", &[("package", &sizes[0]), ("installed", &sizes[1]), ("archive", &sizes[2])])?;
            xml::empty(xml, "location", &[("href", &format!("Packages/{}", package.file_name))])?;
            xml.create_element("format").write_inner_content(|xml| format_part(xml, package))?;
            Ok(())
        })?;
        Ok(())
    })
}

/// `<version epoch="0" ver="…" rel="…"/>`.
pub(super) fn version(xml: &mut Xml, package: &YumPackage) -> io::Result<()> {
    let epoch = package.epoch.to_string();
    xml::empty(xml, "version", &[("epoch", &epoch), ("ver", &package.version), ("rel", &package.release)])
}

fn installed_size(package: &YumPackage) -> u64 {
    let long = package.header.u64s(Tag::LONG_SIZE).unwrap_or_default();
    long.first().copied().unwrap_or_else(|| u64::from(package.number(Tag::SIZE)))
}

fn format_part(xml: &mut Xml, package: &YumPackage) -> io::Result<()> {
    let texts = [
        ("rpm:license", Tag::LICENSE),
        ("rpm:vendor", Tag::VENDOR),
        ("rpm:group", Tag::GROUP),
        ("rpm:buildhost", Tag::BUILD_HOST),
        ("rpm:sourcerpm", Tag::SOURCE_RPM),
    ];
    for (name, tag) in texts {
        xml::text(xml, name, package.text(tag))?;
    }
    let (start, end) = (package.header_range.start.to_string(), package.header_range.end.to_string());
    xml::empty(xml, "rpm:header-range", &[("start", &start), ("end", &end)])?;
    for (name, [names, flags, versions]) in RELATIONS {
        relations(xml, package, name, [names, flags, versions])?;
    }
    for (path, kind) in package.files().iter().filter(|(path, _)| is_primary(path)) {
        file(xml, path, *kind)?;
    }
    Ok(())
}

/// `<file>` with its type, as `filelists.xml` has it too.
pub(super) fn file(xml: &mut Xml, path: &str, kind: FileKind) -> io::Result<()> {
    let element = xml.create_element("file");
    let element = match kind {
        FileKind::File => element,
        FileKind::Folder => element.with_attribute(("type", "dir")),
        FileKind::Ghost => element.with_attribute(("type", "ghost")),
    };
    element.write_text_content(BytesText::new(&allowed(path)))?;
    Ok(())
}

/// Files which others may require by path without loading `filelists.xml`; the rule is createrepo_c's.
fn is_primary(path: &str) -> bool {
    path.starts_with("/etc/") || path.contains("bin/") || path == "/usr/lib/sendmail"
}

/// Element, and the tags of names, flags and versions, in createrepo_c's order.
const RELATIONS: [(&str, [Tag; 3]); 8] = [
    ("rpm:provides", [Tag::PROVIDE_NAME, Tag::PROVIDE_FLAGS, Tag::PROVIDE_VERSION]),
    ("rpm:requires", [Tag::REQUIRE_NAME, Tag::REQUIRE_FLAGS, Tag::REQUIRE_VERSION]),
    ("rpm:conflicts", [Tag::CONFLICT_NAME, Tag::CONFLICT_FLAGS, Tag::CONFLICT_VERSION]),
    ("rpm:obsoletes", [Tag::OBSOLETE_NAME, Tag::OBSOLETE_FLAGS, Tag::OBSOLETE_VERSION]),
    ("rpm:suggests", [Tag::SUGGEST_NAME, Tag::SUGGEST_FLAGS, Tag::SUGGEST_VERSION]),
    ("rpm:enhances", [Tag::ENHANCE_NAME, Tag::ENHANCE_FLAGS, Tag::ENHANCE_VERSION]),
    ("rpm:recommends", [Tag::RECOMMEND_NAME, Tag::RECOMMEND_FLAGS, Tag::RECOMMEND_VERSION]),
    ("rpm:supplements", [Tag::SUPPLEMENT_NAME, Tag::SUPPLEMENT_FLAGS, Tag::SUPPLEMENT_VERSION]),
];

fn relations(xml: &mut Xml, package: &YumPackage, element: &str, tags: [Tag; 3]) -> io::Result<()> {
    let mut entries = entries(package, tags);
    if element == "rpm:requires" {
        // As createrepo_c: what the package itself provides, or has as a primary file, need not be looked for.
        let own = self::entries(package, RELATIONS[0].1);
        let files = package.files();
        let is_own_file = |name: &str| is_primary(name) && files.iter().any(|(path, _)| path == name);
        entries.retain(|entry| !own.iter().any(|one| one.same_capability(entry)) && !is_own_file(entry.name));
    }
    if entries.is_empty() {
        return Ok(());
    }
    let before_install = element == "rpm:requires";
    xml.create_element(element)
        .write_inner_content(|xml| entries.iter().try_for_each(|entry| entry.write(xml, before_install)))?;
    Ok(())
}

/// The relations of one kind, each once. What rpm itself must be able to do is its own affair, not the resolver's.
fn entries(package: &YumPackage, tags: [Tag; 3]) -> Vec<Entry<'_>> {
    let flags = package.header.u32s(tags[1]).unwrap_or_default();
    let versions = package.texts(tags[2]);
    let mut seen = BTreeSet::new();
    package
        .texts(tags[0])
        .into_iter()
        .enumerate()
        .map(|(index, name)| {
            let version = versions.get(index).copied().unwrap_or_default();
            Entry::new(name, flags.get(index).copied().unwrap_or(0), version)
        })
        .filter(|entry| !entry.name.starts_with("rpmlib(") && seen.insert(entry.clone()))
        .collect()
}

/// One relation: `<rpm:entry name="…" flags="GE" epoch="0" ver="…" rel="…" pre="1"/>`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Entry<'a> {
    name: &'a str,
    comparison: Option<&'static str>,
    epoch: &'a str,
    version: &'a str,
    release: Option<&'a str>,
    before_install: bool,
}

impl<'a> Entry<'a> {
    /// Flags by rpm's `rpmsenseFlags`.
    fn new(name: &'a str, flags: u32, version: &'a str) -> Self {
        const PREREQ: u32 = 1 << 6;
        const SCRIPT_PRE: u32 = 1 << 9;
        const SCRIPT_POST: u32 = 1 << 10;
        let comparison = match flags & 0b1110 {
            0b0010 => Some("LT"),
            0b0100 => Some("GT"),
            0b1000 => Some("EQ"),
            0b1010 => Some("LE"),
            0b1100 => Some("GE"),
            _ => None,
        };
        let (epoch, rest) = version.split_once(':').unwrap_or(("0", version));
        let (version, release) = match rest.rsplit_once('-') {
            Some((version, release)) => (version, Some(release)),
            None => (rest, None),
        };
        let before_install = flags & (PREREQ | SCRIPT_PRE | SCRIPT_POST) != 0;
        Self { name, comparison, epoch, version, release, before_install }
    }

    fn same_capability(&self, other: &Self) -> bool {
        (self.name, self.comparison, self.epoch, self.version, self.release)
            == (other.name, other.comparison, other.epoch, other.version, other.release)
    }

    /// Only among requirements does it matter which are needed before the package's scripts run.
    fn write(&self, xml: &mut Xml, with_order: bool) -> io::Result<()> {
        let mut attributes = vec![("name", self.name)];
        if let Some(comparison) = self.comparison {
            attributes.extend([("flags", comparison), ("epoch", self.epoch), ("ver", self.version)]);
            attributes.extend(self.release.map(|release| ("rel", release)));
        }
        if with_order && self.before_install {
            attributes.push(("pre", "1"));
        }
        xml::empty(xml, "rpm:entry", &attributes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relation_is_taken_apart_as_createrepo_does() {
        let entry = Entry::new("wallarm-common", 0b1100 | 1 << 9, "1:4.8.9-1.el8");
        assert_eq!(entry.comparison, Some("GE"));
        assert_eq!((entry.epoch, entry.version, entry.release), ("1", "4.8.9", Some("1.el8")));
        assert!(entry.before_install);
        let bare = Entry::new("libc.so.6()(64bit)", 0, "");
        assert_eq!((bare.comparison, bare.before_install), (None, false));
        assert_eq!(Entry::new("x", 0b1000, "2").release, None);
    }

    #[test]
    fn only_files_that_are_asked_for_by_path_are_primary() {
        for path in ["/etc/cron.d/x", "/usr/bin/wtarantool", "/usr/sbin/nginx", "/usr/lib/sendmail"] {
            assert!(is_primary(path), "{path}");
        }
        assert!(!is_primary("/usr/share/wallarm-common/ca.pem"));
    }
}

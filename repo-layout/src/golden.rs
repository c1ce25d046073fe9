//! Golden files of the text formats, from packages that are made up: what changes here changes what every reader sees.
//!
//! To accept a change, run the tests with `UPDATE_GOLDEN=1` and read the difference.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use formats::rpm_header::{HeaderBuilder, Limits, Tag};
use signing::UtcTime;

use crate::apt::contents::Contents;
use crate::apt::translation::Translation;
use crate::apt::{Document, release, stanza};
use crate::index::Entry;
use crate::yum::{Index, YumPackage, documents, repomd};
use crate::{AptSuite, Checksum, Digests, Selection, TreePath};

fn check(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap();
    assert_eq!(text, expected, "{}", path.display());
}

fn date() -> UtcTime {
    UtcTime::from(UNIX_EPOCH + Duration::from_secs(1_780_000_000))
}

fn deb(name: &str, architecture: &str, files: &str) -> Entry {
    let control = format!(
        "Package: {name}\nVersion: 4.8.9-1\nArchitecture: {architecture}\nSection: web\nDepends: libc6 (>= 2.17)\n\
         Description: made up\n Of two paragraphs.\n .\n This is the second.\n"
    );
    let digests = Digests::of(name.as_bytes());
    Entry {
        file_name: format!("{name}_4.8.9-1_{architecture}.deb"),
        name: name.to_owned(),
        version: "4.8.9-1".to_owned(),
        architecture: architecture.to_owned(),
        summary: "made up".to_owned(),
        size: digests.size,
        sha256: digests.sha256,
        sha512: Some(digests.sha512),
        parts: vec![control, files.to_owned()],
    }
}

fn suite() -> AptSuite {
    AptSuite {
        root: TreePath::new("ubuntu/wallarm-node").unwrap(),
        suite: TreePath::new("jammy/4.8").unwrap(),
        origin: "Example".to_owned(),
        label: "Example node".to_owned(),
        description: "Packages for jammy".to_owned(),
        architectures: vec!["arm64".to_owned(), "amd64".to_owned()],
        contents: true,
        packages: Selection::default(),
    }
}

fn rpm() -> YumPackage {
    let mut header = HeaderBuilder::new(Tag::HEADER_IMMUTABLE);
    for (tag, text) in [
        (Tag::SUMMARY, "made up & <odd>"),
        (Tag::DESCRIPTION, "Two lines,\nand a bell\u{7}."),
        (Tag::LICENSE, "Apache-2.0"),
        (Tag::URL, "https://example.org/?a=1&b=2"),
        (Tag::GROUP, "Unspecified"),
        (Tag::SOURCE_RPM, "sample-4.8.9-1.el7.src.rpm"),
    ] {
        header.string(tag, text).unwrap();
    }
    for (tag, texts) in [
        (Tag::PROVIDE_NAME, vec!["sample", "config(sample)"]),
        (Tag::PROVIDE_VERSION, vec!["4.8.9-1.el7", "4.8.9-1.el7"]),
        (
            Tag::REQUIRE_NAME,
            vec!["/bin/sh", "config(sample)", "rpmlib(CompressedFileNames)", "libc.so.6(GLIBC_2.17)(64bit)"],
        ),
        (Tag::REQUIRE_VERSION, vec!["", "4.8.9-1.el7", "3.0.4-1", ""]),
        (Tag::BASE_NAMES, vec!["sample", "sample", "sample.log"]),
        (Tag::DIR_NAMES, vec!["/etc/default/", "/usr/share/", "/var/log/"]),
        (Tag::CHANGELOG_NAME, vec!["Second <b@example.org> - 2", "First <a@example.org> - 1"]),
        (Tag::CHANGELOG_TEXT, vec!["- Newer.", "- Older."]),
    ] {
        header.strings(tag, &texts).unwrap();
    }
    header
        .u32s(Tag::PROVIDE_FLAGS, &[8, 1 << 28 | 8])
        .u32s(Tag::REQUIRE_FLAGS, &[1 << 9, 1 << 28 | 8, 1 << 24 | 10, 0]);
    header.u32s(Tag::BUILD_TIME, &[1_780_000_000]).u32s(Tag::SIZE, &[12]).u32s(Tag::DIR_INDEXES, &[0, 1, 2]);
    header.u32s(Tag::FILE_FLAGS, &[1 | 16, 0, 64]).u16s(Tag::FILE_MODES, &[0o100_644, 0o040_755, 0o100_640]);
    header.u32s(Tag::CHANGELOG_TIME, &[1_779_000_000, 1_778_000_000]);
    YumPackage {
        file_name: "sample-4.8.9-1.el7.x86_64.rpm".to_owned(),
        name: "sample".to_owned(),
        epoch: 0,
        version: "4.8.9".to_owned(),
        release: "1.el7".to_owned(),
        architecture: "x86_64".to_owned(),
        header: header.build(&Limits::MAIN).unwrap(),
        archive_size: 420,
        header_range: 4504..6000,
        checksum: Checksum::of(b"sample"),
    }
}

fn packages() -> [Entry; 3] {
    [
        deb("wallarm-common", "amd64", "etc/wallarm/node.yaml\nusr/share/doc/größe und maß\n"),
        deb("wallarm-common", "arm64", "etc/wallarm/node.yaml\n"),
        deb("wallarm-node-tarantool", "all", "etc/cron.d/wallarm\netc/wallarm/node.yaml\n"),
    ]
}

/// The plain form of an index.
fn plain(document: &Document) -> String {
    std::fs::read_to_string(&document.files.iter().find(|file| file.suffix.is_empty()).unwrap().aside).unwrap()
}

#[test]
fn contents_and_descriptions() {
    let folder = tempfile::tempdir().unwrap();
    let mut contents = Contents::begin("amd64", false, folder.path());
    let mut translation = Translation::begin(&folder.path().join("en"), None).unwrap();
    for entry in packages() {
        contents.package(&entry).unwrap();
        translation.package(&entry).unwrap();
    }
    let contents = contents.finish(&folder.path().join("Contents-amd64"), None, None, BTreeSet::new()).unwrap();
    check("Contents-amd64", &plain(&contents));
    check("en", &plain(&translation.finish().unwrap()));
}

#[test]
fn packages_and_release() {
    let (suite, all) = (suite(), packages());
    let mut text = String::new();
    all.iter().for_each(|entry| stanza(&suite, entry, &mut text));
    check("Packages", &text);
    let listed = [("Packages", Digests::of(text.as_bytes())), ("Packages.xz", Digests::of(b"made up"))];
    let listed = listed.map(|(name, digests)| (name.to_owned(), digests));
    check("Release", &release::release(&suite, date(), &listed).unwrap().to_string());
}

#[test]
fn primary_filelists_and_other() {
    for (kind, text) in documents(&[rpm()]).unwrap() {
        check(&format!("{kind}.xml"), &text);
    }
}

#[test]
fn repomd_lists_the_three_indexes() {
    // The compressed bytes are zlib's affair and may change with it: the digests of a fixed text stand in for them.
    let indexes = ["primary", "filelists", "other"].map(|kind| Index {
        kind,
        packed: Checksum::of(kind.as_bytes()),
        open: Checksum::of(b"open"),
    });
    check("repomd.xml", &repomd::write(&indexes, date()).unwrap());
}

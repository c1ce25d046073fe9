//! The same package made by our writer and by rpmbuild, compared tag by tag.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a failed unwrap is a failed fact")]

mod sample;
mod tools;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use formats::rpm_header::{Entry, Header, Kind, Rpm, Tag};
use packaging::model::{EntryKind, Package, Role};
use packaging::rpm::{self, NoSigner};
use sample::{EPOCH, sample};
use tools::run;

/// What differs, and why that is right.
const EXPECTED: [(u32, &str); 10] = [
    (63, "the region spans the tags below"),
    (1064, "RPMVERSION: who wrote it"),
    (1116, "DIRINDEXES: into the tag below; the paths are the golden file's"),
    (1118, "DIRNAMES: sorted here, in the order of the files there"),
    (1122, "OPTFLAGS: nothing is compiled here"),
    (1132, "PLATFORM: of the build machine"),
    (1140, "FILECOLORS: rpmbuild asks libmagic"),
    (1141, "FILECLASS: rpmbuild asks libmagic"),
    (1142, "CLASSDICT: rpmbuild asks libmagic"),
    (5092, "PAYLOADDIGEST: another gzip"),
];

/// A package that a spec file can say, too: rpmbuild marks the needs of ELF files by itself.
fn comparable() -> Package {
    let mut package = sample("el8");
    package.relations.rpm_libraries.clear();
    package
}

#[test]
fn every_tag_is_as_rpmbuild_would_write_it() {
    let folder = tempfile::tempdir().unwrap();
    let package = comparable();
    let ours = rpm::write(&package, folder.path(), None::<NoSigner>).unwrap().path;
    let theirs = rpmbuild(&package, folder.path());
    let (ours, theirs) = (values(&ours), values(&theirs));
    let mut report = String::new();
    for tag in ours.keys().chain(theirs.keys()).collect::<std::collections::BTreeSet<_>>() {
        if EXPECTED.iter().all(|(expected, _)| expected != tag) && ours.get(tag) != theirs.get(tag) {
            writeln!(report, "tag {tag}\n  ours   {:?}\n  theirs {:?}", ours.get(tag), theirs.get(tag)).unwrap();
        }
    }
    for (tag, why) in EXPECTED {
        if ours.get(&tag) == theirs.get(&tag) {
            writeln!(report, "tag {tag} no longer differs; take it out of the list ({why})").unwrap();
        }
    }
    assert!(report.is_empty(), "{report}");
}

fn values(rpm: &Path) -> BTreeMap<u32, String> {
    let rpm = Rpm::read(&mut fs::read(rpm).unwrap().as_slice()).unwrap();
    rpm.header.entries().iter().map(|entry| (entry.tag.0, shown(&rpm.header, entry))).collect()
}

fn shown(header: &Header, entry: &Entry) -> String {
    let Entry { tag, kind, .. } = *entry;
    match kind {
        Kind::Int16 => format!("{kind:?} {:?}", header.u16s(tag)),
        Kind::Int32 => format!("{kind:?} {:?}", header.u32s(tag)),
        Kind::Int64 => format!("{kind:?} {:?}", header.u64s(tag)),
        Kind::Text | Kind::TextArray | Kind::I18nText => format!("{kind:?} {:?}", header.strings(tag)),
        _ => format!("{kind:?} {:?}", header.bin(tag)),
    }
}

#[test]
fn our_reader_understands_what_rpmbuild_writes() {
    let folder = tempfile::tempdir().unwrap();
    let theirs = rpmbuild(&comparable(), folder.path());
    let mut file = fs::File::open(theirs).unwrap();
    let (rpm, checked) = formats::rpm_header::verify_digests(&mut file).unwrap();
    assert_eq!(rpm.header.string(Tag::NAME).unwrap(), Some("wallarm-sample"));
    assert!(checked.md5 && checked.payload && checked.payload_size && checked.sha256);
}

fn rpmbuild(package: &Package, folder: &Path) -> PathBuf {
    let stage = folder.join("stage");
    stage_contents(package, &stage);
    let spec = folder.join("sample.spec");
    fs::write(&spec, spec_text(package, &stage)).unwrap();
    let defines = [
        format!("_topdir {}", folder.join("top").display()),
        format!("_rpmdir {}", folder.join("theirs").display()),
        "_binary_payload w6.gzdio".into(),
        "_binary_filedigest_algorithm 8".into(),
        "_buildhost localhost".into(),
        "_build_id_links none".into(),
        "__os_install_post %{nil}".into(),
        "debug_package %{nil}".into(),
        "clamp_mtime_to_source_date_epoch 1".into(),
        "use_source_date_epoch_as_buildtime 1".into(),
    ];
    let mut arguments = vec!["-bb", "--quiet", "--target", "x86_64-linux"];
    for define in &defines {
        arguments.extend(["--define", define]);
    }
    arguments.push(spec.to_str().unwrap());
    // The variable is rpmbuild's way of a fixed time.
    let epoch = EPOCH.to_string();
    let words = [&["-c", "SOURCE_DATE_EPOCH=$0 exec rpmbuild \"$@\"", &epoch], &arguments[..]].concat();
    run("sh", "rpm", &words);
    folder.join("theirs/x86_64").join(rpm::file_name(package))
}

fn stage_contents(package: &Package, stage: &Path) {
    for (path, entry) in &package.contents {
        let to = stage.join(path.relative());
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        match &entry.kind {
            EntryKind::Directory => fs::create_dir_all(&to).unwrap(),
            EntryKind::Symlink(target) => symlink(target, &to).unwrap(),
            EntryKind::File(content) => {
                fs::write(&to, content.read().unwrap()).unwrap();
                fs::set_permissions(&to, PermissionsExt::from_mode(entry.mode)).unwrap();
            }
        }
    }
}

fn spec_text(package: &Package, stage: &Path) -> String {
    let mut spec = format!(
        "Name: {}\nVersion: {}\nRelease: {}\nSummary: Sample of everything that a package can hold\n\
         Group: System Environment/Daemons\nLicense: {}\nURL: {}\nPackager: {}\n\
         Requires: wallarm-common >= 4.8\nRequires: adduser\nRequires(pre,post): wallarm-common >= 4.8\n\
         Conflicts: wallarm-other\nProvides: wallarm-virtual = 1\nObsoletes: wallarm-old < 4.6\n\
         %description\nThis package is written by a test and read by the tools that users have, and\n\
         its first paragraph is long enough to be folded.\n\nIt has a second paragraph.\n\
         %install\ncp -a {}/. %{{buildroot}}\n%files\n",
        package.name,
        package.version.upstream,
        package.version.revision,
        package.licence,
        package.homepage,
        package.maintainer,
        stage.display(),
    );
    for folder in ["doc/wallarm-sample", "licenses/wallarm-sample", "wallarm-sample"] {
        writeln!(spec, "%dir %attr(0755,root,root) /usr/share/{folder}").unwrap();
    }
    for (path, entry) in &package.contents {
        let mark = match (&entry.kind, entry.role) {
            (EntryKind::Directory, _) => "%dir ",
            (_, Role::Config) => "%config(noreplace) ",
            (_, Role::Doc) => "%doc ",
            (_, Role::Licence) => "%license ",
            _ => "",
        };
        let mode = match entry.kind {
            EntryKind::Symlink(_) => "-".to_owned(),
            _ => format!("{:04o}", entry.mode),
        };
        writeln!(spec, "%attr({mode},{},{}) {mark}{path}", entry.owner, entry.group).unwrap();
    }
    spec + "%changelog\n* Tue Nov 14 2023 Some Body <some@node.example> - 4.8.9-1.el8\n- One thing.\n- Another, with its rest.\n"
}

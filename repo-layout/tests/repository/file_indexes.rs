//! `Contents` and descriptions: what real apt makes of them, that a change gives the bytes that laying out anew would, and that
//! verify compares them with the packages.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use formats::deb822::Paragraph;
use repo_layout::destination::Folder;
use repo_layout::{AptSuite, Change, Digests, Job, Pattern, Publisher, Selection, Silent, Site, Target};
use signing::Signer as _;

use crate::apt::Apt;
use crate::fixture::{
    Fixture, assert_same_files, commit_time, contents, deb_of, files_below, front, job, key, run, suite,
};
use crate::http::Server;
use crate::s3::S3;
use crate::verify::verify_folder;

const SUITE: &str = "debian/wallarm-node/bookworm/4.8";

/// What apt-file sets in `/etc/apt/apt.conf.d`, for a flat repository.
const AS_APT_FILE: [&str; 5] = [
    "-oAcquire::IndexTargets::deb::Contents-deb::MetaKey=$(COMPONENT)/Contents-$(ARCHITECTURE)",
    "-oAcquire::IndexTargets::deb::Contents-deb::ShortDescription=Contents-$(ARCHITECTURE)",
    "-oAcquire::IndexTargets::deb::Contents-deb::flatMetaKey=Contents-$(ARCHITECTURE)",
    "-oAcquire::IndexTargets::deb::Contents-deb::flatDescription=$(RELEASE) Contents (deb)",
    "-oAcquire::IndexTargets::deb::Contents-deb::KeepCompressed=true",
];

#[test]
fn apt_fetches_contents_as_apt_file_has_it_do() {
    let fixture = Fixture::apt_only();
    fixture.build().unwrap();
    let server = Server::start(&fixture.tree());
    let apt = Apt::new(&fixture.tree(), &server.url());
    let seen = run(&mut apt.command(&[&["update"], AS_APT_FILE.as_slice()].concat()), "apt");
    assert!(!seen.contains("W:") && !seen.contains("E:") && !seen.contains("N:"), "{seen}");
    let wanted = ["indextargets", "--format=$(FILENAME)", "Created-By: Contents-deb"];
    let fetched = run(&mut apt.command(&[wanted.as_slice(), AS_APT_FILE.as_slice()].concat()), "apt");
    let text = run(&mut apt.tool("/usr/lib/apt/apt-helper", &["cat-file", fetched.trim()]), "apt");
    assert_eq!(text, "usr/share/alpha/file web/alpha\nusr/share/beta/file web/beta\n");
    let whole = server.asked().into_iter().filter(|path| path.ends_with("/Contents-amd64")).count();
    assert_eq!(whole, 0, "the compressed one is asked for, by its digest");
}

#[test]
fn apt_shows_the_whole_description_with_translations_and_without() {
    let fixture = Fixture::apt_only();
    fixture.build().unwrap();
    let server = Server::start(&fixture.tree());
    for language in ["none", "en", "de,en"] {
        let apt = Apt::new(&fixture.tree(), &server.url());
        let with_translations = language != "none";
        let language = format!("-oAcquire::Languages={language}");
        let seen = run(&mut apt.command(&["update", &language]), "apt");
        assert!(!seen.contains("W:") && !seen.contains("E:") && !seen.contains("N:"), "{language}\n{seen}");
        let shown = run(&mut apt.tool("apt-cache", &["show", "alpha", &language]), "apt");
        assert_eq!(seen.contains("Translation-en"), with_translations, "{language}\n{seen}");
        // Which of the two fields a version of apt names it by is its own affair.
        let whole = "a test package\n It has a long text,\n .\n of two paragraphs.\n";
        let fields = ["Description", "Description-en"].map(|field| format!("{field}: {whole}"));
        assert!(fields.iter().any(|field| shown.contains(field.as_str())), "{language}\n{shown}");
        assert_eq!(shown.matches("of two paragraphs").count(), 1, "{language}\n{shown}");
    }
}

/// Three versions of a package, which share a file and have each one of their own, and packages beside them.
struct Versions {
    fixture: Fixture,
}

impl Versions {
    fn new() -> Self {
        let fixture = Fixture::apt_only();
        for (version, architecture) in [("1", "amd64"), ("2", "amd64"), ("2", "arm64"), ("3", "amd64")] {
            let own = format!("usr/lib/{architecture}/of-{version}");
            let files = [(Path::new("usr/bin/many words"), "x"), (Path::new(&own), "y")];
            deb_of(&fixture.pool(), "many", version, architecture, &files);
        }
        Self { fixture }
    }

    fn files(&self, names: &[&str]) -> Vec<PathBuf> {
        names.iter().map(|name| self.fixture.pool().join(name)).collect()
    }

    fn site(packages: Selection) -> Site {
        let architectures = vec!["amd64".to_owned(), "arm64".to_owned()];
        let suite = AptSuite { packages, architectures, ..suite(Vec::new()) };
        Site { suites: vec![suite], yum: Vec::new(), front: Some(front()) }
    }

    fn publish(&self, packages: Selection, caches: Option<&Path>) {
        repo_layout::build(&Self::site(packages), &self.fixture.tree(), &Job { caches, ..job(key()) }).unwrap();
    }

    /// Publishes with these, changes it, and compares with what laying out anew gives.
    fn change(&self, before: &[&str], add: &[&str], remove: &[&str], after: &[&str]) {
        for with_caches in [false, true] {
            let folder = tempfile::tempdir().unwrap();
            let caches = with_caches.then_some(folder.path());
            let _ = fs::remove_dir_all(self.fixture.tree());
            self.publish(self.files(before).into(), caches);
            self.publish(self.changed(add, remove), caches);
            self.assert_as_anew(after);
        }
    }

    fn changed(&self, add: &[&str], remove: &[&str]) -> Selection {
        let remove = remove.iter().map(|pattern| Pattern::new(*pattern)).collect();
        Selection::Change(Change { add: self.files(add), remove, allow_older: true })
    }

    fn assert_as_anew(&self, names: &[&str]) {
        let tree = tempfile::tempdir().unwrap();
        repo_layout::build(&Self::site(self.files(names).into()), tree.path(), &job(key())).unwrap();
        assert_same_files(&contents(&self.fixture.tree()), &contents(tree.path()));
        assert_eq!(verify_folder(&self.fixture).findings, []);
    }

    fn index(&self, name: &str) -> String {
        fs::read_to_string(self.fixture.tree().join(SUITE).join(name)).unwrap()
    }
}

const ONE: &str = "many_1_amd64.deb";
const TWO: &str = "many_2_amd64.deb";
const TWO_ARM: &str = "many_2_arm64.deb";
const THREE: &str = "many_3_amd64.deb";
const BETA: &str = "beta_2.0-1_all.deb";

#[test]
fn each_architecture_has_its_files_and_those_of_all() {
    let versions = Versions::new();
    versions.publish(versions.files(&[ONE, TWO, TWO_ARM, BETA]).into(), None);
    let ours = "usr/bin/many words web/many\n";
    let amd64 = "usr/lib/amd64/of-1 web/many\nusr/lib/amd64/of-2 web/many\n";
    let beta = "usr/share/beta/file web/beta\n";
    assert_eq!(versions.index("Contents-amd64"), format!("{ours}{amd64}{beta}"));
    assert_eq!(versions.index("Contents-arm64"), format!("{ours}usr/lib/arm64/of-2 web/many\n{beta}"));
    assert_eq!(versions.index("en").matches("Package: many\n").count(), 1, "one description for all of them");
}

#[test]
fn another_version_keeps_the_files_that_it_shares_with_one_that_goes() {
    let versions = Versions::new();
    versions.change(&[ONE, TWO, BETA], &[], &["many=2"], &[ONE, BETA]);
    versions.change(&[ONE, TWO, TWO_ARM, BETA], &[], &["many=1"], &[TWO, TWO_ARM, BETA]);
    versions.change(&[ONE, TWO, THREE], &[], &["many=1", "many=3"], &[TWO]);
    versions.change(&[ONE, TWO_ARM, BETA], &[], &["many"], &[BETA]);
}

#[test]
fn a_version_that_comes_and_one_that_goes_give_the_same_bytes_as_laying_out_anew() {
    let versions = Versions::new();
    versions.change(&[ONE, BETA], &[TWO, TWO_ARM], &[], &[ONE, TWO, TWO_ARM, BETA]);
    versions.change(&[ONE, TWO, BETA], &[THREE], &["many=1"], &[TWO, THREE, BETA]);
    versions.change(&[ONE], &[TWO], &["many=1"], &[TWO]);
    versions.change(&[ONE], &[], &["many"], &[]);
}

#[test]
fn a_published_package_that_is_another_file_tells_nothing() {
    let versions = Versions::new();
    versions.publish(versions.files(&[ONE, TWO]).into(), None);
    let placed = versions.fixture.tree().join(SUITE).join("pool").join(ONE);
    let other = tempfile::tempdir().unwrap();
    let twin = deb_of(other.path(), "many", "1", "amd64", &[(Path::new("usr/bin/evil"), "x")]);
    fs::copy(twin, &placed).unwrap();
    let site = Versions::site(versions.changed(&[], &["many=2"]));
    let error = repo_layout::build(&site, &versions.fixture.tree(), &job(key())).unwrap_err();
    assert!(error.to_string().contains("it is not the package that Packages lists"), "{error}");
}

/// Makes of a suite what an earlier version of this program would have published, or a forger: with other indexes, signed anew.
fn sign_again(suite: &Path, edit: impl Fn(&str) -> Option<Vec<u8>>) {
    let mut lists = [String::new(), String::new()];
    for name in ["Contents-amd64", "Contents-arm64", "Packages", "Packages.gz", "Packages.xz", "en"] {
        let bytes = edit(name);
        for form in ["", ".gz", ".xz"] {
            let _ = bytes.is_none().then(|| fs::remove_file(suite.join(format!("{name}{form}"))));
        }
        let Some(bytes) = bytes else { continue };
        let digests = Digests::of(&bytes);
        fs::write(suite.join(name), &bytes).unwrap();
        let kinds = [("SHA256", digests.sha256.as_str()), ("SHA512", digests.sha512.as_str())];
        for (list, (kind, digest)) in lists.iter_mut().zip(kinds) {
            fs::write(suite.join(format!("by-hash/{kind}/{digest}")), &bytes).unwrap();
            list.push_str(&format!("\n{digest} {} {name}", digests.size));
        }
    }
    let mut release = Paragraph::parse(&fs::read_to_string(suite.join("Release")).unwrap()).unwrap();
    let [sha256, sha512] = lists;
    release.set("SHA256", sha256).unwrap();
    release.set("SHA512", sha512).unwrap();
    let text = release.to_string();
    fs::write(suite.join("Release"), &text).unwrap();
    fs::write(suite.join("InRelease"), key().sign_cleartext(&text, commit_time()).unwrap()).unwrap();
    fs::write(suite.join("Release.gpg"), key().sign_detached_armored(text.as_bytes(), commit_time()).unwrap()).unwrap();
}

#[test]
fn a_suite_can_be_without_them_and_get_them_later() {
    let versions = Versions::new();
    let caches = tempfile::tempdir().unwrap();
    let names = [ONE, TWO_ARM, BETA];
    let publish = |contents: bool, packages: Selection| {
        let mut site = Versions::site(packages);
        site.suites[0].contents = contents;
        let job = Job { caches: Some(caches.path()), ..job(key()) };
        repo_layout::build(&site, &versions.fixture.tree(), &job).unwrap();
    };
    publish(false, versions.files(&names).into());
    let suite = versions.fixture.tree().join(SUITE);
    let beside =
        || files_below(&suite).into_iter().filter(|name| name.starts_with("Contents") || name.starts_with("en"));
    assert_eq!(beside().count(), 0);
    assert_eq!(verify_folder(&versions.fixture).findings, []);
    publish(true, versions.files(&names).into());
    versions.assert_as_anew(&names);
    publish(false, versions.files(&names).into());
    assert_eq!(beside().count(), 0);
    publish(true, versions.changed(&[], &[]));
    versions.assert_as_anew(&names);
}

#[test]
fn a_suite_that_was_published_without_gets_them_with_the_next_change() {
    let versions = Versions::new();
    let suite = versions.fixture.tree().join(SUITE);
    versions.publish(versions.files(&[ONE, TWO_ARM, BETA]).into(), None);
    sign_again(&suite, |name| name.starts_with("Packages").then(|| fs::read(suite.join(name)).unwrap()));
    let strange = |finding: &repo_layout::Finding| !finding.what.contains("nothing refers to this file");
    assert_eq!(verify_folder(&versions.fixture).findings.into_iter().find(strange), None, "it may be without them");
    versions.publish(versions.changed(&[TWO], &[]), None);
    let tree = tempfile::tempdir().unwrap();
    let site = Versions::site(versions.files(&[ONE, TWO, TWO_ARM, BETA]).into());
    repo_layout::build(&site, tree.path(), &job(key())).unwrap();
    for name in ["Contents-amd64", "Contents-arm64.gz", "en.xz", "Release"] {
        assert_eq!(
            fs::read(suite.join(name)).unwrap(),
            fs::read(tree.path().join(SUITE).join(name)).unwrap(),
            "{name}"
        );
    }
}

#[test]
fn indexes_that_lie_about_the_packages_are_found_although_they_are_signed() {
    let versions = Versions::new();
    let suite = versions.fixture.tree().join(SUITE);
    for (index, from, to) in [
        ("Contents-amd64", "usr/lib/amd64/of-1", "usr/lib/amd64/of-9"),
        ("Contents-arm64", "usr/share/beta/file web/beta\n", ""),
        ("Contents-amd64", "web/many", "web/beta"),
        ("en", "a test package", "a best package"),
    ] {
        let _ = fs::remove_dir_all(versions.fixture.tree());
        versions.publish(versions.files(&[ONE, BETA]).into(), None);
        sign_again(&suite, |name| {
            let bytes = fs::read(suite.join(name)).unwrap();
            let lie = || String::from_utf8(bytes.clone()).unwrap().replace(from, to).into_bytes();
            Some(if name == index { lie() } else { bytes })
        });
        let report = verify_folder(&versions.fixture);
        let found = report.findings.iter().filter(|finding| finding.path == format!("{SUITE}/{index}"));
        let what: Vec<&str> = found.map(|finding| finding.what.as_str()).collect();
        assert!(what.len() == 1 && what[0].contains("its packages have"), "{index}: {:?}", report.findings);
    }
}

#[test]
fn nothing_is_built_on_a_foreign_index_of_files() {
    let versions = Versions::new();
    let suite = versions.fixture.tree().join(SUITE);
    let order = "usr/share/beta/file web/beta\nusr/bin/many words web/many\n";
    for (text, why) in
        [(order, "not in order"), ("usr/bin/many", "ends within a line"), ("usr/../many web/many\n", "is not a path")]
    {
        let _ = fs::remove_dir_all(versions.fixture.tree());
        versions.publish(versions.files(&[ONE, BETA]).into(), None);
        sign_again(&suite, |name| {
            Some(if name == "Contents-amd64" { text.into() } else { fs::read(suite.join(name)).unwrap() })
        });
        let before = contents(&versions.fixture.tree());
        let site = Versions::site(versions.changed(&[TWO], &[]));
        let error = repo_layout::build(&site, &versions.fixture.tree(), &job(key())).unwrap_err();
        assert!(error.to_string().contains(why), "{error}");
        assert_same_files(&contents(&versions.fixture.tree()), &before);
    }
}

#[test]
fn a_rollback_brings_the_older_indexes_and_removes_those_that_are_too_many() {
    let versions = Versions::new();
    let publisher = |hours: u64| Publisher::new(key(), commit_time() + Duration::from_secs(3600 * hours));
    let destination = Folder::new(versions.fixture.tree());
    let mut site = Versions::site(versions.files(&[ONE, BETA]).into());
    site.suites[0].architectures.pop();
    repo_layout::publish(&site, &destination, &publisher(0), &Silent).unwrap();
    let before = versions.index("Contents-amd64");
    let site = Versions::site(versions.files(&[TWO, TWO_ARM, BETA]).into());
    repo_layout::publish(&site, &destination, &publisher(1), &Silent).unwrap();
    assert_ne!(versions.index("Contents-amd64"), before);
    repo_layout::rollback(&destination, &publisher(2), &[], &Target::Previous, false, &Silent).unwrap();
    assert_eq!(versions.index("Contents-amd64"), before);
    let names = files_below(&versions.fixture.tree().join(SUITE));
    assert!(!names.iter().any(|name| name.starts_with("Contents-arm64")), "{names:?}");
    assert!(!verify_folder(&versions.fixture).findings.iter().any(|finding| finding.path.contains("Contents")));
}

#[test]
fn in_object_storage_a_version_goes_and_the_files_of_the_others_stay() {
    let versions = Versions::new();
    let server = S3::start();
    let publisher = Publisher::new(key(), commit_time());
    for packages in [versions.files(&[ONE, TWO, BETA]).into(), versions.changed(&[THREE], &["many=1"])] {
        repo_layout::publish(&Versions::site(packages), &server.tree(), &publisher, &Silent).unwrap();
    }
    versions.publish(versions.files(&[TWO, THREE, BETA]).into(), None);
    let url = format!("{}/{SUITE}/Contents-amd64", server.url());
    let text = run(std::process::Command::new("curl").args(["-fsS", &url]), "curl");
    assert_eq!(text, versions.index("Contents-amd64"));
}

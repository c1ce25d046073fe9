//! Changing what is published: added and removed packages, what is known from the run before, and what is refused.

use std::fs;
use std::path::{Path, PathBuf};

use repo_layout::{AptSuite, Change, Error, Job, Pattern, Selection, Severity, Site, Summary, YumRepository};

use crate::fixture::{
    Fixture, assert_same_files, commit_time, contents, deb, deb_with, job, key, sign_rpm, unsigned_rpm,
};
use crate::verify::verify_folder;

const OLD_RPM: &str = "gamma-1.0-1.el8.x86_64.rpm";

/// Two suites with other packages than the fixture publishes, and an rpm.
struct More {
    fixture: Fixture,
    gamma: PathBuf,
    delta: PathBuf,
}

impl More {
    fn new() -> Self {
        let fixture = Fixture::new();
        let pool = fixture.pool();
        let delta = deb(&pool, "delta", "0.9-1", "amd64");
        let raw = tempfile::tempdir().unwrap();
        let gamma = sign_rpm(&unsigned_rpm(raw.path(), "gamma", "1.1", "1.el8", "x86_64"), &pool, key());
        fixture.build().unwrap();
        Self { fixture, gamma, delta }
    }

    /// Publishes the site with other packages.
    fn publish(&self, debs: Selection, rpms: Selection) -> Result<Summary, Error> {
        self.publish_to(&self.fixture.tree(), debs, rpms, None)
    }

    fn publish_to(
        &self,
        tree: &Path,
        debs: Selection,
        rpms: Selection,
        caches: Option<&Path>,
    ) -> Result<Summary, Error> {
        let site = Site {
            suites: vec![AptSuite { packages: debs, ..self.fixture.site.suites[0].clone() }],
            yum: vec![YumRepository { packages: rpms, ..self.fixture.site.yum[0].clone() }],
            front: self.fixture.site.front.clone(),
        };
        repo_layout::build(&site, tree, &Job { caches, ..job(key()) })
    }

    fn files(&self, names: &[&str]) -> Selection {
        Selection::Exactly(names.iter().map(|name| self.fixture.pool().join(name)).collect())
    }

    /// What a run from nothing would have published.
    fn laid_out_anew(&self, debs: &[&str], rpms: &[&str]) -> std::collections::BTreeMap<String, Vec<u8>> {
        let tree = tempfile::tempdir().unwrap();
        self.publish_to(tree.path(), self.files(debs), self.files(rpms), None).unwrap();
        contents(tree.path())
    }
}

fn change(add: &[&PathBuf], remove: &[&str]) -> Selection {
    Selection::Change(Change {
        add: add.iter().map(|path| path.to_path_buf()).collect(),
        remove: remove.iter().map(|text| Pattern::new(*text)).collect(),
        allow_older: false,
    })
}

const BOOTSTRAP: &str = "wallarm-node-repo-4.8-0.el8.noarch.rpm";

#[test]
fn adding_gives_the_same_bytes_as_laying_out_anew() {
    let more = More::new();
    let summary = more.publish(change(&[&more.delta], &[]), change(&[&more.gamma], &[])).unwrap();
    assert_eq!(summary.suites.iter().map(|suite| (suite.packages, suite.read)).collect::<Vec<_>>(), [(3, 1), (3, 1)]);
    let anew = more.laid_out_anew(
        &["alpha_1.0-1_amd64.deb", "beta_2.0-1_all.deb", "delta_0.9-1_amd64.deb"],
        &[OLD_RPM, "gamma-1.1-1.el8.x86_64.rpm", BOOTSTRAP],
    );
    assert_same_files(&contents(&more.fixture.tree()), &anew);
    let report = verify_folder(&more.fixture);
    assert!(!report.findings.iter().any(|finding| finding.severity == Severity::Error), "{:?}", report.findings);
}

#[test]
fn removing_gives_the_same_bytes_as_laying_out_anew() {
    let more = More::new();
    more.publish(change(&[&more.delta], &["alpha=1.0-1"]), change(&[&more.gamma], &[OLD_RPM])).unwrap();
    let anew = more
        .laid_out_anew(&["beta_2.0-1_all.deb", "delta_0.9-1_amd64.deb"], &["gamma-1.1-1.el8.x86_64.rpm", BOOTSTRAP]);
    assert_same_files(&contents(&more.fixture.tree()), &anew);
}

#[test]
fn a_repository_that_is_new_begins_with_what_is_added() {
    let more = More::new();
    let tree = tempfile::tempdir().unwrap();
    more.publish_to(tree.path(), change(&[&more.delta], &[]), change(&[&more.gamma], &[]), None).unwrap();
    assert_same_files(
        &contents(tree.path()),
        &more.laid_out_anew(&["delta_0.9-1_amd64.deb"], &["gamma-1.1-1.el8.x86_64.rpm"]),
    );
}

#[test]
fn a_repository_is_laid_out_anew_from_the_packages_that_lie_in_it() {
    let more = More::new();
    let tree = more.fixture.tree();
    let before = contents(&tree);
    for index in ["debian/wallarm-node/bookworm/4.8/InRelease", "centos/wallarm-node/8/4.8/x86_64/repodata/repomd.xml"]
    {
        fs::remove_file(tree.join(index)).unwrap();
    }
    more.publish(Selection::InPlace, Selection::InPlace).unwrap();
    assert_same_files(&contents(&tree), &before);
}

#[test]
fn what_is_known_is_not_read_again_and_changes_no_byte() {
    let more = More::new();
    let caches = tempfile::tempdir().unwrap();
    let debs = || more.files(&["alpha_1.0-1_amd64.deb", "beta_2.0-1_all.deb"]);
    let rpms = || more.files(&[OLD_RPM, BOOTSTRAP]);
    let before = contents(&more.fixture.tree());
    let read = |debs, rpms| {
        let summary = more.publish_to(&more.fixture.tree(), debs, rpms, Some(caches.path())).unwrap();
        (summary.written, summary.suites.iter().map(|suite| suite.read).collect::<Vec<_>>())
    };
    assert_eq!(read(debs(), rpms()), (0, vec![2, 2]));
    assert_eq!(read(debs(), rpms()), (0, vec![0, 0]));
    // A file that was written again is read again, whatever it holds.
    let alpha = more.fixture.pool().join("alpha_1.0-1_amd64.deb");
    let bytes = fs::read(&alpha).unwrap();
    fs::remove_file(&alpha).unwrap();
    fs::write(&alpha, bytes).unwrap();
    assert_eq!(read(debs(), rpms()), (0, vec![1, 0]));
    assert_same_files(&contents(&more.fixture.tree()), &before);
    // What a package was put into the tree as counts as little as what it came from.
    let placed = more.fixture.tree().join("debian/wallarm-node/bookworm/4.8/pool/alpha_1.0-1_amd64.deb");
    fs::write(&placed, "damaged").unwrap();
    assert_eq!(read(debs(), rpms()), (1, vec![0, 0]));
    assert_same_files(&contents(&more.fixture.tree()), &before);
}

#[test]
fn a_package_that_is_not_there_cannot_be_removed() {
    let more = More::new();
    let before = contents(&more.fixture.tree());
    let error = more.publish(change(&[], &["alpha", "omega"]), change(&[], &[])).unwrap_err();
    assert_eq!(
        error.to_string(),
        "debian/wallarm-node/bookworm/4.8 has no package `omega`: give a name, name=version, or a file name"
    );
    assert_same_files(&contents(&more.fixture.tree()), &before);
}

#[test]
fn an_older_package_is_refused_unless_it_is_meant() {
    let more = More::new();
    let old = deb(&more.fixture.pool(), "alpha", "0.9-1", "amd64");
    let error = more.publish(change(&[&old], &[]), change(&[], &[])).unwrap_err();
    assert!(matches!(&error, Error::Older { published, .. } if published == "1.0-1"), "{error}");
    let meant = Selection::Change(Change { add: vec![old], allow_older: true, ..Change::default() });
    more.publish(meant, change(&[], &[])).unwrap();
    // The newer one goes in the same step: then nothing newer is left.
    let older = deb(&more.fixture.pool(), "beta", "1.0-1", "all");
    more.publish(change(&[&older], &["beta=2.0-1"]), change(&[], &[])).unwrap();
}

#[test]
fn another_file_under_a_published_name_is_refused() {
    let more = More::new();
    let other = tempfile::tempdir().unwrap();
    let twin = deb_with(other.path(), "alpha", "1.0-1", "amd64", "something else\n");
    let error = more.publish(change(&[&twin], &[]), change(&[], &[])).unwrap_err();
    assert!(matches!(&error, Error::Twins { .. }), "{error}");
    // The same file once more is no change.
    let same = more.fixture.pool().join("alpha_1.0-1_amd64.deb");
    assert_eq!(more.publish(change(&[&same], &[]), change(&[], &[])).unwrap().written, 0);
}

#[test]
fn nothing_is_built_on_an_index_that_was_tampered_with() {
    let more = More::new();
    let suite = more.fixture.tree().join("debian/wallarm-node/bookworm/4.8");
    let by_hash = fs::read_dir(suite.join("by-hash/SHA256")).unwrap().map(|entry| entry.unwrap().path());
    let plain = by_hash.into_iter().find(|path| fs::read(path).unwrap().starts_with(b"Package: ")).unwrap();
    let text = fs::read_to_string(&plain).unwrap();
    fs::remove_file(&plain).unwrap();
    fs::write(&plain, text.replace("a test package", "a rest package")).unwrap();
    let error = more.publish(change(&[&more.delta], &[]), change(&[], &[])).unwrap_err();
    assert!(error.to_string().contains("it is not the file that InRelease vouches for"), "{error}");

    let in_release = suite.join("InRelease");
    let text = fs::read_to_string(&in_release).unwrap();
    fs::write(&in_release, text.replace("Origin: Test", "Origin: Rest")).unwrap();
    let error = more.publish(change(&[&more.delta], &[]), change(&[], &[])).unwrap_err();
    assert!(matches!(&error, Error::PublishedSignature { .. }), "{error}");

    let repodata = more.fixture.tree().join("centos/wallarm-node/8/4.8/x86_64/repodata");
    let other = fs::read_dir(&repodata).unwrap().map(|entry| entry.unwrap().path());
    let other = other.into_iter().find(|path| path.to_string_lossy().ends_with("-other.xml.gz")).unwrap();
    let mut packed = flate2::GzBuilder::new().write(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut packed, b"<?xml version=\"1.0\"?>\n<otherdata packages=\"2\">\n</otherdata>\n")
        .unwrap();
    fs::write(&other, packed.finish().unwrap()).unwrap();
    let error = more.publish(Selection::InPlace, change(&[&more.gamma], &[])).unwrap_err();
    assert!(matches!(&error, Error::Published { .. }), "{error}");
}

#[test]
fn the_date_of_a_change_is_the_one_given() {
    let more = More::new();
    let later = commit_time() + std::time::Duration::from_secs(60);
    let site = Site {
        suites: vec![AptSuite { packages: change(&[], &[]), ..more.fixture.site.suites[0].clone() }],
        ..Site::default()
    };
    repo_layout::build(&site, &more.fixture.tree(), &Job { when: later, ..job(key()) }).unwrap();
    let release = fs::read_to_string(more.fixture.tree().join("debian/wallarm-node/bookworm/4.8/Release")).unwrap();
    assert!(release.contains("Date: Thu, 28 May 2026 20:27:40 UTC"), "{release}");
}

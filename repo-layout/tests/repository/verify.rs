//! Verify finds what is wrong, all of it, and nothing else.

use std::fs;
use std::time::{Duration, SystemTime};

use repo_layout::{Change, Options, Pattern, Report, Selection, Severity, Silent, Source, SuiteKind, TreePath};
use signing::SecretKey;

use crate::fixture::{Fixture, commit_time, files_below, job, key, new_key, sign_rpm};
use crate::http::Server;

const DAY: Duration = Duration::from_secs(86_400);

pub fn options() -> Options {
    Options::at(commit_time() + DAY)
}

pub fn verify_folder(fixture: &Fixture) -> Report {
    repo_layout::verify(&Source::Folder(fixture.tree()), &options(), &Silent).unwrap()
}

#[test]
fn a_fresh_tree_is_clean() {
    let fixture = Fixture::new();
    fixture.build().unwrap();
    let report = verify_folder(&fixture);
    assert_eq!(report.findings, []);
    let rows: Vec<_> = report.suites.iter().map(|suite| (suite.kind, suite.path.as_str(), suite.packages)).collect();
    assert_eq!(
        rows,
        [
            (SuiteKind::Yum, "centos/wallarm-node/8/4.8/x86_64", 2),
            (SuiteKind::Apt, "debian/wallarm-node/bookworm/4.8", 2)
        ]
    );
    assert_eq!(report.keys[0].fingerprint, key().public().fingerprint().to_string());
}

#[test]
fn a_tree_behind_an_address_is_clean_too() {
    let fixture = Fixture::new();
    fixture.build().unwrap();
    let server = Server::start(&fixture.tree());
    let mut options = options();
    let source = Source::parse(&server.url());
    assert!(repo_layout::verify(&source, &options, &Silent).is_err(), "suites must be named");
    options.suites = vec![
        (SuiteKind::Apt, TreePath::new("debian/wallarm-node/bookworm/4.8").unwrap()),
        (SuiteKind::Yum, TreePath::new("centos/wallarm-node/8/4.8/x86_64").unwrap()),
    ];
    let report = repo_layout::verify(&source, &options, &Silent).unwrap();
    assert_eq!(report.findings, []);
    assert_eq!(report.suites.len(), 2);
}

/// At every file, one byte in several places: the first, the last, and some between.
#[test]
fn a_flipped_byte_in_any_file_is_found() {
    let fixture = Fixture::new();
    fixture.build().unwrap();
    for path in files_below(&fixture.tree()) {
        let at = fixture.tree().join(&path);
        let good = fs::read(&at).unwrap();
        for place in [0, good.len() / 3, good.len() / 2, good.len() - 1] {
            let mut bad = good.clone();
            bad[place] ^= 1;
            fs::write(&at, bad).unwrap();
            let report = verify_folder(&fixture);
            assert!(report.errors() > 0, "byte {place} of {path}");
            let named = report.findings.iter().any(|finding| finding.path == path);
            // Indexes are vouched for by others, which are named then; everything else is named itself.
            assert!(
                named
                    || path == "wallarm.gpg"
                    || ["elease", "repomd.xml", "index.html"].iter().any(|part| path.contains(part)),
                "{path}: {:?}",
                report.findings
            );
        }
        fs::write(&at, good).unwrap();
    }
    assert!(verify_folder(&fixture).is_clean());
}

#[test]
fn every_missing_file_is_found() {
    let fixture = Fixture::new();
    fixture.build().unwrap();
    for path in files_below(&fixture.tree()) {
        let at = fixture.tree().join(&path);
        // An armoured key and a bootstrap copy may be there; nothing says that they must.
        let optional = path == "wallarm.asc" || path.ends_with("x86_64/wallarm-node-repo-4.8-0.el8.noarch.rpm");
        let good = fs::read(&at).unwrap();
        fs::remove_file(&at).unwrap();
        let report = verify_folder(&fixture);
        assert_eq!(report.errors() == 0, optional, "{path}: {:?}", report.findings);
        fs::write(&at, good).unwrap();
    }
}

#[test]
fn a_page_of_an_earlier_publication_is_found_although_its_signature_is_good() {
    let mut fixture = Fixture::new();
    fixture.build().unwrap();
    let folder = fixture.tree().join("debian/wallarm-node/bookworm/4.8");
    let files = ["index.html", "index.html.asc"].map(|name| folder.join(name));
    let old = files.each_ref().map(|file| fs::read(file).unwrap());
    let beta = Change { remove: vec![Pattern::new("beta")], ..Change::default() };
    fixture.site.suites[0].packages = Selection::Change(beta);
    fixture.build().unwrap();
    assert!(verify_folder(&fixture).is_clean());
    for (file, bytes) in files.iter().zip(&old) {
        fs::write(file, bytes).unwrap();
    }
    let report = verify_folder(&fixture);
    let [finding] = report.findings.as_slice() else { panic!("{:?}", report.findings) };
    assert_eq!(finding.path, "debian/wallarm-node/bookworm/4.8/index.html");
    assert!(finding.what.contains("which the index does not list"), "{}", finding.what);
}

#[test]
fn a_tree_needs_no_pages() {
    let mut fixture = Fixture::new();
    fixture.site.front = None;
    fixture.build().unwrap();
    assert!(!fixture.tree().join("index.html").exists());
    assert!(verify_folder(&fixture).is_clean());
}

#[test]
fn a_stray_file_and_a_link_are_found() {
    let fixture = Fixture::new();
    fixture.build().unwrap();
    let stray = "debian/wallarm-node/bookworm/4.8/pool/evil_1_all.deb";
    fs::write(fixture.tree().join(stray), "evil").unwrap();
    std::os::unix::fs::symlink("/etc/passwd", fixture.tree().join("link")).unwrap();
    let report = verify_folder(&fixture);
    let paths: Vec<_> = report.findings.iter().map(|finding| finding.path.as_str()).collect();
    assert_eq!(paths, [stray, "link"]);
    assert_eq!(report.suites.iter().map(|suite| suite.findings).sum::<usize>(), 1);
}

/// Lays out the apt half with a key that lives for so many days from its making, one day before the commit.
fn with_key_for(days: u32) -> (Fixture, SecretKey) {
    let fixture = Fixture::apt_only();
    let key = new_key(Some(DAY * days));
    repo_layout::build(&fixture.site, &fixture.tree(), &job(&key)).unwrap();
    (fixture, key)
}

#[test]
fn an_expired_key_is_an_error_and_one_that_ends_soon_a_warning() {
    let (fixture, _) = with_key_for(20);
    let report = verify_folder(&fixture);
    assert_eq!(report.findings.len(), 1, "{:?}", report.findings);
    assert_eq!(report.findings[0].severity, Severity::Warning);
    assert!(report.findings[0].what.contains("in 18 days"), "{:?}", report.findings);
    assert_eq!(report.keys[0].days_left, Some(18));
    let mut late = options();
    late.now = commit_time() + DAY * 30;
    let report = repo_layout::verify(&Source::Folder(fixture.tree()), &late, &Silent).unwrap();
    assert!(report.errors() > 0);
    assert!(report.findings.iter().all(|finding| finding.what.contains("expired")), "{:?}", report.findings);
}

#[test]
fn a_tree_by_another_key_than_the_trusted_one_is_refused() {
    let fixture = Fixture::new();
    fixture.build().unwrap();
    let mut options = options();
    options.key = Some(new_key(None).public().clone().into());
    let report = repo_layout::verify(&Source::Folder(fixture.tree()), &options, &Silent).unwrap();
    for path in [
        "wallarm.gpg",
        "debian/wallarm-node/bookworm/4.8/InRelease",
        "centos/wallarm-node/8/4.8/x86_64/repodata/repomd.xml.asc",
    ] {
        assert!(report.findings.iter().any(|finding| finding.path == path), "{path}");
    }
}

#[test]
fn a_release_from_the_future_is_found() {
    let fixture = Fixture::apt_only();
    fixture.build().unwrap();
    let early = Options::at(commit_time() - Duration::from_secs(60));
    let report = repo_layout::verify(&Source::Folder(fixture.tree()), &early, &Silent).unwrap();
    assert!(report.errors() > 0);
}

#[test]
fn a_report_is_json_for_pipelines() {
    let fixture = Fixture::apt_only();
    fixture.build().unwrap();
    fs::write(fixture.tree().join("stray"), "").unwrap();
    let json = serde_json::to_value(verify_folder(&fixture)).unwrap();
    assert_eq!(json["suites"][0]["kind"], "apt");
    assert_eq!(json["findings"][0]["severity"], "error");
    assert_eq!(json["findings"][0]["path"], "stray");
}

#[test]
fn an_empty_folder_is_no_tree() {
    let folder = tempfile::tempdir().unwrap();
    let source = Source::Folder(folder.path().to_owned());
    let refused = repo_layout::verify(&source, &Options::at(SystemTime::now()), &Silent).unwrap_err();
    assert!(refused.to_string().contains("no suite"), "{refused}");
}

/// A correctly signed index that lies about a package: the header tells.
#[test]
fn a_package_whose_header_is_signed_by_another_key_is_found() {
    let fixture = Fixture::yum_only();
    fixture.build().unwrap();
    let package = fixture.tree().join("centos/wallarm-node/8/4.8/x86_64/Packages/gamma-1.0-1.el8.x86_64.rpm");
    let other = sign_rpm(&package, &fixture.folder.path().join("other"), &new_key(None));
    fs::copy(other, &package).unwrap();
    let report = verify_folder(&fixture);
    assert!(report.findings.iter().any(|finding| finding.path.ends_with("gamma-1.0-1.el8.x86_64.rpm")));
}

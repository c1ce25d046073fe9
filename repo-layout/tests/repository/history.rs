//! What stays of older states, and the ways back to them.

use std::fs;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, SystemTime};

use repo_layout::destination::{Destination, Folder};
use repo_layout::{
    AptSuite, Change, Error, Keep, Publisher, Selection, Silent, Site, Summary, Target, TreePath, journal, prune,
    rollback, snapshot,
};

use signing::Signer as _;

use crate::apt::Apt;
use crate::fixture::{
    Fixture, commit_time, contents, deb, deb_with, job, key, output, run, sign_rpm, site, suite, unsigned_rpm,
};
use crate::http::Server;
use crate::verify::verify_folder;
use crate::yum::Dnf;

const SUITE: &str = "debian/wallarm-node/bookworm/4.8";

fn publisher(hours_later: u64) -> Publisher<'static> {
    let when = commit_time() + Duration::from_secs(3600 * hours_later);
    Publisher { name: "Release team".to_owned(), wait: Duration::from_secs(60), ..Publisher::new(key(), when) }
}

fn publish(fixture: &Fixture, publisher: &Publisher<'_>) -> Result<Summary, Error> {
    repo_layout::publish(&fixture.site, &Folder::new(fixture.tree()), publisher, &Silent)
}

/// Two states of both repositories, one after the other.
fn two_releases() -> Fixture {
    let mut fixture = Fixture::new();
    publish(&fixture, &publisher(0)).unwrap();
    deb(&fixture.pool(), "beta", "2.0-2", "all");
    let raw = unsigned_rpm(fixture.folder.path(), "gamma", "1.0", "2.el8", "x86_64");
    sign_rpm(&raw, &fixture.pool(), key());
    fixture.site = second_site(&fixture);
    publish(&fixture, &publisher(1)).unwrap();
    fixture
}

fn second_site(fixture: &Fixture) -> Site {
    site(&fixture.pool(), &["alpha_1.0-1_amd64.deb", "beta_2.0-2_all.deb"], "gamma-1.0-2.el8.x86_64.rpm")
}

fn tree(fixture: &Fixture) -> Folder {
    Folder::new(fixture.tree())
}

/// What apt would install of a package.
fn candidate(apt: &Apt, package: &str) -> String {
    let seen = run(&mut apt.command(&["update"]), "apt");
    assert!(!seen.contains("W:") && !seen.contains("E:"), "{seen}");
    run(&mut apt.command(&["download", "--print-uris", package]), "apt")
}

#[test]
fn a_slow_client_still_finds_what_the_index_that_it_has_refers_to() {
    let mut fixture = Fixture::apt_only();
    publish(&fixture, &publisher(0)).unwrap();
    let server = Server::start(&fixture.tree());
    let apt = Apt::new(&fixture.tree(), &server.url());
    run(&mut apt.command(&["update"]), "apt");
    deb(&fixture.pool(), "beta", "2.0-2", "all");
    fixture.site = second_site(&fixture);
    fixture.site.yum.clear();
    publish(&fixture, &publisher(1)).unwrap();
    run(&mut apt.command(&["download", "beta=2.0-1"]), "apt");
    assert_eq!(verify_folder(&fixture).findings, []);
    assert!(candidate(&apt, "beta").contains("beta_2.0-2"));
}

#[test]
fn a_prune_leaves_the_current_state_and_what_has_a_name() {
    let fixture = two_releases();
    let destination = tree(&fixture);
    let keep = Keep::CURRENT;
    let there = |name: &str| contents(&fixture.tree()).keys().any(|path| path.ends_with(name));
    let planned = prune(&destination, keep, Duration::ZERO, true, &Silent).unwrap();
    assert!(there("beta_2.0-1_all.deb") && there("gamma-1.0-1.el8.x86_64.rpm"), "a dry run removes nothing");
    let pinned = snapshot(&destination, "before-prune").unwrap();
    assert_eq!(pinned.generations.len(), 2);
    assert!(snapshot(&destination, "before-prune").is_err(), "the name is taken");
    assert!(snapshot(&destination, "../escape").is_err());

    let done = prune(&destination, keep, Duration::ZERO, false, &Silent).unwrap();
    assert_eq!(done, planned, "the snapshot pins the current state only");
    assert_eq!(done.generations.len(), 2);
    assert!(!there("beta_2.0-1_all.deb") && !there("gamma-1.0-1.el8.x86_64.rpm"));
    assert!(there("beta_2.0-2_all.deb") && there("gamma-1.0-2.el8.x86_64.rpm"));
    assert_eq!(contents(&fixture.tree()).keys().filter(|path| path.contains("by-hash")).count(), 16);
    assert_eq!(verify_folder(&fixture).findings, []);
    assert_eq!(prune(&destination, keep, Duration::ZERO, false, &Silent).unwrap(), repo_layout::Pruned::default());

    // Pinned, it outlives its replacement.
    fixture_with_third_release(&fixture);
    prune(&destination, keep, Duration::ZERO, false, &Silent).unwrap();
    assert!(there("beta_2.0-2_all.deb"), "the snapshot needs it");
    assert_eq!(verify_folder(&fixture).findings, []);
}

fn fixture_with_third_release(fixture: &Fixture) {
    let third = site(&fixture.pool(), &["alpha_1.0-1_amd64.deb"], "gamma-1.0-2.el8.x86_64.rpm");
    repo_layout::publish(&third, &tree(fixture), &publisher(2), &Silent).unwrap();
}

#[test]
fn a_rollback_reaches_clients_that_have_seen_the_newer_state() {
    let fixture = two_releases();
    let destination = tree(&fixture);
    let server = Server::start(&fixture.tree());
    let (apt, dnf) = (Apt::new(&fixture.tree(), &server.url()), Dnf::new(&fixture.tree(), &server.url()));
    assert!(candidate(&apt, "beta").contains("beta_2.0-2"));
    let newest = |dnf: &Dnf| run(&mut dnf.command(&["--refresh", "repoquery", "gamma"]), "dnf");
    assert!(newest(&dnf).contains("1.0-2.el8"));

    let back = |target: &Target, dry_run: bool, hours: u64| {
        rollback(&destination, &publisher(hours), &[], target, dry_run, &Silent)
    };
    let before = contents(&fixture.tree());
    assert_eq!(back(&Target::Previous, true, 2).unwrap().len(), 2);
    assert_eq!(contents(&fixture.tree()), before);
    let done = back(&Target::Previous, false, 2).unwrap();
    assert!(done.iter().all(|one| (one.from, one.to) == (2, 1)), "{done:?}");
    assert!(candidate(&apt, "beta").contains("beta_2.0-1"));
    let seen = newest(&dnf);
    assert!(seen.contains("1.0-1.el8") && !seen.contains("1.0-2.el8"), "{seen}");
    assert_eq!(verify_folder(&fixture).findings, []);

    back(&Target::Number(2), false, 3).unwrap();
    assert!(candidate(&apt, "beta").contains("beta_2.0-2"));
    assert_eq!(verify_folder(&fixture).findings, []);
    assert!(matches!(back(&Target::Number(77), false, 4), Err(Error::State { .. })));
    assert!(matches!(back(&Target::Snapshot("none".to_owned()), false, 4), Err(Error::State { .. })));
    assert!(matches!(back(&Target::Previous, false, 0), Err(Error::Backwards { .. })), "clients would not follow");
}

#[test]
fn the_journal_says_who_published_what_and_cannot_be_changed_unnoticed() {
    let fixture = two_releases();
    let read = || journal(&tree(&fixture), Some(key().keyring()), SystemTime::now()).unwrap();
    let log = read();
    assert_eq!(log.faults, Vec::<String>::new());
    assert_eq!(log.entries.len(), 4);
    let apt: Vec<_> = log.entries.iter().filter(|entry| entry.repository.as_str() == SUITE).collect();
    assert_eq!(apt[0].publisher, "Release team");
    assert_eq!(apt[0].added, ["alpha_1.0-1_amd64.deb", "beta_2.0-1_all.deb"]);
    assert_eq!((&*apt[1].added, &*apt[1].removed), (&["beta_2.0-2_all.deb".to_owned()][..], &apt[0].added[1..]));

    let entry = |number: u64| fixture.tree().join(format!(".wallarm-repo/journal/{number}.json"));
    let original = fs::read(entry(2)).unwrap();
    fs::write(entry(2), String::from_utf8(original.clone()).unwrap().replace("Release team", "Somebody else")).unwrap();
    assert!(!read().faults.is_empty(), "changed");
    fs::write(entry(2), fs::read(entry(1)).unwrap()).unwrap();
    assert!(!read().faults.is_empty(), "put in place of another");
    fs::remove_file(entry(2)).unwrap();
    assert!(!read().faults.is_empty(), "taken out");
    fs::write(entry(2), original).unwrap();
    assert!(read().faults.is_empty());
}

#[test]
fn another_package_of_a_published_name_and_an_older_date_are_refused() {
    let fixture = two_releases();
    let before = contents(&fixture.tree());
    let earlier = publish(&fixture, &publisher(0)).unwrap_err();
    assert!(matches!(earlier, Error::Backwards { .. }), "{earlier}");
    assert_eq!(contents(&fixture.tree()), before);
    deb_with(&fixture.pool(), "alpha", "1.0-1", "amd64", "something else\n");
    let refused = publish(&fixture, &publisher(2)).unwrap_err();
    assert!(refused.to_string().contains("alpha_1.0-1_amd64.deb is published already"), "{refused}");
    assert_eq!(contents(&fixture.tree()), before);
    publish(&fixture, &Publisher { replace: true, ..publisher(2) }).unwrap();
    assert_eq!(verify_folder(&fixture).findings, []);
}

/// Adds one package to what is there.
fn add(destination: &dyn Destination, package: PathBuf) -> Result<Summary, Error> {
    let packages = Selection::Change(Change { add: vec![package], ..Change::default() });
    let site = Site { suites: vec![AptSuite { packages, ..suite(Vec::new()) }], ..Site::default() };
    repo_layout::publish(&site, destination, &publisher(0), &Silent)
}

fn four_at_once(destination: &(dyn Destination + Sync), fixture: &Fixture) {
    let pool = fixture.pool();
    let packages: Vec<PathBuf> =
        (0..8).map(|number| deb(&pool, &format!("package{number}"), "1.0-1", "amd64")).collect();
    thread::scope(|scope| {
        for mine in packages.chunks(2) {
            scope.spawn(move || {
                for package in mine {
                    add(destination, package.clone()).unwrap();
                }
            });
        }
    });
    let serial = fixture.folder.path().join("serial");
    let site = Site { suites: vec![suite(packages)], ..Site::default() };
    repo_layout::build(&site, &serial, &job(key())).unwrap();
    for name in ["InRelease", "Release", "Release.gpg", "Packages", "Packages.xz"] {
        let path = TreePath::new(format!("{SUITE}/{name}")).unwrap();
        let there = destination.read(&path).unwrap().unwrap();
        assert!(there.bytes == fs::read(path.under(&serial)).unwrap(), "{name} is not that of one publisher alone");
    }
}

#[test]
fn four_publishers_at_once_lose_no_package_in_a_folder() {
    let fixture = Fixture::apt_only();
    four_at_once(&tree(&fixture), &fixture);
    assert_eq!(verify_folder(&fixture).findings, []);
}

#[test]
fn four_publishers_at_once_lose_no_package_in_object_storage() {
    let fixture = Fixture::apt_only();
    let s3 = crate::s3::S3::start();
    four_at_once(&s3.tree(), &fixture);
    let log = journal(&s3.tree(), Some(key().keyring()), SystemTime::now()).unwrap();
    assert_eq!(log.faults, Vec::<String>::new());
    assert_eq!(log.entries.len(), 8);
    let (back, planned) = (Target::Previous, Keep::CURRENT);
    rollback(&s3.tree(), &publisher(1), &[], &back, false, &Silent).unwrap();
    let gone = prune(&s3.tree(), planned, Duration::ZERO, false, &Silent).unwrap();
    assert_eq!(gone.files, [], "everything is younger than a day");
    // The key is what a reader has from elsewhere.
    fixture.build().unwrap();
    let apt = Apt::new(&fixture.tree(), &s3.url());
    run(&mut apt.command(&["update"]), "apt");
    let all = (0..8).filter(|number| {
        let name = format!("package{number}");
        output(&mut apt.command(&["download", "--print-uris", &name]), "apt").status.success()
    });
    assert_eq!(all.count(), 7, "one step back");
}

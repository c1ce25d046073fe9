use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use signing::UtcTime;

use super::{Front, KeyFacts, Kind, MOST_ROWS, Rows, Step, System, repository, root};
use crate::index::Entry;
use crate::{Digests, TreePath};

fn path(text: &str) -> TreePath {
    TreePath::new(text).unwrap()
}

fn when() -> UtcTime {
    UtcTime::from(UNIX_EPOCH + Duration::from_secs(1_780_000_000))
}

fn key() -> KeyFacts {
    KeyFacts {
        fingerprint: "0123456789ABCDEF0123456789ABCDEF01234567".to_owned(),
        user_id: "Example <packages@example.org>".to_owned(),
        expires: Some("2029-05-28".to_owned()),
    }
}

fn system(title: &str, repository: &str) -> System {
    let step = |title: &str, command: &str| Step { title: title.to_owned(), commands: vec![command.to_owned()] };
    System {
        title: title.to_owned(),
        repository: path(repository),
        steps: vec![
            step("Add the repository", "echo 'deb https://repo.example.org/debian x/4.8/' | sudo tee \"list\" && true"),
            step("Install", "sudo apt install sample"),
        ],
    }
}

fn front() -> Front {
    Front {
        name: "example-node".to_owned(),
        homepage: "https://example.org/node".to_owned(),
        url: "https://repo.example.org".to_owned(),
        commit: Some("0123456789abcdef".to_owned()),
        systems: vec![
            system("Debian 12", "debian/node/bookworm/4.8"),
            system("CentOS 7", "centos/node/7/4.8/x86_64"),
            system("Amazon Linux 2", "centos/node/7/4.8/x86_64"),
        ],
    }
}

fn deb(name: &str, version: &str, summary: &str) -> Entry {
    let digests = Digests::of(format!("{name}{version}").as_bytes());
    Entry {
        file_name: format!("{name}_{version}_amd64.deb"),
        name: name.to_owned(),
        version: version.to_owned(),
        architecture: "amd64".to_owned(),
        summary: summary.to_owned(),
        size: digests.size,
        sha256: digests.sha256,
        sha512: Some(digests.sha512),
        parts: Vec::new(),
    }
}

fn rows(entries: &[Entry]) -> Rows {
    let mut rows = Rows::default();
    entries.iter().for_each(|entry| rows.push(entry, "pool"));
    rows
}

fn debian_page(entries: &[Entry]) -> String {
    repository::page(&front(), &[key()], when(), &path("debian/node/bookworm/4.8"), Kind::Apt, &rows(entries))
}

fn check(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    assert_eq!(text, std::fs::read_to_string(&path).unwrap(), "{}", path.display());
}

#[test]
fn the_page_of_a_suite() {
    let entries = [deb("sample", "4.8.9-1", "made up"), deb("sample-common", "4.8.9-1", "more")];
    check("repository.html", &debian_page(&entries));
}

#[test]
fn the_page_of_a_tree_names_only_what_is_there() {
    let present = BTreeSet::from([path("centos/node/7/4.8/x86_64"), path("debian/node/sid/4.8")]);
    let html = root::page(&front(), &[key()], when(), &present);
    check("root.html", &html);
    assert!(html.contains("<summary>Amazon Linux 2</summary>") && !html.contains("Debian 12"));
    assert!(html.contains("<a href=\"debian/node/sid/4.8/\">"), "a repository without commands is linked");
}

#[test]
fn a_system_that_shares_its_repository_has_its_own_commands_there() {
    let html =
        repository::page(&front(), &[key()], when(), &path("centos/node/7/4.8/x86_64"), Kind::Yum, &Rows::default());
    assert!(html.contains("<h1>CentOS 7, Amazon Linux 2</h1>") && html.contains("repodata/repomd.xml"));
    assert_eq!(html.matches("<details name=\"system\">").count(), 2);
    assert!(html.contains("<nav><a href=\"../../../../../\">"), "it leads back to the root");
}

#[test]
fn what_a_package_says_of_itself_stays_text() {
    let evil = "</p><script>alert(1)</script><img src=x onerror=alert(1)>\" onload=\"x";
    let html = debian_page(&[deb("sample", "1.0-1", evil)]);
    assert!(!html.contains("<script") && !html.contains("<img"), "{html}");
    assert!(html.contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
    let mut front = front();
    front.homepage = "javascript:alert(1)".to_owned();
    let html = repository::page(&front, &[key()], when(), &path("x/y"), Kind::Apt, &Rows::default());
    assert!(!html.contains("javascript:"), "{html}");
}

#[test]
fn overrides_of_writing_direction_and_endless_texts_are_tamed() {
    let html = debian_page(&[deb("sample", "1.0-1", &format!("good\u{202E}live {}", "x".repeat(10_000)))]);
    assert!(html.contains("good\u{FFFD}live") && !html.contains('\u{202E}'));
    assert!(!html.contains(&"x".repeat(200)) && html.contains("x…"));
}

#[test]
fn a_name_that_no_url_may_hold_as_it_is_is_escaped_in_the_link_alone() {
    let html = debian_page(&[deb("sample", "1.0^git1-1", "made up")]);
    assert!(html.contains("href=\"pool/sample_1.0%5Egit1-1_amd64.deb\"") && html.contains("<bdi>1.0^git1-1</bdi>"));
}

#[test]
fn a_huge_repository_has_a_page_of_bounded_size() {
    let entries: Vec<Entry> = (0..MOST_ROWS + 7).map(|n| deb("sample", &format!("{n}-1"), "made up")).collect();
    let html = debian_page(&entries);
    assert_eq!(html.matches("<tbody class=\"package\">").count(), MOST_ROWS);
    assert!(html.contains("And 7 more"));
}

#[test]
fn nothing_is_fetched_from_anywhere() {
    let html = debian_page(&[deb("sample", "1.0-1", "made up")]);
    for tag in ["<script", "<iframe", "<img", "@import", "url(", "srcset", "rel=\"stylesheet\""] {
        assert!(!html.contains(tag), "{tag}");
    }
    assert!(html.contains("default-src 'none'"));
}

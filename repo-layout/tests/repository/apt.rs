//! The real apt reads what was laid out.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::fixture::{self, Fixture, both, files_below, output, run};
use crate::http::Server;

/// An apt with a root of its own, so that it neither knows nor changes the system's packages.
pub struct Apt {
    root: tempfile::TempDir,
}

impl Apt {
    /// Knows one source line and trusts the key in the tree.
    pub fn new(tree: &Path, host: &str) -> Self {
        let root = tempfile::tempdir().unwrap();
        for folder in [
            "etc/apt/apt.conf.d",
            "etc/apt/preferences.d",
            "etc/apt/sources.list.d",
            "etc/apt/trusted.gpg.d",
            "var/lib/apt/lists/partial",
            "var/cache/apt/archives/partial",
            "var/lib/dpkg",
            "var/log/apt",
        ] {
            fs::create_dir_all(root.path().join(folder)).unwrap();
        }
        fs::write(root.path().join("var/lib/dpkg/status"), "").unwrap();
        let line = format!("deb {host}/debian/wallarm-node bookworm/4.8/\n");
        fs::write(root.path().join("etc/apt/sources.list.d/wallarm.list"), line).unwrap();
        fs::copy(tree.join("wallarm.gpg"), root.path().join("etc/apt/trusted.gpg.d/wallarm.gpg")).unwrap();
        Self { root }
    }

    /// The keys that it trusts.
    pub fn trusted(&self) -> PathBuf {
        self.root.path().join("etc/apt/trusted.gpg.d/wallarm.gpg")
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        self.tool("apt-get", arguments)
    }

    /// Another program of apt, with the same root.
    pub fn tool(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        let root = self.root.path().display();
        command
            .arg(format!("-oDir={root}"))
            .arg(format!("-oDir::State::status={root}/var/lib/dpkg/status"))
            .args(["-oAPT::Architecture=amd64", "-oAPT::Sandbox::User=root", "-oAcquire::Languages=none"])
            .args(["-oAPT::Get::List-Cleanup=false", "-oDebug::NoLocking=true", "-oAcquire::Retries=0"])
            .args(arguments)
            .current_dir(self.root.path());
        command
    }
}

#[test]
fn apt_updates_over_http_without_a_warning_and_downloads_a_package() {
    let fixture = Fixture::apt_only();
    fixture.build().unwrap();
    let server = Server::start(&fixture.tree());
    let apt = Apt::new(&fixture.tree(), &server.url());
    let seen = run(&mut apt.command(&["update"]), "apt");
    assert!(!seen.contains("W:") && !seen.contains("E:") && !seen.contains("N:"), "{seen}");
    assert!(server.asked().iter().any(|path| path.contains("by-hash/SHA512/")), "{:?}", server.asked());
    run(&mut apt.command(&["download", "alpha", "beta"]), "apt");
    let got = fs::read(apt.root.path().join("alpha_1.0-1_amd64.deb")).unwrap();
    assert_eq!(got, fs::read(fixture.pool().join("alpha_1.0-1_amd64.deb")).unwrap());
}

#[test]
fn apt_without_in_release_falls_back_to_release_and_its_signature() {
    let fixture = Fixture::apt_only();
    fixture.build().unwrap();
    fs::remove_file(fixture.tree().join("debian/wallarm-node/bookworm/4.8/InRelease")).unwrap();
    let host = format!("file:{}", fixture.tree().display());
    let apt = Apt::new(&fixture.tree(), &host);
    let seen = run(&mut apt.command(&["update"]), "apt");
    assert!(!seen.contains("W:") && !seen.contains("E:"), "{seen}");
}

#[test]
fn apt_refuses_an_index_that_was_changed() {
    let fixture = Fixture::apt_only();
    fixture.build().unwrap();
    let suite = fixture.tree().join("debian/wallarm-node/bookworm/4.8");
    for path in files_below(&suite).iter().filter(|path| path.contains("by-hash") || path.contains("Packages")) {
        let mut bytes = fs::read(suite.join(path)).unwrap();
        bytes[20] ^= 1;
        fs::write(suite.join(path), bytes).unwrap();
    }
    let server = Server::start(&fixture.tree());
    let apt = Apt::new(&fixture.tree(), &server.url());
    let seen = output(&mut apt.command(&["update"]), "apt");
    assert!(!seen.status.success(), "{}", both(&seen));
}

#[test]
fn apt_refuses_a_repository_that_another_key_signed() {
    let fixture = Fixture::apt_only();
    fixture.build().unwrap();
    let server = Server::start(&fixture.tree());
    let apt = Apt::new(&fixture.tree(), &server.url());
    let other = fixture::new_key(None);
    fs::write(apt.trusted(), other.public().to_binary().unwrap()).unwrap();
    let seen = both(&output(&mut apt.command(&["update"]), "apt"));
    assert!(seen.contains("NO_PUBKEY") && seen.contains("is not signed"), "{seen}");
}

#[test]
fn the_tree_holds_what_the_layout_says_and_nothing_else() {
    let fixture = Fixture::apt_only();
    let summary = fixture.build().unwrap();
    assert_eq!((summary.suites.len(), summary.suites[0].packages), (1, 2));
    let mut files = files_below(&fixture.tree());
    let hashed = files.extract_if(.., |path| path.contains("/by-hash/")).count();
    assert_eq!(hashed, 16);
    let suite = "debian/wallarm-node/bookworm/4.8";
    let expected = [
        format!("{suite}/Contents-amd64"),
        format!("{suite}/Contents-amd64.gz"),
        format!("{suite}/InRelease"),
        format!("{suite}/Packages"),
        format!("{suite}/Packages.gz"),
        format!("{suite}/Packages.xz"),
        format!("{suite}/Release"),
        format!("{suite}/Release.gpg"),
        format!("{suite}/en"),
        format!("{suite}/en.gz"),
        format!("{suite}/en.xz"),
        format!("{suite}/index.html"),
        format!("{suite}/index.html.asc"),
        format!("{suite}/pool/alpha_1.0-1_amd64.deb"),
        format!("{suite}/pool/beta_2.0-1_all.deb"),
        "index.html".to_owned(),
        "index.html.asc".to_owned(),
        "wallarm.asc".to_owned(),
        "wallarm.gpg".to_owned(),
    ];
    assert_eq!(files, expected);
}

#[test]
fn our_index_says_the_same_as_apt_ftparchive() {
    let fixture = Fixture::apt_only();
    fixture.build().unwrap();
    let root = fixture.tree().join("debian/wallarm-node");
    let mut command = Command::new("apt-ftparchive");
    command.args(["--md5=false", "--sha1=false", "packages", "bookworm/4.8/pool"]).current_dir(&root);
    let output = output(&mut command, "apt-utils");
    let theirs = String::from_utf8(output.stdout).unwrap();
    let ours = fs::read_to_string(root.join("bookworm/4.8/Packages")).unwrap();
    let stanzas = |text: &str| -> Vec<Vec<(String, String)>> {
        let mut all: Vec<_> = formats::deb822::paragraphs(text)
            .map(|paragraph| {
                let paragraph = paragraph.unwrap();
                let mut fields: Vec<_> =
                    paragraph.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
                fields.sort();
                fields
            })
            .collect();
        all.sort();
        all
    };
    assert_eq!(stanzas(&ours), stanzas(&theirs));
}

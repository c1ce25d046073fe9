//! One key follows another: first the old one signs, then both, then the new one alone. Old clients, new clients and clients
//! that learnt of the new key in between read every step that is theirs.

use std::fs;
use std::path::{Path, PathBuf};

use repo_layout::{Report, Silent, Source};
use signing::{Keyring, SecretKey, Signer, Together};

use crate::apt::Apt;
use crate::fixture::{Fixture, both as text_of, job, key, new_key, output, run, sign_rpm, site};
use crate::http::Server;
use crate::verify::options;
use crate::yum::Dnf;

const SUITE: &str = "debian/wallarm-node/bookworm/4.8";
const REPODATA: &str = "centos/wallarm-node/8/4.8/x86_64/repodata";

/// Packages, and a tree that the old key and its successor sign together.
struct Transition {
    fixture: Fixture,
    new: SecretKey,
}

impl Transition {
    fn begin() -> Self {
        let transition = Self { fixture: Fixture::new(), new: new_key(None) };
        transition.build(&transition.signers());
        transition
    }

    fn signers(&self) -> Together {
        Together::new(Box::new(self.new.clone()), vec![Box::new(key().clone())]).unwrap()
    }

    fn build(&self, signer: &dyn Signer) {
        repo_layout::build(&self.fixture.site, &self.tree(), &job(signer)).unwrap();
    }

    /// The next release: rpms by the new key, and nothing by the old one any more.
    fn end(&mut self) {
        let pool = self.fixture.folder.path().join("pool-of-the-new-key");
        for rpm in ["gamma-1.0-1.el8.x86_64.rpm", "wallarm-node-repo-4.8-0.el8.noarch.rpm"] {
            sign_rpm(&self.fixture.pool().join(rpm), &pool, &self.new);
        }
        let mut next = site(&pool, &[], "gamma-1.0-1.el8.x86_64.rpm");
        next.suites.clone_from(&self.fixture.site.suites);
        self.fixture.site = next;
        self.build(&self.new);
    }

    fn tree(&self) -> PathBuf {
        self.fixture.tree()
    }

    fn verify(&self, trusted: Option<Keyring>) -> Report {
        let mut options = options();
        options.key = trusted;
        repo_layout::verify(&Source::Folder(self.tree()), &options, &Silent).unwrap()
    }

    fn old_ring() -> Keyring {
        key().public().clone().into()
    }

    fn new_ring(&self) -> Keyring {
        self.new.public().clone().into()
    }
}

#[test]
fn a_tree_by_both_keys_is_clean_to_the_unknowing_and_to_those_who_trust_the_old_or_both() {
    let mut transition = Transition::begin();
    let both = transition.signers().keyring().clone();
    for trusted in [None, Some(Transition::old_ring()), Some(both.clone())] {
        let report = transition.verify(trusted);
        assert_eq!(report.findings, []);
        let keys: Vec<_> = report.keys.iter().map(|key| key.fingerprint.clone()).collect();
        assert_eq!(keys, [&transition.new, key()].map(|key| key.public().fingerprint().to_string()));
    }
    // Who trusts the new key alone may read every index, but rpms carry one signature, by the old one.
    let report = transition.verify(Some(transition.new_ring()));
    assert_eq!(report.findings.len(), 3, "{:?}", report.findings);
    assert!(report.findings.iter().all(|finding| finding.path.ends_with(".rpm")), "{:?}", report.findings);
    transition.end();
    for trusted in [None, Some(transition.new_ring()), Some(both)] {
        assert_eq!(transition.verify(trusted).findings, []);
    }
    assert!(transition.verify(Some(Transition::old_ring())).errors() > 0);
}

#[test]
fn an_index_that_lost_one_of_its_signatures_is_found() {
    let transition = Transition::begin();
    let of_both: Vec<_> =
        ["wallarm.gpg", "wallarm.asc"].map(|name| fs::read(transition.tree().join(name)).unwrap()).into();
    transition.build(key());
    for (name, bytes) in ["wallarm.gpg", "wallarm.asc"].iter().zip(of_both) {
        fs::write(transition.tree().join(name), bytes).unwrap();
    }
    let report = transition.verify(None);
    let mut paths: Vec<_> = report.findings.iter().map(|finding| finding.path.clone()).collect();
    paths.sort();
    let expected = [
        "centos/wallarm-node/8/4.8/x86_64/index.html".to_owned(),
        format!("{REPODATA}/repomd.xml.asc"),
        format!("{SUITE}/InRelease"),
        format!("{SUITE}/Release.gpg"),
        format!("{SUITE}/index.html"),
        "index.html".to_owned(),
    ];
    assert_eq!(paths, expected);
    let new = transition.new.public().fingerprint().to_string();
    assert!(report.findings.iter().all(|finding| finding.what.contains(&new)), "{:?}", report.findings);
}

#[test]
fn a_signature_by_a_key_that_the_tree_does_not_offer_is_found() {
    let transition = Transition::begin();
    fs::write(transition.tree().join("wallarm.gpg"), key().public().to_binary().unwrap()).unwrap();
    fs::write(transition.tree().join("wallarm.asc"), key().public().to_armored().unwrap()).unwrap();
    let report = transition.verify(None);
    // Three signed indexes, three signed pages.
    assert_eq!(report.errors(), 6, "{:?}", report.findings);
}

/// Writes what a client of apt trusts.
fn trust(apt: &Apt, ring: &Keyring) {
    fs::write(apt.trusted(), ring.to_binary().unwrap()).unwrap();
}

#[test]
fn apt_reads_both_steps_without_a_warning() {
    let mut transition = Transition::begin();
    let server = Server::start(&transition.tree());
    let apt = Apt::new(&transition.tree(), &server.url());
    let both = transition.signers().keyring().clone();
    let quiet = |ring: &Keyring| {
        trust(&apt, ring);
        let seen = run(&mut apt.command(&["update"]), "apt");
        assert!(!seen.contains("W:") && !seen.contains("E:") && !seen.contains("N:"), "{seen}");
    };
    for ring in [&both, &Transition::old_ring(), &transition.new_ring()] {
        quiet(ring);
    }
    fs::remove_file(transition.tree().join(SUITE).join("InRelease")).unwrap();
    quiet(&Transition::old_ring());
    transition.end();
    for ring in [&both, &transition.new_ring()] {
        quiet(ring);
    }
    trust(&apt, &Transition::old_ring());
    let seen = text_of(&output(&mut apt.command(&["update"]), "apt"));
    assert!(seen.contains("NO_PUBKEY"), "{seen}");
}

/// Debian 13's apt asks sqv instead of gpgv.
#[test]
fn sqv_takes_both_forms_with_either_key() {
    let transition = Transition::begin();
    let at = |name: &str| transition.tree().join(SUITE).join(name);
    for ring in [Transition::old_ring(), transition.new_ring()] {
        let keyring = transition.fixture.folder.path().join("ring.gpg");
        fs::write(&keyring, ring.to_binary().unwrap()).unwrap();
        let sqv = |files: &[&Path]| {
            let mut command = std::process::Command::new("sqv");
            command.arg("--keyring").arg(&keyring).args(files);
            run(&mut command, "sqv")
        };
        sqv(&[&at("Release.gpg"), &at("Release")]);
    }
}

#[test]
fn dnf_installs_while_both_sign_and_updates_when_one_is_left() {
    let mut transition = Transition::begin();
    let server = Server::start(&transition.tree());
    let dnf = Dnf::new(&transition.tree(), &server.url());
    // The key file of a client from before the rotation.
    fs::write(dnf.key_file(), key().public().to_armored().unwrap()).unwrap();
    let seen = run(&mut dnf.command(&["install", "gamma"]), "dnf");
    assert!(seen.contains("Complete!"), "{seen}");
    // The new file comes with wallarm-node-repo; then the new key is alone.
    fs::write(dnf.key_file(), transition.signers().keyring().to_armored().unwrap()).unwrap();
    transition.end();
    let seen = run(&mut dnf.command(&["--refresh", "install", "wallarm-node-repo"]), "dnf");
    assert!(seen.contains("Complete!"), "{seen}");
    assert!(!seen.to_lowercase().contains("warning"), "{seen}");
}

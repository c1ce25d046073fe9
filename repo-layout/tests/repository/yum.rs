//! The real dnf reads what was laid out.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::fixture::{self, Fixture, both, files_below, output, run};
use crate::http::Server;

const REPOSITORY: &str = "centos/wallarm-node/8/4.8/x86_64";

/// A dnf with a root, a cache and a configuration of its own.
pub struct Dnf {
    root: tempfile::TempDir,
}

impl Dnf {
    /// Knows one repository with both checks on, and the key in the tree.
    pub fn new(tree: &Path, host: &str) -> Self {
        let root = tempfile::tempdir().unwrap();
        let at = root.path().display();
        fs::create_dir_all(root.path().join("repos")).unwrap();
        let text = format!(
            "[wallarm-node]\nname=Test\nbaseurl={host}/{REPOSITORY}\nenabled=1\ngpgcheck=1\nrepo_gpgcheck=1\n\
             gpgkey=file://{at}/keys.asc\n"
        );
        fs::copy(tree.join("wallarm.asc"), root.path().join("keys.asc")).unwrap();
        fs::write(root.path().join("repos/wallarm-node.repo"), text).unwrap();
        let main = format!(
            "[main]\nreposdir={at}/repos\ncachedir={at}/cache\nlogdir={at}/log\npersistdir={at}/persist\nplugins=0\n\
             module_platform_id=platform:el8\nretries=1\n"
        );
        fs::write(root.path().join("dnf.conf"), main).unwrap();
        Self { root }
    }

    /// The keys that its repository file names.
    pub fn key_file(&self) -> PathBuf {
        self.root.path().join("keys.asc")
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = as_root("dnf");
        let at = self.root.path().display();
        command
            .args(["-y", "--releasever=8", "--forcearch=x86_64"])
            .arg(format!("--config={at}/dnf.conf"))
            .arg(format!("--installroot={at}/system"))
            .args(arguments);
        command
    }
}

/// dnf wants to be root; in a user namespace of its own anybody is.
fn as_root(program: &str) -> Command {
    let mut command = Command::new("unshare");
    command.args(["--map-root-user", program]);
    command
}

#[test]
fn dnf_installs_with_both_checks_on() {
    let fixture = Fixture::yum_only();
    fixture.build().unwrap();
    let server = Server::start(&fixture.tree());
    let dnf = Dnf::new(&fixture.tree(), &server.url());
    let seen = run(&mut dnf.command(&["install", "gamma", "wallarm-node-repo"]), "dnf");
    assert!(seen.contains("Complete!"), "{seen}");
    assert!(dnf.root.path().join("system/usr/share/gamma/file").is_file());
}

#[test]
fn dnf_refuses_a_changed_repomd_a_changed_index_and_a_changed_package() {
    for part in ["repomd.xml", "primary.xml.gz", "Packages/gamma-1.0-1.el8.x86_64.rpm"] {
        let fixture = Fixture::yum_only();
        fixture.build().unwrap();
        let path = files_below(&fixture.tree()).into_iter().find(|path| path.ends_with(part)).unwrap();
        let path = fixture.tree().join(path);
        let mut bytes = fs::read(&path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(path, bytes).unwrap();
        let server = Server::start(&fixture.tree());
        let dnf = Dnf::new(&fixture.tree(), &server.url());
        let seen = output(&mut dnf.command(&["install", "gamma"]), "dnf");
        assert!(!seen.status.success(), "{part}: {}", both(&seen));
        let refused = ["GPG", "checksum", "repomd.xml", "digest", "signature"];
        assert!(refused.iter().any(|word| both(&seen).contains(word)), "{part}: {}", both(&seen));
    }
}

#[test]
fn the_bootstrap_package_stands_in_the_arch_folder_and_in_the_index() {
    let fixture = Fixture::yum_only();
    fixture.build().unwrap();
    let files = files_below(&fixture.tree());
    for place in ["", "Packages/"] {
        let path = format!("{REPOSITORY}/{place}wallarm-node-repo-4.8-0.el8.noarch.rpm");
        assert!(files.contains(&path), "{path} in {files:?}");
    }
    assert_eq!(files.iter().filter(|path| path.contains("/repodata/")).count(), 5);
    let checked = run(
        Command::new("gpgv")
            .args(["--keyring", "./wallarm.gpg"])
            .arg(format!("{REPOSITORY}/repodata/repomd.xml.asc"))
            .arg(format!("{REPOSITORY}/repodata/repomd.xml"))
            .current_dir(fixture.tree()),
        "gpgv",
    );
    assert!(checked.contains("Good signature"), "{checked}");
}

/// A rotation brings a new revision with both keys; the documented URL stays.
#[test]
fn a_newer_bootstrap_package_stands_under_the_documented_name() {
    let mut fixture = Fixture::yum_only();
    let raw = fixture::unsigned_rpm(fixture.folder.path(), "wallarm-node-repo", "4.8", "1.el8", "noarch");
    let newer = fixture::sign_rpm(&raw, &fixture.pool(), fixture::key());
    let older = fixture.pool().join("wallarm-node-repo-4.8-0.el8.noarch.rpm");
    fixture.site.yum[0].packages = vec![newer.clone(), older].into();
    fixture.build().unwrap();
    let documented = fixture.tree().join(REPOSITORY).join("wallarm-node-repo-4.8-0.el8.noarch.rpm");
    assert_eq!(fs::read(documented).unwrap(), fs::read(newer).unwrap());
    assert_eq!(crate::verify::verify_folder(&fixture).findings, []);
}

/// The elements of an index with everything that is allowed to differ taken out: white space, order, the file's own time.
fn facts(xml: &str) -> Vec<String> {
    let mut facts: Vec<String> = xml
        .replace("><", ">\n<")
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with("<time") && !line.starts_with("<?xml"))
        .map(|line| {
            let mut words: Vec<&str> = line.trim_end_matches("/>").trim_end_matches('>').split(' ').collect();
            words.sort_unstable();
            words.join(" ")
        })
        .collect();
    facts.sort();
    facts
}

#[test]
fn our_indexes_say_the_same_as_createrepo_c() {
    let fixture = Fixture::yum_only();
    fixture.build().unwrap();
    let folder = fixture.tree().join(REPOSITORY);
    let read = |repodata: &Path, kind: &str| {
        let found = fs::read_dir(repodata).unwrap().map(|entry| entry.unwrap().path());
        let path = found.into_iter().find(|path| path.to_str().unwrap().ends_with(&format!("{kind}.xml.gz"))).unwrap();
        run(Command::new("gzip").arg("-dc").arg(path), "gzip")
    };
    let theirs = fixture.folder.path().join("theirs");
    fs::create_dir(&theirs).unwrap();
    // The bootstrap package lies in two places; only the one in Packages/ is indexed.
    fs::remove_file(folder.join("wallarm-node-repo-4.8-0.el8.noarch.rpm")).unwrap();
    let mut createrepo = Command::new("createrepo_c");
    createrepo.args(["--no-database", "--quiet", "--outputdir"]).arg(&theirs).arg(&folder);
    run(&mut createrepo, "createrepo-c");
    for kind in ["primary", "filelists", "other"] {
        let ours = facts(&read(&folder.join("repodata"), kind));
        let theirs = facts(&read(&theirs.join("repodata"), kind));
        assert_eq!(ours, theirs, "{kind}");
    }
}

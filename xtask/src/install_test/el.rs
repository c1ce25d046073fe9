//! The scenario of systems with yum or dnf.

use std::path::Path;

use anyhow::{Context, Result, ensure};

use super::Step;
use super::corrupt::Copy;
use super::documented::Part;
use super::monitoring;
use super::service;
use super::stage::Stage;

const REPOSITORY_FILE: &str = "/etc/yum.repos.d/wallarm-node.repo";

/// The tree of EL 8, for which the only scenario of this family is.
const PLACE: &str = "centos/wallarm-node/8/4.8/x86_64";

/// From the repository package to the removal, and then what must not be accepted.
pub(super) const STEPS: &[&[Step]] = &[
    INSTALL,
    service::INSTALLED,
    monitoring::STEPS,
    service::SETTINGS,
    UPGRADE,
    service::UPGRADED,
    REMOVAL,
    CORRUPTED,
];

const INSTALL: &[Step] = &[
    Step::essential("the documented commands add the repository", |stage| stage.documented(Part::AddRepository)),
    Step::fact("it checks signatures of packages and of metadata, with the key that came along", |stage| {
        for line in ["gpgcheck=1", "repo_gpgcheck=1", "gpgkey=file:///etc/pki/rpm-gpg/RPM-GPG-KEY-wallarm", "enabled=1"]
        {
            stage.root(&format!("grep -x {line} {REPOSITORY_FILE}"))?;
        }
        stage.root("test -s /etc/pki/rpm-gpg/RPM-GPG-KEY-wallarm").map(drop)
    }),
    Step::essential("its file names the documented place; the test puts its own host there", redirect),
    Step::essential("the documented command installs", |stage| stage.documented(Part::Install)),
    Step::fact("all packages are installed as they were made", |stage| {
        // Missing or changed files, other than configuration, would be named.
        stage.says("rpm --verify wallarm-node-tarantool wallarm-tarantool wallarm-common | grep -v ' c /' ; true", "")
    }),
    Step::fact("rpm -K -v says OK to every signature and digest of every rpm", signatures),
];

const UPGRADE: &[Step] = &[
    Step::fact("a stopped service stays stopped over an upgrade", stays_stopped),
    Step::essential("the documented commands renew the repository", |stage| {
        stage.server.show(stage.test.upgraded)?;
        stage.documented(Part::RenewRepository)?;
        stage.documented(Part::AddRepository)?;
        redirect(stage)
    }),
    Step::essential("the documented command upgrades, and nothing but the first yes is asked", |stage| {
        let before = version(stage)?;
        service::remember_process(stage)?;
        stage.documented(Part::Upgrade)?;
        let now = version(stage)?;
        ensure!(now != before, "{before} is still installed");
        Ok(())
    }),
];

const REMOVAL: &[Step] = &[
    Step::essential("the documented command removes", |stage| {
        stage.admin("sudo touch /etc/wallarm/node.yaml")?;
        stage.documented(Part::Remove)
    }),
    Step::fact("then the service is stopped and does not start with the system", service::stopped_and_disabled),
    Step::fact("settings, credentials and log are still there", |stage| {
        // rpm keeps an edited file of an erased package under this name.
        stage.root("ls /etc/sysconfig/wallarm-tarantool || ls /etc/sysconfig/wallarm-tarantool.rpmsave")?;
        stage.root("ls /etc/wallarm/node.yaml /var/log/wallarm/tarantool.log").map(drop)
    }),
    Step::fact("the user wallarm is still there", |stage| stage.root("id wallarm").map(drop)),
    Step::essential("the documented command installs again", |stage| stage.documented(Part::Install)),
    Step::fact("then it runs, and starts with the system", |stage| {
        stage.says("systemctl is-active wallarm-tarantool", "active")?;
        stage.says("systemctl is-enabled wallarm-tarantool", "enabled")
    }),
    Step::essential("all packages can be removed", |stage| {
        stage.admin("sudo yum remove -y wallarm-node-tarantool wallarm-tarantool wallarm-common").map(drop)
    }),
    Step::fact("then the service is gone", |stage| {
        service::stopped(stage)?;
        stage.says("systemctl show --value -p LoadState wallarm-tarantool", "not-found")
    }),
];

const INSTALL_LINE: &str = "sudo yum install -y wallarm-node-tarantool";

const CORRUPTED: &[Step] = &[
    Step::fact("dnf refuses an rpm with a flipped bit", |stage| {
        let copy = flipped(stage, |path| path.contains("/Packages/") && path.ends_with(".rpm"))?;
        refused(stage, &copy, &["checksum", "Checksum"])
    }),
    Step::fact("dnf refuses a package list with a flipped bit", |stage| {
        let copy = flipped(stage, |path| path.contains("/repodata/") && path.contains("primary"))?;
        refused(stage, &copy, &["checksum", "Checksum"])
    }),
    Step::fact("dnf refuses a repomd.xml with a flipped bit", |stage| {
        let copy = flipped(stage, |path| path.ends_with("/repomd.xml"))?;
        refused(stage, &copy, &["GPG", "signature"])
    }),
    Step::fact("rpm says NOT OK to a package with a flipped bit", |stage| {
        let copy = flipped(stage, |path| path.contains("/Packages/") && path.ends_with(".rpm"))?;
        stage.server.show(&copy.root)?;
        for url in rpms(stage)?.into_iter().filter(|url| url.contains("/Packages/")) {
            stage.refused(&format!("rpm -K -v {url}"), &["BAD", "NOT OK"])?;
        }
        Ok(())
    }),
    Step::fact("nothing of it was installed", |stage| {
        let found = stage.attempt("rpm -q wallarm-node-tarantool wallarm-tarantool wallarm-common")?;
        ensure!(found.code == Some(3), "{}", found.tail(5));
        Ok(())
    }),
];

/// The repository file comes out of a signed package and names the host that packages are published on, which cannot be
/// reached from here. Everything after the host must be as documented.
pub(super) fn redirect(stage: &mut Stage<'_>) -> Result<()> {
    let url = stage.server.url();
    stage.root(&format!("grep -E '^baseurl=https?://[^/]+/{PLACE}/?$' {REPOSITORY_FILE}"))?;
    stage.admin(&format!("sudo sed -i -E 's|^baseurl=https?://[^/]+/|baseurl={url}/|' {REPOSITORY_FILE}")).map(drop)
}

fn version(stage: &mut Stage<'_>) -> Result<String> {
    stage.root("rpm -q wallarm-tarantool")
}

fn stays_stopped(stage: &mut Stage<'_>) -> Result<()> {
    stage.admin("sudo systemctl stop wallarm-tarantool")?;
    // rpm takes the same way through the scripts as for a newer version.
    stage.admin("sudo yum reinstall -y wallarm-node-tarantool wallarm-tarantool wallarm-common")?;
    service::stopped(stage)?;
    stage.says("systemctl is-enabled wallarm-tarantool", "enabled")?;
    stage.admin("sudo systemctl start wallarm-tarantool").map(drop)
}

fn signatures(stage: &mut Stage<'_>) -> Result<()> {
    for url in rpms(stage)? {
        let said = stage.root(&format!("rpm -K -v {url}"))?;
        let bad: Vec<&str> = said.lines().skip(1).filter(|line| !line.trim_end().ends_with(": OK")).collect();
        ensure!(bad.is_empty(), "{url}\n{}", bad.join("\n"));
        ensure!(said.contains("Signature"), "{url} is not signed:\n{said}");
    }
    Ok(())
}

/// Addresses of every rpm of the repository.
fn rpms(stage: &Stage<'_>) -> Result<Vec<String>> {
    let top = stage.test.base.join(PLACE);
    let mut found = Vec::new();
    for folder in ["", "Packages"] {
        let folder = Path::new(folder);
        let entries =
            std::fs::read_dir(top.join(folder)).with_context(|| format!("{} has no {PLACE}", top.display()))?;
        for entry in entries {
            let name = folder.join(entry?.file_name());
            if name.extension().is_some_and(|extension| extension == "rpm") {
                found.push(format!("{}/{PLACE}/{}", stage.server.url(), name.display()));
            }
        }
    }
    ensure!(!found.is_empty(), "{} has no rpm", top.display());
    found.sort();
    Ok(found)
}

fn flipped(stage: &Stage<'_>, chosen: impl Fn(&str) -> bool) -> Result<Copy> {
    Copy::flipped(stage.test.base, &stage.place_of_copies(), |path| path.starts_with(PLACE) && chosen(path))
}

fn refused(stage: &mut Stage<'_>, copy: &Copy, words: &[&str]) -> Result<()> {
    stage.server.show(&copy.root)?;
    stage.admin("sudo yum clean all")?;
    stage.refused(INSTALL_LINE, words)
}

//! The scenario of a key rotation: a machine that was installed the documented way, and after that does nothing but update.

use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};

use super::documented::Part;
use super::stage::Stage;
use super::{Step, el};
use crate::keys;

/// Two further releases of what the machine has installed, which the old key signed.
#[derive(Debug)]
pub struct Rotation {
    /// A newer one, signed by the old key and its successor.
    pub both: PathBuf,
    /// The newest, signed by the successor alone.
    pub successor: PathBuf,
}

const KEYRING: &str = "/usr/share/keyrings/wallarm-archive-keyring.gpg";
const TRUSTED: &str = "/etc/apt/trusted.gpg.d/wallarm-archive-keyring.gpg";
/// Where the documented commands put the key.
const BY_HAND: &str = "/etc/apt/trusted.gpg.d/wallarm.gpg";
const KEY_FILE: &str = "/etc/pki/rpm-gpg/RPM-GPG-KEY-wallarm";

/// Systems with apt.
pub(super) const WITH_APT: &[&[Step]] = &[&[
    Step::essential("the documented commands add key and source", |stage| {
        stage.documented(Part::AddRepository)?;
        stage.root(&format!("sha256sum {BY_HAND} >/root/by-hand")).map(drop)
    }),
    Step::essential("the documented command installs", |stage| stage.documented(Part::Install)),
    Step::fact("the keyring came along, with the old key", |stage| in_keyring(stage, 1)),
    Step::essential("while both keys sign, updating and upgrading goes through and warns of nothing", |stage| {
        apt_follows(stage, |rotation| &rotation.both)
    }),
    Step::fact("then the keyring has both keys", |stage| in_keyring(stage, 2)),
    Step::essential(
        "when the new key signs alone, updating and upgrading goes through and warns of nothing",
        |stage| apt_follows(stage, |rotation| &rotation.successor),
    ),
    Step::fact("then the keyring has the new key alone", |stage| {
        in_keyring(stage, 1)?;
        let fingerprint = keys::keyring(&rotation(stage)?.successor.join("wallarm.gpg"))?.first().fingerprint();
        stage.root(&format!("gpg --show-keys --with-colons {KEYRING} | grep -q {fingerprint}")).map(drop)
    }),
    Step::fact("the newest revision is installed", |stage| {
        stage.root("dpkg-query -W -f '${Version}' wallarm-tarantool | grep -e '-3$'").map(drop)
    }),
    Step::fact("the key file of the documented commands is as they left it", |stage| {
        stage.root("sha256sum --check --quiet /root/by-hand").map(drop)
    }),
    Step::fact("without the keyring the machine would have been stuck", |stage| {
        stage.root(&format!("rm {TRUSTED} && rm -rf /var/lib/apt/lists/*"))?;
        stage.refused("sudo apt update", &["NO_PUBKEY", "is not signed"])
    }),
]];

/// Systems with yum or dnf.
pub(super) const WITH_DNF: &[&[Step]] = &[&[
    Step::essential("the documented commands add the repository", |stage| {
        stage.documented(Part::AddRepository)?;
        stage.root(&format!("cp {KEY_FILE} /root/old-key")).map(drop)
    }),
    Step::essential("its file names the documented place; the test puts its own host there", el::redirect),
    Step::essential("the documented command installs", |stage| stage.documented(Part::Install)),
    Step::fact("the key file has the old key", |stage| in_key_file(stage, 1)),
    Step::essential("while both keys sign, updating goes through and warns of nothing", |stage| {
        dnf_follows(stage, |rotation| &rotation.both)
    }),
    Step::fact("then the key file has both keys", |stage| in_key_file(stage, 2)),
    Step::essential("when the new key signs alone, updating goes through and warns of nothing", |stage| {
        dnf_follows(stage, |rotation| &rotation.successor)
    }),
    Step::fact("then the key file has the new key alone", |stage| in_key_file(stage, 1)),
    Step::fact("the newest revision is installed, signed by the new key", |stage| {
        let key = keys::keyring(&rotation(stage)?.successor.join("wallarm.gpg"))?.first().key_id();
        let query = "rpm -q --qf '%{RELEASE} %{RSAHEADER:pgpsig}' wallarm-tarantool";
        stage.root(&format!("{query} | grep -i '^3.*{key}'")).map(drop)
    }),
    Step::fact("without the new key file the machine would have been stuck", |stage| {
        stage.root(&format!("cp /root/old-key {KEY_FILE} && rpm -e --allmatches gpg-pubkey"))?;
        stage.root("rm -rf /var/cache/dnf/*")?;
        stage.refused("sudo yum reinstall -y wallarm-common", &["GPG", "gpg"])
    }),
]];

fn rotation<'a>(stage: &Stage<'a>) -> Result<&'a Rotation> {
    stage.test.rotation.context("this scenario needs the releases of a rotation")
}

/// Looks into the keyring package's two files.
fn in_keyring(stage: &mut Stage<'_>, keys: usize) -> Result<()> {
    stage.root(&format!("cmp {KEYRING} {TRUSTED}"))?;
    stage.says(&format!("gpg --show-keys --with-colons {KEYRING} | grep -c ^pub"), &keys.to_string())
}

fn in_key_file(stage: &mut Stage<'_>, keys: usize) -> Result<()> {
    stage.says(&format!("grep -c 'BEGIN PGP PUBLIC KEY BLOCK' {KEY_FILE}"), &keys.to_string())
}

fn apt_follows(stage: &mut Stage<'_>, tree: impl Fn(&Rotation) -> &PathBuf) -> Result<()> {
    stage.server.show(tree(rotation(stage)?))?;
    for line in ["sudo apt update", "sudo apt -y upgrade"] {
        let output = stage.admin(line)?;
        warns_of_nothing(line, &output, &["W:", "E:", "N:", "Warning:", "Err:"])?;
    }
    Ok(())
}

/// dnf asks a server anew only now and then; `--refresh` stands for the time that goes by.
fn dnf_follows(stage: &mut Stage<'_>, tree: impl Fn(&Rotation) -> &PathBuf) -> Result<()> {
    stage.server.show(tree(rotation(stage)?))?;
    let line = "sudo yum update -y --refresh";
    let output = stage.admin(line)?;
    warns_of_nothing(line, &output, &["Warning", "warning", "Error", "error"])
}

fn warns_of_nothing(line: &str, output: &str, marks: &[&str]) -> Result<()> {
    let marked = |said: &&str| marks.iter().any(|mark| said.starts_with(mark));
    let said: Vec<&str> = output.lines().filter(marked).collect();
    ensure!(said.is_empty(), "{line}\n{}", said.join("\n"));
    Ok(())
}

//! Custom rulesets and the key of the node.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use tempfile::TempDir;

use super::scene::{ATTACK, Given};
use super::{Fact, Subject};
use crate::nginx::server;

pub const FACTS: &[Fact] = &[
    Fact::new("with a key, a custom ruleset with the right MAC is taken, and one without is refused", checked),
    Fact::new("without a key, a custom ruleset that has a MAC is refused, and one without is taken", unchecked),
    Fact::new(
        "a key that changes while NGINX runs is taken up, and the loaded rulesets stay until theirs come",
        changed,
    )
    .under_valgrind(),
];

/// A folder with a custom ruleset, and perhaps with a key.
struct Node(TempDir);

impl Node {
    fn new() -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("keys-").tempdir()?;
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755))?;
        Ok(Self(folder))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// Replaces a file.
    fn put(&self, name: &str, text: &str) -> Result<()> {
        let aside = self.path().join("aside");
        fs::write(&aside, text)?;
        fs::rename(&aside, self.path().join(name)).context("cannot rename")
    }

    fn directives(&self) -> String {
        let path = self.path().display();
        format!(
            "wallarm_mode block; wallarm_custom_ruleset_path {path}/custom_ruleset; wallarm_key_path {path}/private.key;"
        )
    }

    /// What `nginx -t` says to a node that must not run without its rules; both files must be named if it refuses.
    fn accepted(&self, subject: &Subject) -> Result<bool> {
        let tested =
            subject.tested(Given { server: &self.directives(), http: "wallarm_fallback off;", ..Given::default() })?;
        let named = ["/custom_ruleset", "/private.key"].iter().all(|name| tested.said.contains(name));
        ensure!(tested.ok || named, "the message names too little:\n{}", tested.said);
        Ok(tested.ok)
    }
}

/// A custom ruleset without rules; sealed with a key, if one is given.
fn ruleset(id: u64, key: Option<&str>) -> Result<String> {
    let line = format!("wallarm custom ruleset, format 51, id {id}, length 0");
    let Some(key) = key else { return Ok(format!("{line}\n")) };
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes())?;
    mac.update(format!("{line}\n").as_bytes());
    let digits: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(format!("{line}, mac {digits}\n"))
}

fn checked(subject: &Subject) -> Result<()> {
    let node = Node::new()?;
    node.put("private.key", "first key")?;
    node.put("custom_ruleset", &ruleset(9, Some("first key"))?)?;
    ensure!(node.accepted(subject)?, "the right MAC is refused");
    subject.with(&node.directives(), |scene| scene.counted("custom_ruleset_id", 9))?;
    for wrong in
        [ruleset(9, None)?, ruleset(9, Some("second key"))?, ruleset(9, Some("first key"))?.replace("id 9", "id 10")]
    {
        node.put("custom_ruleset", &wrong)?;
        ensure!(!node.accepted(subject)?, "accepted: {wrong}");
    }
    Ok(())
}

fn unchecked(subject: &Subject) -> Result<()> {
    let node = Node::new()?;
    node.put("custom_ruleset", &ruleset(9, None)?)?;
    ensure!(node.accepted(subject)?, "a ruleset without a MAC is refused");
    node.put("custom_ruleset", &ruleset(9, Some("first key"))?)?;
    ensure!(!node.accepted(subject)?, "accepted, though it cannot be checked");
    Ok(())
}

fn changed(subject: &Subject) -> Result<()> {
    let node = Node::new()?;
    node.put("private.key", "first key")?;
    node.put("custom_ruleset", &ruleset(9, Some("first key"))?)?;
    let directives = node.directives();
    let given = Given { server: &directives, http: "wallarm_file_check_interval 50ms;", ..Given::default() };
    subject.given(given, |scene| {
        scene.counted("custom_ruleset_id", 9)?;
        node.put("private.key", "second key")?;
        let told = || {
            let log = scene.nginx.log();
            log.lines().filter(|line| line.contains("private.key") && line.contains("stay in use")).count()
        };
        server::wait("a word about the key", || Ok(told() == 1))?;
        scene.expect(ATTACK, 403)?;
        scene.counted("custom_ruleset_id", 9)?;
        node.put("custom_ruleset", &ruleset(10, Some("second key"))?)?;
        scene.counted("custom_ruleset_id", 10)?;
        ensure!(told() == 1, "it is told {} times", told());
        scene.expect(ATTACK, 403)
    })
}

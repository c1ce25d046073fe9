//! The file of the lists: at start, replaced, broken, large.

use std::time::SystemTime;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use super::ip_lists::{ALLOWED, DENIED, SOURCE, UNLISTED, document, entry, from, put, with_lists};
use super::scene::{ATTACK, Given, Scene};
use super::{Fact, Subject};
use crate::nginx::server;

pub const FACTS: &[Fact] = &[
    Fact::new("lists come, change and go with their file, without a reload", update).under_valgrind(),
    Fact::new("every worker takes up new lists", every_worker),
    Fact::new("an entry of a list ends at its time, without anybody writing the file", expiry),
    Fact::new("a broken file of lists at start is told with its line, and NGINX serves without lists", broken_start),
    Fact::new("a broken file of lists leaves the loaded ones in use, and is told of once", broken_update)
        .under_valgrind(),
    Fact::new("a file of lists that workers cannot read is named with file and user", unreadable),
    Fact::new("without a file of lists nothing is said of it", absent),
    Fact::new("100,000 entries are looked up", many),
];

/// What takes up new lists at once.
const OFTEN: &str = "wallarm_file_check_interval 50ms;";

fn given(http: &str) -> Given<'_> {
    Given { server: "wallarm_mode block;", http, ..Given::default() }
}

fn often() -> String {
    format!("{SOURCE} {OFTEN}")
}

/// Waits until a source is answered so.
fn becomes(scene: &Scene, source: &str, status: u16) -> Result<()> {
    server::wait(&format!("{source} to be answered with {status}"), || {
        Ok(scene.send(&from(source, "/"))?.status == status)
    })
}

fn update(subject: &Subject) -> Result<()> {
    subject.given(given(&often()), |scene| {
        scene.expects(&from(DENIED, "/"), 200)?;
        put(scene, &document(&[entry("deny", DENIED)]))?;
        becomes(scene, DENIED, 403)?;
        put(scene, &document(&[entry("deny", UNLISTED), entry("allow", ALLOWED)]))?;
        becomes(scene, DENIED, 200)?;
        scene.expects(&from(UNLISTED, "/"), 403)?;
        scene.expects(&from(ALLOWED, ATTACK), 200)?;
        std::fs::remove_file(scene.nginx.path().join("ip_lists"))?;
        becomes(scene, UNLISTED, 200)?;
        scene.expects(&from(ALLOWED, ATTACK), 403)
    })
}

fn every_worker(subject: &Subject) -> Result<()> {
    subject.given(Given { workers: 3, ..given(&often()) }, |scene| {
        put(scene, &document(&[entry("deny", DENIED)]))?;
        let told = || scene.nginx.log().lines().filter(|line| line.contains("lists of addresses loaded")).count();
        server::wait("three workers to take up the lists", || Ok(told() == 3))?;
        for _ in 0..30 {
            scene.expects(&from(DENIED, "/"), 403)?;
        }
        Ok(())
    })
}

fn expiry(subject: &Subject) -> Result<()> {
    let now = SystemTime::UNIX_EPOCH.elapsed()?.as_secs();
    let until = |list: &str, object: &str, end: u64| json!({ "list": list, "object": object, "expires_at": end });
    let entries: [Value; 4] = [
        until("deny", UNLISTED, now - 1),
        until("deny", DENIED, now + 3600),
        until("allow", DENIED, now + 4),
        until("deny", ALLOWED, now + 4),
    ];
    with_lists(subject, "wallarm_mode block;", &entries, |scene| {
        scene.expects(&from(UNLISTED, "/"), 200)?;
        becomes(scene, DENIED, 403)?;
        becomes(scene, ALLOWED, 200)
    })
}

fn broken_start(subject: &Subject) -> Result<()> {
    let broken = "{ \"rev\": 1, \"entries\": [\n  { \"list\": \"deny\", \"object\": \"203.0.113.0/33\" }\n] }";
    subject.given(given(SOURCE), |scene| {
        put(scene, broken)?;
        scene.nginx.reload()?;
        scene.expects(&from(DENIED, "/"), 200)?;
        scene.expects(&from(DENIED, ATTACK), 403)?;
        let log = scene.nginx.log();
        // A worker may have seen the file before the reload.
        let of_master = format!(" {}#", scene.nginx.master());
        let told: Vec<&str> =
            log.lines().filter(|line| line.contains(&of_master) && line.contains("/ip_lists")).collect();
        let whole = |line: &&str| {
            ["[error]", "line 2, column", "`object`", "correct the file"].iter().all(|part| line.contains(part))
        };
        ensure!(told.len() == 1 && told.iter().all(whole), "{told:?}");
        Ok(())
    })
}

fn broken_update(subject: &Subject) -> Result<()> {
    subject.given(given(&often()), |scene| {
        let good = document(&[entry("deny", DENIED)]);
        put(scene, &good)?;
        becomes(scene, DENIED, 403)?;
        let told = || scene.nginx.log().lines().filter(|line| line.contains("the loaded lists stay in use")).count();
        for (number, broken) in
            ["", "no lists", &good[..good.len() - 1], r#"{"entries":[{"list":"deny"}]}"#].into_iter().enumerate()
        {
            put(scene, broken)?;
            server::wait("a word about the broken file", || Ok(told() > number))?;
            scene.expects(&from(DENIED, "/"), 403)?;
        }
        // Each was looked at again and again meanwhile.
        ensure!(told() == 4, "{} lines tell of four broken files", told());
        put(scene, &document(&[entry("deny", UNLISTED)]))?;
        becomes(scene, DENIED, 200)?;
        scene.expects(&from(UNLISTED, "/"), 403)
    })
}

fn unreadable(subject: &Subject) -> Result<()> {
    subject.given(given(&often()), |scene| {
        let path = scene.nginx.path().join("ip_lists.new");
        std::fs::write(&path, document(&[entry("deny", DENIED)]))?;
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
        std::fs::rename(&path, scene.nginx.path().join("ip_lists"))?;
        let told = |pid: u32| {
            let (log, process) = (scene.nginx.log(), format!(" {pid}#"));
            let mut lines = log.lines().filter(|line| line.contains(&process) && line.contains("ip_lists"));
            lines.any(|line| line.contains(crate::nginx::config::WORKER))
        };
        let worker = || scene.nginx.workers().into_iter().next().context("no worker");
        let old = worker()?;
        server::wait("a word about the file", || Ok(told(old)))?;
        // The master may read it, and what it loads holds until the file changes.
        scene.nginx.reload()?;
        scene.expects(&from(DENIED, "/"), 403)?;
        let new = worker()?;
        server::wait("a word of the new worker", || Ok(told(new)))
    })
}

fn absent(subject: &Subject) -> Result<()> {
    let said = subject.played(given(&often()), |scene| {
        for _ in 0..20 {
            scene.expects(&from(DENIED, "/"), 200)?;
        }
        Ok(())
    })?;
    ensure!(!said.contains("ip_lists") && !said.contains("lists of addresses"), "{said}");
    Ok(())
}

fn many(subject: &Subject) -> Result<()> {
    let address = |number: u32| std::net::Ipv4Addr::from(0x0a00_0000 + 2 * number).to_string();
    let entries: Vec<Value> = (0..100_000).map(|number| entry("deny", &address(number))).collect();
    with_lists(subject, "wallarm_mode block;", &entries, |scene| {
        for number in [0, 1, 54_321, 99_999] {
            scene.expects(&from(&address(number), "/"), 403)?;
        }
        scene.expects(&from("10.0.0.1", "/"), 200)?;
        scene.expects(&from(&address(100_000), "/"), 200)
    })
}

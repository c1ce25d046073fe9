//! No room is left: not for spooled bodies, nor for the error log, nor for the backup of the rules.

use anyhow::{Result, ensure};

use super::scene::{ATTACK, ATTACK_ARGUMENT, Given};
use super::{Fact, Subject};
use crate::nginx::client::Request;
use crate::nginx::disk::FullDisk;

pub const FACTS: &[Fact] = &[
    Fact::new("a body that cannot be spooled fails with its own request and no other", bodies),
    Fact::new("an error log on a full disk stops neither answers nor verdicts", error_log),
    Fact::new("a backup that finds no room is told of once, and the rules are used all the same", backup),
];

fn bodies(subject: &Subject) -> Result<()> {
    let disk = FullDisk::new()?;
    let server = format!(
        "wallarm_mode block; client_body_buffer_size 8k; client_body_temp_path {}/body;",
        disk.path().display()
    );
    // NGINX calls a write to a full disk critical, which is no alarm.
    subject.with(&server, |scene| {
        let long = format!("{}&{ATTACK_ARGUMENT}", "a=1&".repeat(50_000));
        for _ in 0..3 {
            scene.expects(&Request::form("/", long.as_str()), 500)?;
            // What fits into memory needs no disk.
            scene.expects(&Request::form("/", "a=1"), 200)?;
            scene.expects(&Request::form("/", ATTACK_ARGUMENT), 403)?;
        }
        scene.counted("requests", 9)?;
        scene.counted("segfaults", 0)
    })
}

fn error_log(subject: &Subject) -> Result<()> {
    let disk = FullDisk::new()?;
    let main = format!("error_log {}/error.log info;", disk.path().display());
    // Each refusal is logged.
    let server = "wallarm_mode block; location /limited { wallarm_rate_limit all rate=1r/m; proxy_pass http://app; }";
    subject.given(Given { main: &main, server, ..Given::default() }, |scene| {
        scene.expect("/limited", 200)?;
        for _ in 0..20 {
            scene.expect("/limited", 503)?;
            scene.expect(ATTACK, 403)?;
        }
        scene.counted("blocked", 20)?;
        let written = std::fs::metadata(disk.path().join("error.log"))?.len();
        ensure!(written == 0, "the disk was not full: the log has {written} bytes");
        scene.still_serves()
    })
}

fn backup(subject: &Subject) -> Result<()> {
    let disk = FullDisk::new()?;
    let cache = disk.path().display().to_string();
    let given = Given { server: "wallarm_mode block;", cache: Some(&cache), workers: 2, ..Given::default() };
    let said = subject.played(given, |scene| {
        scene.expect(ATTACK, 403)?;
        let instances = scene.status()?["proton_instances"].clone();
        ensure!(instances["success"].as_u64() > Some(0), "{instances}");
        Ok(())
    })?;
    let lines = said.lines().filter(|line| line.contains("cannot be written") && line.contains(&cache)).count();
    ensure!(lines == 1, "{lines} lines tell of the backup:\n{said}");
    Ok(())
}

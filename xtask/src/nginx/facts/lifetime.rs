//! Reloads, crashes, rule sets that change or break.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context as _, Result, ensure};
use detection::rules;
use rustix::process::Signal;

use super::scene::{ATTACK, Given, Scene};
use super::{Fact, Subject};
use crate::nginx::{server, usage};

pub const FACTS: &[Fact] = &[
    Fact::new("100 reloads under load fail no request and leave neither memory nor files behind", reloads),
    Fact::new("without a rule set and with wallarm_fallback on, NGINX serves and does not analyse", fallback_on),
    Fact::new("without a rule set and with wallarm_fallback off, NGINX does not start", fallback_off),
    Fact::new("a truncated, foreign or empty rule set is refused with its path", broken_rules),
    Fact::new("after a good start, a broken rule set is replaced by its backup at the next start", backup),
    Fact::new(
        "a broken update while NGINX runs keeps the loaded rules, and a good one is taken without a reload",
        update,
    )
    .under_valgrind(),
    Fact::new("a rule set that workers cannot read is named with file and user", unreadable),
    Fact::new("an update that workers cannot read keeps the loaded rules and is told of once", unreadable_update),
    Fact::new("workers that are killed under load are replaced and counted, and the others go on", killed_under_load),
];

const BLOCK: &str = "wallarm_mode block;";

/// Growth that is none: allocators keep a little here and there.
const SLACK: u64 = 8 << 20;

fn reloads(subject: &Subject) -> Result<()> {
    let given = Given { server: BLOCK, workers: 2, ..Given::default() };
    subject.given(given, |scene| {
        // The first reloads make what later ones use again.
        for _ in 0..10 {
            scene.nginx.reload()?;
        }
        let master = scene.nginx.master();
        let (memory, files) = (usage::resident(master)?, usage::open_files(master)?);
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let load = || -> Result<()> {
                while !done.load(Ordering::Relaxed) {
                    scene.expect("/?a=1", 200)?;
                    scene.expect(ATTACK, 403)?;
                }
                Ok(())
            };
            let threads: Vec<_> = (0..2).map(|_| scope.spawn(load)).collect();
            let reloaded = (0..100).try_for_each(|_| scene.nginx.reload());
            done.store(true, Ordering::Relaxed);
            for thread in threads {
                thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
            }
            reloaded
        })?;
        let (memory_after, files_after) = (usage::resident(master)?, usage::open_files(master)?);
        ensure!(files_after <= files, "the master had {files} open files and has {files_after}");
        ensure!(memory_after < memory + SLACK, "the master had {memory} bytes and has {memory_after}");
        let status = scene.status()?;
        for key in ["segfaults", "proton_errors", "stalled_workers_count"] {
            ensure!(status[key] == 0, "`{key}` is {}", status[key]);
        }
        Ok(())
    })
}

/// A scene whose rule set is a file in its own folder, put there by `put` before NGINX starts.
pub fn own_rules(subject: &Subject, bytes: &[u8]) -> Result<(Subject, tempfile::TempDir)> {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::Builder::new().prefix("rules-").tempdir()?;
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755))?;
    let rules = folder.path().join("proton.db");
    fs::write(&rules, bytes)?;
    Ok((Subject { rules, ..subject.clone() }, folder))
}

fn fallback_on(subject: &Subject) -> Result<()> {
    let (subject, _folder) = own_rules(subject, b"no rules")?;
    subject.given(Given { server: BLOCK, http: "wallarm_fallback on;", ..Given::default() }, |scene| {
        scene.expect(ATTACK, 200)?;
        let instances = scene.status()?["proton_instances"].clone();
        ensure!(instances["failed"].as_u64() > Some(0), "{instances}");
        ensure!(scene.nginx.said().contains("proton.db"), "the log does not name the file");
        Ok(())
    })
}

fn fallback_off(subject: &Subject) -> Result<()> {
    let (subject, _folder) = own_rules(subject, b"no rules")?;
    let tested = subject.tested(Given { server: BLOCK, http: "wallarm_fallback off;", ..Given::default() })?;
    ensure!(!tested.ok, "accepted:\n{}", tested.said);
    ensure!(tested.said.contains("proton.db"), "the message does not name the file:\n{}", tested.said);
    Ok(())
}

fn broken_rules(subject: &Subject) -> Result<()> {
    let good = fs::read(&subject.rules).context("cannot read the rule set")?;
    let mut flipped = good.clone();
    if let Some(byte) = flipped.get_mut(good.len() / 2) {
        *byte ^= 0x10;
    }
    let half = good.get(..good.len() / 2).context("half")?.to_vec();
    for (what, bytes) in
        [("empty", Vec::new()), ("truncated", half), ("flipped", flipped), ("foreign", vec![0x7f; 4096])]
    {
        let (subject, _folder) = own_rules(subject, &bytes)?;
        let tested = subject.tested(Given { server: BLOCK, http: "wallarm_fallback off;", ..Given::default() })?;
        ensure!(!tested.ok && tested.said.contains("proton.db"), "{what}:\n{}", tested.said);
    }
    Ok(())
}

fn backup(subject: &Subject) -> Result<()> {
    let good = fs::read(&subject.rules).context("cannot read the rule set")?;
    let (subject, folder) = own_rules(subject, &good)?;
    let cache = folder.path().join("cache");
    fs::create_dir(&cache)?;
    fs::set_permissions(&cache, std::os::unix::fs::PermissionsExt::from_mode(0o777))?;
    let cache = cache.display().to_string();
    let start = |act: &dyn Fn(&Scene) -> Result<()>| {
        subject.given(Given { server: BLOCK, cache: Some(&cache), ..Given::default() }, act)
    };
    start(&|scene| scene.expect(ATTACK, 403))?;
    fs::write(&subject.rules, b"broken")?;
    start(&|scene| {
        scene.expect(ATTACK, 403)?;
        let instances = scene.status()?["proton_instances"].clone();
        ensure!(instances["fallback"].as_u64() > Some(0), "{instances}");
        Ok(())
    })
}

fn update(subject: &Subject) -> Result<()> {
    let good = fs::read(&subject.rules).context("cannot read the rule set")?;
    let mut sources = rules::standard_sources()?;
    sources.id += 1;
    let (id, newer) = (sources.id, rules::compile(&sources)?);
    let (subject, folder) = own_rules(subject, &good)?;
    let given = Given { server: BLOCK, http: "wallarm_file_check_interval 50ms;", ..Given::default() };
    subject.given(given, |scene| {
        scene.expect(ATTACK, 403)?;
        scene.counted("db_id", id - 1)?;
        // As an updater does it: aside, then renamed.
        let replace = |bytes: &[u8]| -> Result<()> {
            let aside = folder.path().join("aside");
            fs::write(&aside, bytes)?;
            fs::rename(&aside, &subject.rules).context("cannot rename")
        };
        let half = good.get(..good.len() / 2).context("half")?;
        let mut later = good.clone();
        // The low byte of the version of the format.
        *later.get_mut(8).context("no version")? = 99;
        let told = || scene.nginx.log().lines().filter(|line| line.contains("proton.db")).count();
        let before = told();
        for (number, broken) in [&b"broken"[..], half, &later, b""].into_iter().enumerate() {
            replace(broken)?;
            server::wait("a word about the broken file", || Ok(told() > before + number))?;
            scene.expect(ATTACK, 403)?;
            scene.counted("db_id", id - 1)?;
        }
        // Each was looked at again and again meanwhile.
        ensure!(told() == before + 4, "{} lines tell of four broken files", told() - before);
        replace(&newer)?;
        scene.counted("db_id", id)?;
        scene.expect(ATTACK, 403)
    })
}

fn unreadable(subject: &Subject) -> Result<()> {
    let good = fs::read(&subject.rules).context("cannot read the rule set")?;
    let (subject, _folder) = own_rules(subject, &good)?;
    fs::set_permissions(&subject.rules, std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    let given = Given { server: BLOCK, http: "wallarm_file_check_interval 50ms;", ..Given::default() };
    // The master reads it as root; what a worker may not read, it says once it looks.
    subject.given(given, |scene| {
        scene.expect("/", 200)?;
        server::wait("a word about the file", || {
            let log = scene.nginx.log();
            Ok(log.lines().any(|line| line.contains("proton.db") && line.contains(crate::nginx::config::WORKER)))
        })
    })
}

fn unreadable_update(subject: &Subject) -> Result<()> {
    let good = fs::read(&subject.rules).context("cannot read the rule set")?;
    let (subject, folder) = own_rules(subject, &good)?;
    let given = Given { server: BLOCK, http: "wallarm_file_check_interval 50ms;", ..Given::default() };
    subject.given(given, |scene| {
        scene.expect(ATTACK, 403)?;
        let aside = folder.path().join("aside");
        fs::write(&aside, b"not for everybody")?;
        fs::set_permissions(&aside, std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
        fs::rename(&aside, &subject.rules)?;
        let told = || scene.nginx.log().lines().filter(|line| line.contains("cannot be read by user")).count();
        server::wait("a word about the file", || Ok(told() > 0))?;
        for _ in 0..20 {
            scene.expect(ATTACK, 403)?;
        }
        ensure!(told() == 1, "it is told {} times", told());
        Ok(())
    })
}

fn killed_under_load(subject: &Subject) -> Result<()> {
    let given = Given { server: BLOCK, workers: 2, ..Given::default() };
    let said = subject.played(given, |scene| {
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let load = || -> Result<(u64, u64)> {
                let (mut answered, mut broken) = (0, 0);
                while !done.load(Ordering::Relaxed) {
                    // A connection dies with its worker; an answer that comes must be the right one.
                    match scene.get(ATTACK) {
                        Ok(answer) => {
                            ensure!(answer.status == 403, "answered with {}", answer.status);
                            answered += 1;
                        }
                        Err(_) => broken += 1,
                    }
                }
                Ok((answered, broken))
            };
            let threads: Vec<_> = (0..2).map(|_| scope.spawn(load)).collect();
            let killed = (0..3).try_for_each(|_| kill_one(scene));
            done.store(true, Ordering::Relaxed);
            let mut broken = 0;
            for thread in threads {
                broken += thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?.1;
            }
            ensure!(broken <= 6, "{broken} requests of two clients broke with three workers");
            killed
        })?;
        scene.counted("segfaults", 3)?;
        scene.expect(ATTACK, 403)?;
        scene.still_serves()
    })?;
    ensure!(said.matches("exited on signal 9").count() == 3, "three workers were killed:\n{said}");
    ensure!(!said.contains("panicked"), "a handler panicked:\n{said}");
    Ok(())
}

/// Kills a worker that has served a while, and waits for the one in its place.
fn kill_one(scene: &Scene) -> Result<()> {
    let before = scene.status()?["requests"].as_u64();
    server::wait("more requests", || Ok(scene.status()?["requests"].as_u64() > before.map(|count| count + 20)))?;
    let workers = scene.nginx.workers();
    let victim = *workers.first().context("no worker")?;
    server::signal(victim, Signal::KILL)?;
    server::wait("a new worker", || {
        let now = scene.nginx.workers();
        Ok(now.len() == workers.len() && !now.contains(&victim))
    })
}

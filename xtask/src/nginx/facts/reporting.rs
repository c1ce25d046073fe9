//! Postanalytics, well-behaved and hostile: clients never notice, and each record counts exactly once.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::json;

use super::scene::{ATTACK, Given, Scene, attacks, field};
use super::{Fact, Subject};
use crate::nginx::client::Request;
use crate::nginx::hostile::{Hostile, Manner};
use crate::nginx::postanalytics::Postanalytics;
use crate::nginx::recorder::Recorder;
use crate::nginx::{address, server};

pub const FACTS: &[Fact] = &[
    Fact::new("a record tells headers, body, client, answer and application of a request", record),
    Fact::new("tags of the configuration are in the record, variables filled in", tags).under_valgrind(),
    Fact::new("a copy of traffic is reported with the values that wallarm_force gives, and never blocked", copies),
    Fact::new("the id of the custom ruleset is in the record", custom_ruleset),
    Fact::new("a client introduces itself before its first record", hello),
    Fact::new("records are spread over two servers, each to one of them", two_servers),
    Fact::new(
        "a server that refuses connections is logged as documented, and each record is counted as lost once",
        refused,
    ),
    Fact::new(
        "while postanalytics is silent, stopped in mid-answer, sends garbage or closes, clients are served at once",
        hostile,
    ),
    Fact::new("servers of every hostile manner at once leave an honest one among them its work", hostile_at_once)
        .under_valgrind(),
    Fact::new(
        "a server that answers after three seconds gets each record once, and no client waits for it",
        thoughtful,
    ),
    Fact::new("with one server down, records go to the other", failover),
    Fact::new("records wait while postanalytics is away and arrive when it is back", returns),
    Fact::new("a queue of a given length drops the newest records and counts them", queue_limit),
    Fact::new("a server that is stopped and killed under load costs no request", killed_under_load),
    Fact::new("repeated errors are logged at most once a second", log_limit),
];

const MONITORING: &str = "wallarm_mode monitoring;";

/// Immediate attempts and the pause after them, short enough for a test.
const QUICK: &str =
    "wallarm_upstream_connect_attempts 3; wallarm_upstream_reconnect_interval 1s; wallarm_upstream_connect_timeout 1s;";

fn record(subject: &Subject) -> Result<()> {
    subject.with("wallarm_mode monitoring; wallarm_application 42;", |scene| {
        let request = Request::form("/order?x=1", "item=book&count=2").header("X-Trace", "abc");
        scene.expects(&request, 200)?;
        let record = scene.record()?;
        for (name, value) in [
            ("method", "POST"),
            ("uri", "/order?x=1"),
            ("host", "test.example"),
            ("body", "item=book&count=2"),
            ("remote_addr", "127.0.0.1"),
            ("scheme", "http"),
            ("proto", "HTTP/1.1"),
            ("mode", "monitoring"),
        ] {
            field(&record, name, value)?;
        }
        field(&record, "app_id", 42)?;
        field(&record, "status", 200)?;
        field(&record, "server_port", scene.nginx.address.port())?;
        let headers = record.get("headers").map(ToString::to_string).unwrap_or_default();
        ensure!(headers.contains("X-Trace") && headers.contains("abc"), "headers: {headers}");
        for name in ["time", "response_size", "db_id", "cpu_us", "mono_us", "remote_port", "server_addr"] {
            ensure!(record.get(name).is_some(), "no `{name}` in {record}");
        }
        Ok(())
    })
}

fn tags(subject: &Subject) -> Result<()> {
    subject.with(
        "wallarm_mode monitoring; wallarm_set_tag zone eu; wallarm_set_tag who \"user $http_x_user\";",
        |scene| {
            scene.expects(&Request::get("/").header("X-User", "maria"), 200)?;
            field(&scene.record()?, "tags", json!({ "zone": "eu", "who": "user maria" }))
        },
    )
}

fn copies(subject: &Subject) -> Result<()> {
    let directives = "wallarm_mode block; wallarm_force server_addr $http_x_server_addr; wallarm_force server_port $http_x_server_port;
        wallarm_force response_status 0; wallarm_force response_time 0; wallarm_force response_size 0;";
    subject.with(directives, |scene| {
        let copy = Request::get(ATTACK).header("X-Server-Addr", "203.0.113.80").header("X-Server-Port", "8443");
        scene.expects(&copy, 200)?;
        let record = scene.record()?;
        ensure!(attacks(&record) == ["ptrav"], "found {:?}", attacks(&record));
        field(&record, "mode", "monitoring")?;
        field(&record, "server_addr", "203.0.113.80")?;
        field(&record, "server_port", 8443)?;
        for name in ["status", "response_time_ms", "response_size"] {
            field(&record, name, 0)?;
        }
        Ok(())
    })
}

fn custom_ruleset(subject: &Subject) -> Result<()> {
    let folder = tempfile::Builder::new().prefix("ruleset-").tempdir()?;
    std::fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
    let file = folder.path().join("custom_ruleset");
    std::fs::write(&file, "wallarm custom ruleset, format 51, id 102, length 0\n")?;
    let server = format!("wallarm_mode monitoring; wallarm_custom_ruleset_path {};", file.display());
    subject.with(&server, |scene| {
        scene.expect("/", 200)?;
        field(&scene.record()?, "custom_ruleset_id", 102)
    })
}

fn hello(subject: &Subject) -> Result<()> {
    subject.with(MONITORING, |scene| {
        scene.expect("/", 200)?;
        scene.record()?;
        let hellos = scene.recorder.hellos();
        let [hello] = &hellos[..] else { anyhow::bail!("{} introductions: {hellos:?}", hellos.len()) };
        ensure!(hello.get("version").is_some() && hello.get("instance_uuid").is_some(), "{hello}");
        Ok(())
    })
}

fn two_servers(subject: &Subject) -> Result<()> {
    let servers = [Recorder::start()?, Recorder::start()?];
    let addresses = servers.each_ref().map(|server| server.address);
    let given = Given { server: MONITORING, postanalytics: Some(&addresses), ..Given::default() };
    subject.given(given, |scene| {
        for _ in 0..40 {
            scene.expect(ATTACK, 200)?;
        }
        let counts = || servers.each_ref().map(|server| server.records().len());
        server::wait("40 records", || Ok(counts().iter().sum::<usize>() >= 40))
            .with_context(|| format!("{:?}", counts()))?;
        let counts = counts();
        ensure!(counts.iter().sum::<usize>() == 40, "40 requests gave {counts:?} records");
        ensure!(counts.iter().all(|count| *count > 0), "one server got everything: {counts:?}");
        scene.counted("tnt_errors", 0)
    })
}

fn refused(subject: &Subject) -> Result<()> {
    let nobody = address::free()?;
    let http = format!("{QUICK} wallarm_upstream_queue_limit 5;");
    let given =
        Given { server: "wallarm_mode block;", http: &http, postanalytics: Some(&[nobody]), ..Given::default() };
    subject.given(given, |scene| {
        for _ in 0..15 {
            scene.expect(ATTACK, 403)?;
        }
        scene.counted("requests", 15)?;
        // Five wait, the others are lost.
        scene.counted("tnt_errors", 10)?;
        scene.counted("requests_lost", 10)?;
        let words = format!("wallarm: {nobody} connect() failed");
        let logged = || scene.nginx.log().lines().any(|line| line.contains("[error]") && line.contains(&words));
        server::wait(&format!("the line `{words}`"), || Ok(logged()))?;
        let log = scene.nginx.log();
        let line = log.lines().find(|line| line.contains(&words)).unwrap_or_default();
        ensure!(line.contains("Connection refused"), "the reason is not in the line: {line}");
        Ok(())
    })
}

fn hostile(subject: &Subject) -> Result<()> {
    for manner in Manner::ALL {
        let hostile = Hostile::start(manner)?;
        let given = Given {
            server: "wallarm_mode block;",
            http: QUICK,
            postanalytics: Some(&[hostile.address]),
            ..Given::default()
        };
        subject
            .given(given, |scene| {
                for _ in 0..20 {
                    let begun = Instant::now();
                    scene.expect(ATTACK, 403)?;
                    scene.expect("/", 200)?;
                    // Nothing in this path waits for a second; a machine under load needs milliseconds.
                    ensure!(begun.elapsed() < Duration::from_secs(2), "two requests took {:?}", begun.elapsed());
                }
                server::wait("a connection", || Ok(hostile.connections() > 0))?;
                scene.counted("requests", 40)
            })
            .with_context(|| format!("{manner:?}"))?;
    }
    Ok(())
}

fn hostile_at_once(subject: &Subject) -> Result<()> {
    let hostile: Vec<Hostile> = Manner::ALL.into_iter().map(Hostile::start).collect::<Result<_>>()?;
    let honest = Recorder::start()?;
    let addresses: Vec<_> = hostile.iter().map(|server| server.address).chain([honest.address]).collect();
    let given =
        Given { server: "wallarm_mode block;", http: QUICK, postanalytics: Some(&addresses), ..Given::default() };
    subject.given(given, |scene| {
        for _ in 0..40 {
            scene.expect(ATTACK, 403)?;
        }
        scene.counted("requests", 40)?;
        server::wait("a connection to each server", || Ok(hostile.iter().all(|server| server.connections() > 0)))?;
        honest.wait_for(1)?;
        scene.still_serves()
    })
}

fn thoughtful(subject: &Subject) -> Result<()> {
    let server = Recorder::thoughtful(Duration::from_secs(3))?;
    let given = Given { server: "wallarm_mode block;", postanalytics: Some(&[server.address]), ..Given::default() };
    subject.given(given, |scene| {
        let begun = Instant::now();
        for _ in 0..30 {
            scene.expect(ATTACK, 403)?;
        }
        // With three seconds for each, it would be ninety.
        ensure!(begun.elapsed() < Duration::from_secs(20), "30 requests took {:?}", begun.elapsed());
        let records = server.wait_for(30)?;
        ensure!(records.len() == 30, "{} records for 30 requests", records.len());
        scene.counted("tnt_errors", 0)
    })
}

fn failover(subject: &Subject) -> Result<()> {
    let (nobody, recorder) = (address::free()?, Recorder::start()?);
    let given =
        Given { server: MONITORING, http: QUICK, postanalytics: Some(&[nobody, recorder.address]), ..Given::default() };
    subject.given(given, |scene| {
        for _ in 0..20 {
            scene.expect(ATTACK, 200)?;
        }
        let records = recorder.wait_for(20)?;
        ensure!(records.len() == 20, "{} records for 20 requests", records.len());
        scene.counted("tnt_errors", 0)
    })
}

fn returns(subject: &Subject) -> Result<()> {
    let mut first = Postanalytics::start(&subject.postanalytics)?;
    let given = Given { server: MONITORING, http: QUICK, postanalytics: Some(&[first.address]), ..Given::default() };
    let address = first.address;
    subject.given(given, |scene| {
        scene.expect(ATTACK, 200)?;
        server::wait("the first record", || Ok(first.stored("ptrav")? == 1))?;
        first.kill();
        for _ in 0..10 {
            scene.expect(ATTACK, 200)?;
        }
        let second = Postanalytics::start_at(&subject.postanalytics, address)?;
        server::wait("the records that waited", || {
            let lost = scene.status()?["tnt_errors"].as_u64().unwrap_or(0);
            Ok(second.stored("ptrav")? + lost == 10)
        })?;
        // What had been written when the server died may be lost; what came later must not be.
        let lost = scene.status()?["tnt_errors"].as_u64().unwrap_or(0);
        ensure!(lost <= 1, "{lost} records were lost while one could have been on its way");
        Ok(())
    })
}

fn queue_limit(subject: &Subject) -> Result<()> {
    let silent = Hostile::start(Manner::Silent)?;
    let http = format!("{QUICK} wallarm_upstream_queue_limit 8;");
    let given = Given { server: MONITORING, http: &http, postanalytics: Some(&[silent.address]), ..Given::default() };
    subject.given(given, |scene| {
        for _ in 0..20 {
            scene.expect("/", 200)?;
        }
        scene.counted("requests", 20)?;
        // At least what does not fit; those that wait are lost later, when the connection is given up.
        server::wait("lost records", || Ok(scene.status()?["tnt_errors"].as_u64() >= Some(12)))?;
        let lost = scene.status()?["tnt_errors"].as_u64();
        ensure!(lost <= Some(20), "{lost:?} records lost of 20");
        Ok(())
    })
}

/// Sends attacks from four threads until `act` is done; every one must be answered with 403.
fn under_load(scene: &Scene, act: impl FnOnce() -> Result<()>) -> Result<usize> {
    use std::sync::atomic::{AtomicBool, Ordering};
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let load = || -> Result<usize> {
            let mut count = 0;
            while !done.load(Ordering::Relaxed) {
                scene.expect(ATTACK, 403)?;
                count += 1;
            }
            Ok(count)
        };
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(load)).collect();
        let acted = act();
        done.store(true, Ordering::Relaxed);
        let mut total = 0;
        for thread in threads {
            total += thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        }
        acted.map(|()| total)
    })
}

fn killed_under_load(subject: &Subject) -> Result<()> {
    let mut postanalytics = Postanalytics::start(&subject.postanalytics)?;
    let address = postanalytics.address;
    let given = Given {
        server: "wallarm_mode block;",
        http: QUICK,
        postanalytics: Some(&[address]),
        workers: 2,
        ..Given::default()
    };
    subject.given(given, |scene| {
        let beyond =
            |count: u64| server::wait("more requests", || Ok(scene.status()?["requests"].as_u64() > Some(count)));
        let sent = under_load(scene, || {
            beyond(100)?;
            postanalytics.freeze()?;
            beyond(300)?;
            postanalytics.thaw()?;
            beyond(400)?;
            postanalytics.kill();
            beyond(600)?;
            postanalytics = Postanalytics::start_at(&subject.postanalytics, address)?;
            beyond(800)
        })?;
        scene.counted("requests", sent as u64)?;
        scene.counted("blocked", sent as u64)
    })
}

fn log_limit(subject: &Subject) -> Result<()> {
    let nobody = address::free()?;
    let http = "wallarm_upstream_connect_attempts 50; wallarm_upstream_reconnect_interval 1s;";
    let given = Given { server: MONITORING, http, postanalytics: Some(&[nobody]), ..Given::default() };
    subject.given(given, |scene| {
        let begun = Instant::now();
        for _ in 0..200 {
            scene.expect("/", 200)?;
        }
        server::wait("a line in the log", || Ok(scene.nginx.log().contains("connect() failed")))?;
        let lines = scene.nginx.log().lines().filter(|line| line.contains("connect() failed")).count() as u64;
        let most = begun.elapsed().as_secs() + 2;
        ensure!(lines <= most, "{lines} lines in {:?}", begun.elapsed());
        ensure!(scene.recorder.records().iter().all(|record| attacks(record).is_empty()), "a record went astray");
        Ok(())
    })
}

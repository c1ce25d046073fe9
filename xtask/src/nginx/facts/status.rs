//! The status page and rate limits.

use anyhow::{Context as _, Result, ensure};
use rustix::process::Signal;
use serde_json::Value;

use super::scene::{ATTACK, Given, Scene};
use super::{Fact, Subject};
use crate::nginx::client::Request;
use crate::nginx::server;

pub const FACTS: &[Fact] = &[
    Fact::new("the status page has every documented key, in the documented order", keys).under_valgrind(),
    Fact::new("requests are those that passed and those that were blocked, over several workers", sums)
        .under_valgrind(),
    Fact::new("the status page itself is never counted", itself),
    Fact::new("query strings on the status page are ignored", query),
    Fact::new("the Prometheus page has a metric with HELP and TYPE for each documented key", prometheus),
    Fact::new("counters survive a reload and begin anew with a restart", reload).under_valgrind(),
    Fact::new("counters are kept for each application", applications),
    Fact::new("a worker that is killed is counted once, and the others go on", crash),
    Fact::new("requests above the rate limit are refused with the configured status", rate_limit),
    Fact::new("a burst is let through, delayed or not", burst),
    Fact::new("rate limits count each key by itself", rate_keys).under_valgrind(),
];

/// The specification's, with both names of a key that has two.
const KEYS: [&str; 31] = [
    "requests",
    "attacks",
    "blocked",
    "blocked_by_acl",
    "acl_allow_list",
    "abnormal",
    "tnt_errors",
    "api_errors",
    "requests_lost",
    "overlimits_time",
    "segfaults",
    "memfaults",
    "softmemfaults",
    "proton_errors",
    "time_detect",
    "db_id",
    "lom_id",
    "custom_ruleset_id",
    "custom_ruleset_ver",
    "db_apply_time",
    "lom_apply_time",
    "custom_ruleset_apply_time",
    "proton_instances",
    "stalled_workers_count",
    "stalled_workers",
    "ts_files",
    "db_files",
    "startid",
    "timestamp",
    "rate_limit",
    "split",
];

/// Those that the specification gives no metric of their name.
const WITHOUT_METRIC: [&str; 7] =
    ["stalled_workers_count", "stalled_workers", "ts_files", "db_files", "timestamp", "rate_limit", "split"];

fn keys(subject: &Subject) -> Result<()> {
    subject.with("wallarm_mode monitoring;", |scene| {
        scene.expect(ATTACK, 200)?;
        scene.counted("requests", 1)?;
        let answer = scene.get("/wallarm-status")?;
        ensure!(answer.header("content-type") == Some("application/json"), "{:?}", answer.header("content-type"));
        let text = answer.text();
        // The order is what parsing forgets.
        let mut last = 0;
        for key in KEYS {
            let at = text.find(&format!("\"{key}\":")).with_context(|| format!("no key `{key}` in {text}"))?;
            ensure!(at >= last, "`{key}` is out of order in {text}");
            last = at;
        }
        let status: Value = serde_json::from_slice(&answer.body)?;
        let count = status.as_object().map_or(0, serde_json::Map::len);
        let wanted = KEYS.len();
        ensure!(count == wanted, "{count} keys, the specification has {wanted}: {text}");
        ensure!(status["proton_instances"]["success"].as_u64() > Some(0), "no rule set is loaded: {text}");
        ensure!(status["db_files"].as_array().is_some_and(|files| !files.is_empty()), "no db_files: {text}");
        Ok(())
    })
}

fn sums(subject: &Subject) -> Result<()> {
    let given = Given { server: "wallarm_mode block;", workers: 3, ..Given::default() };
    subject.given(given, |scene| {
        let (clean, attacks) = (60, 25);
        std::thread::scope(|scope| {
            let threads: Vec<_> = [("/", clean, 200), (ATTACK, attacks, 403)]
                .into_iter()
                .map(|(target, count, status)| {
                    scope.spawn(move || (0..count).try_for_each(|_| scene.expect(target, status)))
                })
                .collect();
            threads
                .into_iter()
                .try_for_each(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
        })?;
        scene.counted("requests", clean + attacks)?;
        scene.counted("attacks", attacks)?;
        scene.counted("blocked", attacks)?;
        scene.counted("abnormal", clean + attacks)?;
        let status = scene.status()?;
        let nothing =
            ["tnt_errors", "requests_lost", "segfaults", "proton_errors", "blocked_by_acl", "overlimits_time"];
        for key in nothing {
            ensure!(status[key] == 0, "`{key}` is {}", status[key]);
        }
        ensure!(scene.recorder.wait_for(85)?.len() == 85, "a request was reported twice");
        Ok(())
    })
}

fn itself(subject: &Subject) -> Result<()> {
    // Analysis is on for the whole server: the page alone is exempt.
    subject.with("wallarm_mode block; location = /own-status { wallarm_status on; }", |scene| {
        for _ in 0..5 {
            scene.expect("/own-status", 200)?;
        }
        scene.expect("/", 200)?;
        scene.counted("requests", 1)
    })
}

fn query(subject: &Subject) -> Result<()> {
    subject.with("wallarm_mode block;", |scene| scene.expect("/wallarm-status?pretty=1&x=../../etc/passwd", 200))
}

fn prometheus(subject: &Subject) -> Result<()> {
    subject.with("wallarm_mode block;", |scene| {
        scene.expect(ATTACK, 403)?;
        scene.counted("requests", 1)?;
        let answer = scene.get("/wallarm-status-prometheus")?;
        let kind = answer.header("content-type").unwrap_or_default();
        ensure!(kind.starts_with("text/plain; version=0.0.4"), "content-type is `{kind}`");
        let text = answer.text();
        let metrics = KEYS.into_iter().filter(|key| !WITHOUT_METRIC.contains(key));
        // A metric names its unit.
        let names = metrics.map(|key| if key == "time_detect" { "time_detect_seconds" } else { key });
        for name in names {
            for line in [format!("# HELP wallarm_{name} "), format!("# TYPE wallarm_{name} gauge")] {
                ensure!(text.contains(&line), "no `{line}` in\n{text}");
            }
        }
        for line in ["wallarm_requests 1", "wallarm_blocked 1", "wallarm_tnt_errors 0"] {
            ensure!(text.lines().any(|found| found == line), "no line `{line}` in\n{text}");
        }
        Ok(())
    })
}

fn reload(subject: &Subject) -> Result<()> {
    subject.with("wallarm_mode block;", |scene| {
        scene.expect(ATTACK, 403)?;
        scene.counted("requests", 1)?;
        let first = scene.status()?["startid"].clone();
        scene.nginx.reload()?;
        scene.expect("/", 200)?;
        scene.counted("requests", 2)?;
        scene.counted("blocked", 1)?;
        ensure!(scene.status()?["startid"] == first, "startid changed with a reload");
        Ok(())
    })?;
    subject.with("wallarm_mode block;", |scene| scene.counted("requests", 0))
}

fn applications(subject: &Subject) -> Result<()> {
    let directives = "wallarm_mode block; wallarm_application 7;
        location /shop/ { wallarm_application 12; proxy_pass http://app; }";
    subject.with(directives, |scene| {
        scene.expect("/shop/a", 200)?;
        scene.expect("/shop/b", 200)?;
        scene.expect(ATTACK, 403)?;
        scene.counted("requests", 3)?;
        let split = scene.status()?["split"]["clients"][0].clone();
        let of = |id: i64| {
            let list = split["applications"].as_array().into_iter().flatten();
            let found = list.clone().find(|application| application["app_id"] == id);
            found.map(|application| (application["requests"].as_u64(), application["blocked"].as_u64()))
        };
        ensure!(of(7) == Some((Some(1), Some(1))) && of(12) == Some((Some(2), Some(0))), "{split}");
        let records = scene.recorder.wait_for(3)?;
        let ids: Vec<&Value> = records.iter().filter_map(|record| record.get("app_id")).collect();
        ensure!(ids == [&Value::from(12), &Value::from(12), &Value::from(7)], "app_id of the records: {ids:?}");
        Ok(())
    })
}

fn crash(subject: &Subject) -> Result<()> {
    let given = Given { server: "wallarm_mode block;", workers: 2, ..Given::default() };
    let act = |scene: &Scene| {
        scene.expect(ATTACK, 403)?;
        scene.counted("requests", 1)?;
        let workers = scene.nginx.workers();
        let victim = *workers.first().context("no worker")?;
        server::signal(victim, Signal::KILL)?;
        server::wait("a new worker", || {
            let now = scene.nginx.workers();
            Ok(now.len() == workers.len() && !now.contains(&victim))
        })?;
        scene.counted("segfaults", 1)?;
        scene.expect(ATTACK, 403)?;
        scene.counted("requests", 2)?;
        scene.counted("segfaults", 1)
    };
    // NGINX itself logs an alert for the worker that was killed.
    subject.played(given, act).map(drop)
}

/// How many of `count` requests in a row are answered with each of the two statuses.
fn tally(scene: &Scene, target: &str, count: usize, refused: u16) -> Result<(usize, usize)> {
    let mut tally = (0, 0);
    for _ in 0..count {
        match scene.get(target)?.status {
            200 => tally.0 += 1,
            status if status == refused => tally.1 += 1,
            status => anyhow::bail!("answered with {status}"),
        }
    }
    Ok(tally)
}

fn rate_limit(subject: &Subject) -> Result<()> {
    let directives =
        "wallarm_mode monitoring; wallarm_rate_limit $arg_user rate=1r/m; wallarm_rate_limit_status_code 429;";
    subject.with(directives, |scene| {
        let tally = tally(scene, "/?user=a", 5, 429)?;
        ensure!(tally == (1, 4), "{} passed, {} refused; should be 1 and 4", tally.0, tally.1);
        let exceeded = scene.status()?["rate_limit"]["exceeded"].as_u64();
        ensure!(exceeded == Some(4), "`exceeded` is {exceeded:?}");
        let records = scene.recorder.wait_for(5)?;
        let refused = records.iter().filter(|record| record["block_reason"] == "rate_limit").collect::<Vec<_>>();
        ensure!(refused.len() == 4, "{} of the records are of refused requests", refused.len());
        ensure!(refused.iter().all(|record| record["blocked"] == true && record["status"] == 429), "{refused:?}");
        // They were not analysed.
        scene.counted("requests", 1)
    })
}

fn burst(subject: &Subject) -> Result<()> {
    let directives = "wallarm_mode monitoring;
        location /at-once { wallarm_rate_limit at-once rate=1r/m burst=3 nodelay; proxy_pass http://app; }
        location /delayed { wallarm_rate_limit delayed rate=20r/s burst=2; proxy_pass http://app; }";
    subject.with(directives, |scene| {
        let tally = tally(scene, "/at-once", 6, 503)?;
        ensure!(tally == (4, 2), "{} passed, {} refused; should be 4 and 2", tally.0, tally.1);
        // One after another, each waits for its turn instead of being refused.
        let begun = std::time::Instant::now();
        for _ in 0..3 {
            scene.expect("/delayed", 200)?;
        }
        let took = begun.elapsed().as_millis();
        ensure!(took >= 80, "three requests at 20 a second took {took} ms");
        Ok(())
    })
}

fn rate_keys(subject: &Subject) -> Result<()> {
    let directives = "wallarm_mode monitoring; wallarm_rate_limit \"$remote_addr $http_x_user\" rate=1r/m;";
    subject.with(directives, |scene| {
        for user in ["a", "b", "c"] {
            scene.expects(&Request::get("/").header("X-User", user), 200)?;
            scene.expects(&Request::get("/").header("X-User", user), 503)?;
        }
        Ok(())
    })
}

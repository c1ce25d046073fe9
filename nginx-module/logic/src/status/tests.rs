use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use super::keys::{KEYS, RATE_LIMIT, Value};
use super::*;
use crate::rate_limit::Statistics;

const NOW: Duration = Duration::from_micros(1_700_000_000_250_001);
const CLIENT: &str = "11111111-2222-3333-4444-5555555555ff";

fn memory() -> Vec<AtomicU64> {
    (0..Shared::WORDS).map(|_| AtomicU64::new(0)).collect()
}

fn local() -> Local<'static> {
    Local {
        now: Duration::from_secs(100),
        instances: Instances::default(),
        custom_rulesets: &[],
        databases: &[],
        rate_limit: Statistics::default(),
    }
}

fn clean() -> Processed {
    Processed { detection: Duration::from_micros(3), ..Processed::default() }
}

fn application(client: Option<&str>, id: i64) -> Application {
    Application { client: client.map(|client| client.parse().unwrap()), id }
}

#[test]
fn totals_are_the_sums_over_workers_and_applications() {
    let words = memory();
    let shared = Shared::prepare(&words, 1).unwrap();
    let (shop, blog) = (application(None, 7), application(None, 3));
    for worker in 0..20 {
        shared.processed(worker, shared.entry(shop), &clean(), NOW);
        let attack = Processed { attack: true, blocked: worker % 2 == 0, ..clean() };
        shared.processed(worker, shared.entry(blog), &attack, NOW);
    }
    let snapshot = shared.snapshot(local());
    let totals = snapshot.totals;
    assert_eq!((totals.requests, totals.attacks, totals.blocked), (40, 20, 10));
    assert_eq!(totals.time_detect, Duration::from_micros(120));
    let [client] = &snapshot.clients[..] else { panic!("{:?}", snapshot.clients) };
    assert_eq!(client.counts, totals);
    assert_eq!(
        client.applications.iter().map(|(id, counts)| (*id, counts.requests)).collect::<Vec<_>>(),
        [(3, 20), (7, 20)]
    );
}

#[test]
fn no_reading_shows_more_blocks_than_requests() {
    let words = memory();
    let shared = Shared::prepare(&words, 1).unwrap();
    let entry = shared.entry(Application::UNSET);
    let blocked = Processed { attack: true, blocked: true, blocked_by_acl: true, ..clean() };
    std::thread::scope(|scope| {
        let writers: Vec<_> = (0..2)
            .map(|worker| scope.spawn(move || (0..50_000).for_each(|_| shared.processed(worker, entry, &blocked, NOW))))
            .collect();
        while !writers.iter().all(std::thread::ScopedJoinHandle::is_finished) {
            let totals = shared.snapshot(local()).totals;
            assert!(totals.requests >= totals.blocked, "{totals:?}");
            assert!(totals.blocked >= totals.blocked_by_acl, "{totals:?}");
        }
    });
    assert_eq!(shared.snapshot(local()).totals.blocked_by_acl, 100_000);
}

#[test]
fn applications_beyond_the_table_are_counted_as_unset() {
    let words = memory();
    let shared = Shared::prepare(&words, 1).unwrap();
    for id in 1..=1100 {
        shared.processed(0, shared.entry(application(None, id)), &clean(), NOW);
        shared.processed(0, shared.entry(application(None, id)), &clean(), NOW);
    }
    let snapshot = shared.snapshot(local());
    assert_eq!(snapshot.totals.requests, 2200);
    let applications = &snapshot.clients[0].applications;
    assert_eq!(applications.len(), 1024);
    assert_eq!((applications[0].0, applications[0].1.requests), (-1, 2 * (1100 - 1023)));
    assert!(applications[1..].iter().all(|(_, counts)| counts.requests == 2));
}

#[test]
fn entries_that_two_workers_made_at_once_are_shown_as_one() {
    let words = memory();
    let shared = Shared::prepare(&words, 1).unwrap();
    std::thread::scope(|scope| {
        for worker in 0..4 {
            scope.spawn(move || {
                for id in 1..=500 {
                    shared.processed(worker, shared.entry(application(Some(CLIENT), id)), &clean(), NOW);
                }
            });
        }
    });
    let snapshot = shared.snapshot(local());
    let unset = snapshot.clients.iter().find(|client| client.id.is_none()).map_or(0, |client| client.counts.requests);
    let client = snapshot.clients.iter().find(|client| client.id.is_some()).unwrap();
    let ids: BTreeSet<i64> = client.applications.iter().map(|(id, _)| *id).collect();
    assert_eq!(ids.len(), client.applications.len());
    assert_eq!(client.counts.requests + unset, 2000);
}

#[test]
fn a_reload_keeps_the_counters_and_another_layout_clears_them() {
    let words = memory();
    let shared = Shared::prepare(&words, 11).unwrap();
    shared.processed(0, shared.entry(Application::UNSET), &clean(), NOW);
    let reloaded = Shared::prepare(&words, 22).unwrap().snapshot(local());
    assert_eq!((reloaded.totals.requests, reloaded.header.start_id), (1, 11));

    words[0].store(5, std::sync::atomic::Ordering::Relaxed);
    let fresh = Shared::prepare(&words, 33).unwrap().snapshot(local());
    assert_eq!((fresh.totals.requests, fresh.header.start_id), (0, 33));
}

#[test]
fn too_little_memory_is_refused() {
    let words = memory();
    let error = Shared::prepare(&words[1..], 1).unwrap_err();
    assert_eq!((error.needed, error.found), (Shared::WORDS, Shared::WORDS - 1));
}

#[test]
fn a_worker_that_left_no_word_is_a_crash_counted_once() {
    let words = memory();
    let shared = Shared::prepare(&words, 1).unwrap();
    let crashes = || shared.snapshot(local()).rare(Rare::WorkerCrash);
    let first = shared.enter(10, |_| true).unwrap();
    shared.enter(11, |_| true).unwrap();
    first.leave();
    shared.enter(12, |pid| pid != 10).unwrap();
    assert_eq!(crashes(), 0, "worker 10 took its leave");
    shared.enter(13, |pid| pid != 11).unwrap();
    shared.enter(14, |pid| pid != 11).unwrap();
    assert_eq!(crashes(), 1, "worker 11 did not");
}

#[test]
fn a_crashed_worker_is_seen_even_when_its_number_is_given_to_the_next_one() {
    let words = memory();
    let shared = Shared::prepare(&words, 1).unwrap();
    shared.enter(10, |_| true).unwrap();
    shared.enter(10, |_| true).unwrap();
    assert_eq!(shared.snapshot(local()).rare(Rare::WorkerCrash), 1);
}

#[test]
fn more_workers_than_places_run_unwatched() {
    let words = memory();
    let shared = Shared::prepare(&words, 1).unwrap();
    let places = (1..=600).filter(|pid| shared.enter(*pid, |_| true).is_some()).count();
    assert_eq!(places, 512);
}

#[test]
fn a_worker_is_stalled_from_its_timeout_until_it_ends() {
    let words = memory();
    let shared = Shared::prepare(&words, 1).unwrap();
    let slot = shared.enter(42, |_| true).unwrap();
    slot.begin(Duration::from_secs(10), Duration::from_secs(5));
    let at = |seconds| shared.snapshot(Local { now: Duration::from_secs(seconds), ..local() }).stalled;
    assert_eq!(at(15), []);
    assert_eq!(at(17), [StalledWorker { pid: 42, time: Duration::from_secs(7) }]);
    slot.end();
    assert_eq!(at(17), []);
}

#[test]
fn the_time_of_application_is_that_of_the_first_worker() {
    let words = memory();
    let shared = Shared::prepare(&words, 1).unwrap();
    let apply = |id, seconds| shared.applied(Applied::Database { id }, Duration::from_secs(seconds));
    let time = || shared.snapshot(local()).header.db_apply_time;
    apply(5, 100);
    apply(5, 101);
    assert_eq!(time(), 100);
    apply(6, 102);
    assert_eq!(time(), 102);
}

#[test]
fn a_client_id_reads_as_it_is_written() {
    let id: ClientId = CLIENT.parse().unwrap();
    assert_eq!(id.to_string(), CLIENT);
    for text in [
        "",
        "11111111222233334444555555555555",
        "00000000-0000-0000-0000-000000000000",
        "1111111g-2222-3333-4444-555555555555",
        "+1111111-2222-3333-4444-555555555555",
    ] {
        assert!(text.parse::<ClientId>().is_err(), "{text}");
    }
}

/// A node on which a little of everything happened.
fn eventful(words: &[AtomicU64]) -> Shared<'_> {
    let shared = Shared::prepare(words, u64::MAX).unwrap();
    let attack =
        Processed { attack: true, blocked: true, detection: Duration::from_millis(1500), ..Processed::default() };
    shared.processed(0, shared.entry(Application::UNSET), &clean(), NOW);
    shared.processed(1, shared.entry(application(Some(CLIENT), 4)), &attack, NOW);
    let listed = Processed { blocked: true, blocked_by_acl: true, ..Processed::default() };
    shared.processed(1, shared.entry(application(Some(CLIENT), 9)), &listed, NOW);
    let long = Processed { attack: true, overlimit: true, ..clean() };
    shared.processed(0, shared.entry(application(Some(CLIENT), 9)), &long, NOW);
    shared.applied(Applied::Database { id: 73 }, Duration::from_secs(1_600_000_001));
    shared.applied(Applied::Custom { id: 102, version: 51 }, Duration::from_secs(1_600_000_002));
    shared.count(Rare::AllowListed);
    shared.count_many(Rare::PostanalyticsLost, 2);
    shared.count_many(Rare::ApiLost, 3);
    let crashes = [Rare::WorkerCrash; 4].into_iter();
    crashes
        .chain([Rare::MemoryLimit; 5])
        .chain([Rare::RulesetMemoryLimit; 6])
        .chain([Rare::EngineError; 7])
        .for_each(|what| shared.count(what));
    shared.enter(4242, |_| true).unwrap().begin(Duration::from_secs(90), Duration::from_secs(5));
    shared
}

fn files() -> [RulesetFile; 1] {
    [RulesetFile { id: 73, size: 355_930, mod_time: 1_600_000_000, fname: "/etc/wallarm/\"proton\\.db\"\n".to_owned() }]
}

fn eventful_local(files: &[RulesetFile]) -> Local<'_> {
    Local {
        instances: Instances { success: 2, fallback: 1, failed: 1 },
        databases: files,
        rate_limit: Statistics {
            shm_zone_size: 67_108_864,
            buckets_count: 2,
            entries: 3,
            delayed: 4,
            exceeded: 5,
            expired: 6,
            removed: 7,
            no_free_nodes: 8,
        },
        ..local()
    }
}

/// Compares with a file of this crate or of `docs/`; `UPDATE_GOLDEN=1` writes it.
fn assert_golden(path: &str, found: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, found).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(found, expected, "{} differs; look at the change, then run with UPDATE_GOLDEN=1", path.display());
}

#[test]
fn json_is_written_as_specified() {
    let words = memory();
    let files = files();
    assert_golden(
        "src/status/golden/eventful.json",
        &Format::Json.write(&eventful(&words).snapshot(eventful_local(&files))),
    );
    let words = memory();
    let fresh = Shared::prepare(&words, 1).unwrap();
    assert_golden("src/status/golden/fresh.json", &Format::Json.write(&fresh.snapshot(local())));
}

#[test]
fn prometheus_is_written_as_specified() {
    let words = memory();
    let files = files();
    let snapshot = eventful(&words);
    assert_golden(
        "src/status/golden/eventful.prometheus",
        &Format::Prometheus.write(&snapshot.snapshot(eventful_local(&files))),
    );
}

#[test]
fn the_formats_are_known_by_name() {
    assert_eq!(Format::by_name("json"), Some(Format::Json));
    assert_eq!(Format::by_name("prometheus"), Some(Format::Prometheus));
    assert_eq!(Format::by_name("xml"), None);
}

/// The page `docs/status.md`, from the declarations.
fn documentation() -> String {
    let words = memory();
    let snapshot = Shared::prepare(&words, 1).unwrap().snapshot(local());
    let mut out = String::from(include_str!("status.md.head"));
    out.push_str("| Key | Type | Meaning | Prometheus metric |\n|---|---|---|---|\n");
    for key in KEYS {
        let value = (key.value)(&snapshot);
        let metric = key.metric.map_or_else(
            || "–".to_owned(),
            |metric| {
                value.label().map_or_else(|| format!("`{metric}`"), |label| format!("`{metric}{{{label}=\"…\"}}`"))
            },
        );
        out.push_str(&format!("| `{}` | {} | {} | {metric} |\n", key.name, value.kind(), key.meaning));
    }
    out.push_str("\n## `rate_limit`\n\n| Key | Meaning |\n|---|---|\n");
    for (name, meaning, _) in RATE_LIMIT {
        out.push_str(&format!("| `{name}` | {meaning} |\n"));
    }
    out
}

#[test]
fn the_page_in_docs_describes_these_keys() {
    assert_golden("../../docs/status.md", &documentation());
}

/// The fragment for collectd, from the declarations: every key that is one number.
fn collectd_fragment() -> String {
    let words = memory();
    let snapshot = Shared::prepare(&words, 1).unwrap().snapshot(local());
    let mut out = String::from(include_str!("collectd.conf.head"));
    for key in KEYS {
        if matches!((key.value)(&snapshot), Value::Integer(_) | Value::Versioned { .. } | Value::Seconds(_)) {
            out.push_str(&format!("        <Key \"{}\">\n            Type \"gauge\"\n        </Key>\n", key.name));
        }
    }
    out + "    </URL>\n</Plugin>\n"
}

#[test]
fn collectd_is_told_of_these_keys() {
    assert_golden("../../packaging/shared/nginx-module/collectd.conf", &collectd_fragment());
}

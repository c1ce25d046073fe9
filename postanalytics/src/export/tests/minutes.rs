//! What is told once a minute.

use std::sync::Mutex;

use analysis::Minute;
use cloud_api::acl_stats::{AclEvent, AclReason, AclStats};
use cloud_api::behaviour::{Behaviour, Increment, Verdicts, Window};
use cloud_api::counters::Counters;
use cloud_api::markers::Markers;
use fake_cloud::{Call, Endpoint};
use serde_json::json;

use super::*;
use crate::export::context::Minutes;

/// Those who count, with what they have not told, and what they were told.
#[derive(Default)]
pub(super) struct Counted {
    minute: Mutex<Minute>,
    taken: Mutex<u64>,
    markers: Mutex<Option<Markers>>,
    verdicts: Mutex<Option<Verdicts>>,
}

impl Minutes for Counted {
    fn take(&self) -> Minute {
        *self.taken.lock().unwrap() += 1;
        std::mem::take(&mut self.minute.lock().unwrap())
    }

    fn merge_back(&self, other: Minute) {
        let mut minute = self.minute.lock().unwrap();
        minute.counters.requests += other.counters.requests;
        minute.behaviour.splice(..0, other.behaviour);
        minute.acl.events.splice(..0, other.acl.events);
        minute.acl.sampled += other.acl.sampled;
    }

    fn set_markers(&self, markers: Markers) {
        *self.markers.lock().unwrap() = Some(markers);
    }

    fn set_verdicts(&self, verdicts: Verdicts) {
        *self.verdicts.lock().unwrap() = Some(verdicts);
    }
}

impl Counted {
    /// One more of each is counted.
    fn count(&self, number: u64) {
        let ip = "192.0.2.7".parse().unwrap();
        let window = Window { from: 0, to: 59 };
        let (kind, app) = (Behaviour::Brute, -1);
        let increment = Increment { window, kind, ip, app, counter: number, count: 1, recent: 1 };
        let event = AclEvent {
            time: 0,
            request_id: number.to_string(),
            reason: AclReason::AclIp,
            ip: "192.0.2.7".to_owned(),
            app,
            domain: String::new(),
            node_uuid: String::new(),
        };
        self.merge_back(Minute {
            counters: Counters { requests: 1, ..Counters::default() },
            behaviour: vec![increment],
            acl: AclStats { events: vec![event], sampled: 1 },
        });
    }
}

/// A machine whose minutes take a moment, and its Cloud.
fn scene(script: Script) -> (Scene, FakeCloud) {
    let cloud = builder().script(script).start(listener()).unwrap();
    let mut scene = Scene::new();
    scene.register(&cloud, "");
    scene.pace.minute = Duration::from_millis(20);
    (scene, cloud)
}

/// What was told by calls of this kind that were taken and had not been before.
fn told(cloud: &FakeCloud, endpoint: Endpoint) -> Vec<Call> {
    let is_new = |call: &Call| call.endpoint == Some(endpoint) && call.outcome.is_taken() && !call.repeats;
    cloud.calls().into_iter().filter(is_new).collect()
}

fn requests(cloud: &FakeCloud) -> u64 {
    told(cloud, Endpoint::Counters).iter().filter_map(|call| call.json["requests"].as_u64()).sum()
}

/// The counters that were told, and the requests of blocked sources.
fn lists(cloud: &FakeCloud) -> (Vec<u64>, Vec<String>) {
    let behaviour = told(cloud, Endpoint::Behaviour);
    let counters = behaviour.iter().flat_map(|call| call.json.as_array().unwrap());
    let acl = told(cloud, Endpoint::AclStats);
    let events = acl.iter().flat_map(|call| call.json["events"].as_array().unwrap());
    (
        counters.map(|increment| increment["counter"].as_u64().unwrap()).collect(),
        events.map(|event| event["request_id"].as_str().unwrap().to_owned()).collect(),
    )
}

#[test]
fn what_was_counted_is_told_and_what_the_cloud_says_reaches_those_who_count() {
    let (scene, cloud) = scene(Script::default());
    cloud.set_markers(json!([{ "id": 7, "kind": "brute", "window": 60 }]));
    cloud.set_verdicts(json!([
        { "kind": "brute", "ip": "192.0.2.7", "app": -1, "counter": 7, "until": 1, "reaction": "mark" }
    ]));
    (0..3).for_each(|number| scene.counted.count(number));
    let _exporter = scene.start();
    until("verdicts come", || scene.counted.verdicts.lock().unwrap().is_some());
    until("blocked sources are told", || !told(&cloud, Endpoint::AclStats).is_empty());
    assert_eq!(scene.counted.markers.lock().unwrap().as_ref().unwrap().0[0].id, 7);
    assert_eq!(scene.counted.verdicts.lock().unwrap().as_ref().unwrap().verdicts[0].counter, 7);
    assert_eq!(requests(&cloud), 3);
    let (counters, events) = lists(&cloud);
    assert_eq!((counters.len(), events.len()), (3, 3));
    let calls = told(&cloud, Endpoint::Counters).len() as u64;
    cloud.wait_until("a minute without requests", |ledger| ledger.count() > 8).unwrap();
    assert!(told(&cloud, Endpoint::Counters).len() as u64 > calls, "it is told, too");
    assert_eq!(told(&cloud, Endpoint::Behaviour).len(), 1, "nothing is told of nothing");
}

#[test]
fn whatever_becomes_of_calls_and_answers_each_count_is_told_once() {
    let taken = [Answer::Loses, Answer::CutHead, Answer::CutBody];
    let not_taken = [Answer::says(503, "busy"), Answer::Closes, Answer::Garbage];
    let faults = [&taken[..], &not_taken, &[Answer::Takes], &taken[..1], &not_taken[..1], &[Answer::Takes]].concat();
    for failing in [Endpoint::Counters, Endpoint::Behaviour, Endpoint::AclStats] {
        let (scene, cloud) = scene(Script::in_turn(&faults).only(failing));
        let exporter = scene.start();
        for number in 0..50 {
            scene.counted.count(number);
            // Some are counted while others are on their way.
            let calls = cloud.ledger().count();
            cloud.wait_until("a call", |ledger| number % 5 > 0 || ledger.count() > calls).unwrap();
        }
        let all_told = || {
            let (counters, events) = lists(&cloud);
            requests(&cloud) >= 50 && counters.len() >= 50 && events.len() >= 50
        };
        until(&format!("all is told though {failing} fail"), all_told);
        let (mut counters, mut events) = lists(&cloud);
        counters.sort_unstable();
        events.sort_by_key(|number| number.parse::<u64>().unwrap());
        let numbers: Vec<String> = (0..50).map(|number: u64| number.to_string()).collect();
        assert_eq!((requests(&cloud), counters, events), (50, (0..50).collect(), numbers), "{failing}");
        assert!(cloud.calls().iter().any(|call| call.repeats), "{failing}: no answer was lost");
        assert!(cloud.ledger().unstable_batches().is_empty(), "what is sent again is what was sent");
        assert!(exporter.figures().last_failure.is_some());
    }
}

#[test]
fn while_the_fate_of_a_call_is_unknown_newer_counts_are_added_up() {
    let (scene, cloud) =
        scene(Script::in_turn(&[Answer::Loses, Answer::Loses, Answer::Loses, Answer::Takes]).only(Endpoint::Counters));
    scene.counted.count(1);
    let _exporter = scene.start();
    let of_counters = |call: &&Call| call.endpoint == Some(Endpoint::Counters);
    until("an answer is lost", || cloud.calls().iter().any(|call| of_counters(&call)));
    (0..7).for_each(|number| scene.counted.count(number));
    until("all is told", || requests(&cloud) == 8);
    let calls = cloud.calls();
    let sums: Vec<_> =
        calls.iter().filter(of_counters).map(|call| (call.json["requests"].clone(), call.repeats)).collect();
    assert_eq!(sums[..4], [(1.into(), false), (1.into(), true), (1.into(), true), (1.into(), true)]);
}

#[test]
fn a_job_that_fails_stops_neither_another_nor_the_hits() {
    let all = [Endpoint::Counters, Endpoint::Behaviour, Endpoint::AclStats, Endpoint::Markers];
    for failing in all {
        for answer in [Answer::says(500, "defect"), Answer::says(404, "not here"), Answer::says(422, "bad")] {
            let (scene, cloud) = scene(Script::in_turn(std::slice::from_ref(&answer)).only(failing));
            scene.counted.count(1);
            scene.queue.fill(0..10);
            let exporter = scene.start();
            finished(&scene, &exporter);
            for other in all.into_iter().filter(|other| *other != failing) {
                until(&format!("{other} is told without {failing}"), || !told(&cloud, other).is_empty());
            }
            assert_eq!(exporter.figures().exported, 10);
            assert!(scene.lines(&["cannot be sent"]).len() <= 1, "{}", scene.log());
        }
    }
}

#[test]
fn a_list_that_is_too_long_is_told_in_pieces() {
    // Of two pieces each is still too long; what is told is each increment, once.
    let script = Script::in_turn(&[Answer::says(413, ""), Answer::says(413, ""), Answer::Takes]);
    let (scene, cloud) = scene(script.only(Endpoint::Behaviour));
    (0..9).for_each(|number| scene.counted.count(number));
    let _exporter = scene.start();
    until("all is told", || lists(&cloud).0.len() == 9);
    let (mut counters, _) = lists(&cloud);
    counters.sort_unstable();
    assert_eq!(counters, (0..9).collect::<Vec<_>>());
    assert!(told(&cloud, Endpoint::Behaviour).len() >= 3);
}

#[test]
fn what_was_counted_before_a_registration_is_forgotten() {
    let (scene, cloud) = scene(Script::default());
    std::fs::remove_file(scene.path("node.yaml")).unwrap();
    scene.counted.count(1);
    let _exporter = scene.start();
    until("a minute passes", || *scene.counted.taken.lock().unwrap() > 1);
    scene.register(&cloud, "");
    until("a minute is told", || !told(&cloud, Endpoint::Counters).is_empty());
    assert_eq!(requests(&cloud), 0);
}

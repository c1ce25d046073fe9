use std::collections::{BTreeMap, BTreeSet};

use cloud_api::hit::BlockStatus;
use cloud_api::upload::{Accepted, Rejected};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::Value;

use super::*;

fn at(seconds: u64) -> Moment {
    Moment::from_millis(seconds * 1000)
}

fn hit(request: &str, kind: &str) -> Hit {
    Hit {
        id: HitId(request.to_owned(), kind.to_owned()),
        kind: kind.to_owned(),
        ip: "192.0.2.7".to_owned(),
        remote_port: 40_000,
        size: 0,
        statuscode: 403,
        time: 1_700_000_000,
        response_time: 1,
        value: "' or 1=1".to_owned(),
        point: Vec::new(),
        stamps: Vec::new(),
        stamps_hash: 0,
        regex: Vec::new(),
        poolid: -1,
        ip_blocked: false,
        block_status: BlockStatus::Blocked,
        request_id: request.to_owned(),
        protocol: "http".to_owned(),
        path: "/".to_owned(),
        domain: "a".to_owned(),
        node_uuid: Vec::new(),
        attackid: Vec::new(),
    }
}

fn outbox(chunk: usize) -> Outbox {
    Outbox::new(Settings { queue: QueueLimits::new(Some(1000), None), chunk })
}

/// So many requests with one hit each.
fn filled(chunk: usize, requests: usize) -> Outbox {
    let mut outbox = outbox(chunk);
    (0..requests).for_each(|number| assert!(outbox.push(&[hit(&number.to_string(), "sqli")], at(0)) > 0));
    outbox
}

/// The batch that is to be sent now: its ticket, its name, and the requests and kinds in it.
fn batch(outbox: &mut Outbox, now: Moment) -> (Ticket, String, Vec<(String, String)>) {
    let Next::Send(Batch { ticket, json }) = outbox.next(now) else { panic!("nothing to send") };
    let json: Value = serde_json::from_slice(&json).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let hits = json["hits"].as_array().unwrap();
    (ticket, text(&json["batch_id"]), hits.iter().map(|hit| (text(&hit["id"][0]), text(&hit["id"][1]))).collect())
}

fn status(status: u16) -> Result<Reply, Silent> {
    Ok(Reply { status, ..Reply::default() })
}

fn taken(rejected: &[(&str, &str)]) -> Result<Reply, Silent> {
    let rejected = rejected.iter().map(|(request, kind)| Rejected {
        id: HitId((*request).to_owned(), (*kind).to_owned()),
        why: "too old".to_owned(),
    });
    Ok(Reply {
        status: 200,
        body: Accepted { rejected: rejected.collect(), ..Accepted::default() },
        ..Reply::default()
    })
}

fn tally(outbox: &mut Outbox) -> (u64, u64) {
    let Tally { delivered, lost } = outbox.take_tally();
    (delivered, lost)
}

#[test]
fn hits_leave_in_their_order_in_batches_of_the_given_size() {
    let mut outbox = filled(2, 3);
    let (first, name, hits) = batch(&mut outbox, at(0));
    assert_eq!(hits.iter().map(|(request, _)| request.as_str()).collect::<Vec<_>>(), ["0", "1"]);
    let (second, other, hits) = batch(&mut outbox, at(0));
    assert_eq!((hits.len(), outbox.next(at(0))), (1, Next::Rest));
    assert_ne!(name, other);
    outbox.finished(second, taken(&[]), at(1));
    outbox.finished(first, taken(&[]), at(1));
    assert_eq!((tally(&mut outbox), outbox.is_idle(), outbox.memory), ((3, 0), true, 0));
}

#[test]
fn a_batch_that_failed_is_sent_again_under_its_name_and_delivered_once() {
    for failure in [status(500), status(429), Err(Silent("connection refused".to_owned()))] {
        let mut outbox = filled(10, 2);
        let (ticket, name, hits) = batch(&mut outbox, at(0));
        outbox.finished(ticket, failure, at(0));
        assert_eq!(outbox.next(at(0)), Next::Until(at(1)));
        outbox.push(&[hit("later", "xss")], at(0));
        let (ticket, again, same) = batch(&mut outbox, at(1));
        assert_eq!((again, same), (name, hits));
        outbox.finished(ticket, taken(&[]), at(1));
        assert_eq!(tally(&mut outbox), (2, 0));
        assert_eq!(batch(&mut outbox, at(1)).2.len(), 1);
    }
}

#[test]
fn the_api_says_how_long_it_wants_to_be_left_alone() {
    let mut outbox = filled(10, 1);
    let (ticket, ..) = batch(&mut outbox, at(0));
    outbox.finished(
        ticket,
        Ok(Reply { status: 503, retry_after: Some(Duration::from_secs(77)), ..Reply::default() }),
        at(0),
    );
    assert_eq!((outbox.next(at(76)), outbox.take_notes().len()), (Next::Until(at(77)), 1));
    assert_eq!(batch(&mut outbox, at(77)).2.len(), 1);
}

#[test]
fn after_a_failure_one_batch_alone_finds_out() {
    let mut outbox = filled(1, 3);
    let (one, ..) = batch(&mut outbox, at(0));
    let (two, ..) = batch(&mut outbox, at(0));
    outbox.finished(one, status(500), at(0));
    outbox.finished(two, status(500), at(0));
    assert_eq!(outbox.take_notes().len(), 1, "those that were under way together fail together");
    let (probe, ..) = batch(&mut outbox, at(1));
    assert_eq!(outbox.next(at(1)), Next::Rest);
    outbox.finished(probe, taken(&[]), at(1));
    batch(&mut outbox, at(1));
    batch(&mut outbox, at(1));
}

#[test]
fn an_api_that_refuses_the_node_is_left_alone_for_an_hour() {
    for refusal in [401, 403, 404, 302] {
        let mut outbox = filled(1, 3);
        let (one, ..) = batch(&mut outbox, at(0));
        let (two, ..) = batch(&mut outbox, at(0));
        outbox.finished(one, status(refusal), at(0));
        outbox.finished(two, status(refusal), at(1));
        assert_eq!((tally(&mut outbox), outbox.is_idle()), ((0, 3), true), "{refusal}");
        assert!(matches!(&outbox.take_notes()[..], [Note::Stopped { status, .. }] if *status == refusal));
        assert_eq!(outbox.push(&[hit("soon", "xss")], at(3599)), 0);
        assert_eq!((tally(&mut outbox), outbox.next(at(3599))), ((0, 1), Next::Rest));
        assert!(outbox.push(&[hit("later", "xss")], at(3600)) > 0);
        let (ticket, ..) = batch(&mut outbox, at(3600));
        outbox.finished(ticket, status(refusal), at(3600));
        assert_eq!((tally(&mut outbox), outbox.take_notes().len()), ((0, 1), 1), "told once an hour");
    }
}

#[test]
fn a_batch_that_is_too_large_is_halved_until_it_fits() {
    let mut outbox = filled(4, 5);
    let (ticket, name, _) = batch(&mut outbox, at(0));
    outbox.finished(ticket, status(413), at(0));
    let mut seen = Vec::new();
    while let Next::Send(Batch { ticket, json }) = outbox.next(at(0)) {
        let json: Value = serde_json::from_slice(&json).unwrap();
        assert_ne!(json["batch_id"], name.as_str());
        seen.push(json["hits"].as_array().unwrap().len());
        outbox.finished(ticket, taken(&[]), at(0));
    }
    assert_eq!((seen, tally(&mut outbox)), (vec![2, 2, 1], (5, 0)));
    // Later ones stay small for a while.
    let mut sizes = |now| {
        (0..4).for_each(|number| _ = outbox.push(&[hit(&number.to_string(), "rce")], now));
        let (ticket, _, hits) = batch(&mut outbox, now);
        outbox.finished(ticket, taken(&[]), now);
        while let Next::Send(Batch { ticket, .. }) = outbox.next(now) {
            outbox.finished(ticket, taken(&[]), now);
        }
        hits.len()
    };
    assert_eq!((sizes(at(299)), sizes(at(300))), (2, 4));
}

#[test]
fn a_hit_that_is_too_large_alone_is_lost() {
    let mut outbox = filled(4, 1);
    let (ticket, ..) = batch(&mut outbox, at(0));
    outbox.finished(ticket, status(413), at(0));
    assert_eq!((tally(&mut outbox), outbox.take_notes().len()), ((0, 1), 1));
}

#[test]
fn a_batch_that_is_refused_for_good_does_not_stop_the_next_one() {
    let mut outbox = filled(2, 3);
    let (ticket, ..) = batch(&mut outbox, at(0));
    outbox.finished(ticket, status(422), at(0));
    assert_eq!(tally(&mut outbox), (0, 2));
    let (ticket, _, hits) = batch(&mut outbox, at(0));
    outbox.finished(ticket, taken(&[]), at(0));
    assert_eq!((hits.len(), tally(&mut outbox)), (1, (1, 0)));
}

#[test]
fn a_request_with_two_kinds_counts_once_and_is_taken_only_whole() {
    let mut outbox = outbox(1);
    outbox.push(&[hit("a", "sqli"), hit("a", "xss")], at(0));
    outbox.push(&[hit("b", "sqli"), hit("b", "xss")], at(0));
    for rejected in [&[][..], &[("a", "xss")], &[], &[]] {
        let (ticket, ..) = batch(&mut outbox, at(0));
        outbox.finished(ticket, taken(rejected), at(0));
    }
    assert_eq!(tally(&mut outbox), (1, 1));
    let notes: Vec<String> = outbox.take_notes().iter().map(ToString::to_string).collect();
    assert_eq!(notes, ["it will not take the hit a xss: too old"]);
}

#[test]
fn over_a_limit_the_new_request_is_lost() {
    let mut outbox = Outbox::new(Settings { queue: QueueLimits::new(Some(2), None), chunk: 10 });
    let kept: Vec<bool> = ["a", "b", "c"].map(|request| outbox.push(&[hit(request, "xss")], at(0)) > 0).into();
    assert_eq!((kept, tally(&mut outbox), outbox.take_notes()), (vec![true, true, false], (0, 1), vec![Note::Full]));
    // What is under way still takes its place.
    let (ticket, ..) = batch(&mut outbox, at(0));
    assert_eq!(outbox.push(&[hit("d", "xss")], at(0)), 0);
    outbox.finished(ticket, taken(&[]), at(0));
    assert!(outbox.push(&[hit("e", "xss")], at(0)) > 0);
}

#[test]
fn the_memory_of_hits_is_limited() {
    let mut outbox = Outbox::new(Settings { queue: QueueLimits::new(None, Some(2000)), chunk: 10 });
    let kept = (0..20).filter(|number| outbox.push(&[hit(&number.to_string(), "xss")], at(0)) > 0).count();
    assert!((2..5).contains(&kept), "{kept}");
    assert!(outbox.memory <= 2000);
}

#[test]
fn a_worker_that_ends_sends_what_goes_at_once() {
    let mut outbox = filled(2, 3);
    outbox.end();
    assert_eq!(outbox.push(&[hit("late", "xss")], at(0)), 0);
    let (one, ..) = batch(&mut outbox, at(0));
    outbox.finished(one, taken(&[]), at(0));
    let (two, ..) = batch(&mut outbox, at(0));
    outbox.finished(two, status(503), at(0));
    assert_eq!((outbox.next(at(0)), tally(&mut outbox)), (Next::End, (2, 2)));
}

#[test]
fn a_worker_that_ends_does_not_wait_for_a_pause() {
    let mut outbox = filled(2, 3);
    let (one, ..) = batch(&mut outbox, at(0));
    outbox.finished(one, status(503), at(0));
    outbox.end();
    assert_eq!(outbox.next(at(0)), Next::End);
    outbox.give_up();
    assert_eq!((tally(&mut outbox), outbox.is_idle(), outbox.memory), ((0, 3), true, 0));
}

#[test]
fn an_answer_after_giving_up_changes_nothing() {
    let mut outbox = filled(2, 1);
    let (one, ..) = batch(&mut outbox, at(0));
    outbox.give_up();
    outbox.finished(one, taken(&[]), at(0));
    assert_eq!(tally(&mut outbox), (0, 1));
}

#[test]
fn clocks_that_differ_are_told_once_an_hour() {
    let mut outbox = outbox(1);
    let mut told = |ahead, now| {
        outbox.push(&[hit("a", "xss")], now);
        let (ticket, ..) = batch(&mut outbox, now);
        outbox.finished(ticket, Ok(Reply { clock_ahead: Some(ahead), status: 200, ..Reply::default() }), now);
        outbox.take_notes().iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert!(told(300, at(0)).is_empty());
    assert_eq!(told(-301, at(1)), ["its clock is 301 s behind this machine's"]);
    assert!(told(301, at(2)).is_empty());
    assert_eq!(told(301, at(3601)), ["its clock is 301 s ahead of this machine's"]);
}

/// What may happen to a worker.
#[derive(Clone, Debug)]
enum Step {
    Push(u8),
    Next,
    /// The oldest or the newest batch under way ends so.
    Finish(bool, u16),
    Wait(u16),
    End,
}

fn step() -> impl Strategy<Value = Step> {
    let status = prop_oneof![
        6 => Just(200u16),
        2 => Just(413),
        1 => Just(422),
        2 => Just(500),
        1 => Just(401),
        1 => Just(0),
        // The first hit of the batch is rejected.
        2 => Just(299),
    ];
    prop_oneof![
        8 => (1u8..4).prop_map(Step::Push),
        8 => Just(Step::Next),
        8 => (any::<bool>(), status).prop_map(|(oldest, status)| Step::Finish(oldest, status)),
        3 => (0u16..2000).prop_map(Step::Wait),
        1 => Just(Step::End),
    ]
}

proptest! {
    /// Whatever happens: a request ends once, one that counts as delivered has all of its hits in the API, and nothing is sent under
    /// two names at a time.
    #[test]
    fn each_request_ends_exactly_once(steps in vec(step(), 0..200), chunk in 1usize..6, limit in 1usize..40) {
        let mut outbox = Outbox::new(Settings { queue: QueueLimits::new(Some(limit), None), chunk });
        let (mut now, mut pushed, mut ended) = (0u64, 0u64, (0u64, 0u64));
        let mut flying: Vec<(Ticket, Vec<(String, String)>)> = Vec::new();
        let mut stored: BTreeSet<(String, String)> = BTreeSet::new();
        let mut requests: BTreeMap<String, usize> = BTreeMap::new();
        for step in steps {
            match step {
                Step::Push(kinds) => {
                    pushed += 1;
                    let hits: Vec<Hit> = ["xss", "sqli", "rce"].iter().take(kinds.into())
                        .map(|kind| hit(&pushed.to_string(), kind)).collect();
                    requests.insert(pushed.to_string(), hits.len());
                    outbox.push(&hits, at(now));
                }
                Step::Next => if let Next::Send(Batch { ticket, json }) = outbox.next(at(now)) {
                    prop_assert!(outbox.dispatch.pause(clock(at(now))).is_none());
                    let json: Value = serde_json::from_slice(&json).unwrap();
                    let hits: Vec<_> = json["hits"].as_array().unwrap().iter()
                        .map(|hit| (hit["id"][0].as_str().unwrap().to_owned(), hit["id"][1].as_str().unwrap().to_owned())).collect();
                    prop_assert!(!hits.is_empty() && hits.len() <= chunk);
                    prop_assert!(flying.iter().all(|(_, others)| others.iter().all(|other| !hits.contains(other))));
                    flying.push((ticket, hits));
                },
                Step::Finish(oldest, code) => if !flying.is_empty() {
                    let (ticket, hits) = if oldest { flying.remove(0) } else { flying.pop().unwrap() };
                    let reply = match code {
                        0 => Err(Silent("lost on the way back".to_owned())),
                        299 => taken(&[(&hits[0].0, &hits[0].1)]),
                        200 => taken(&[]),
                        other => status(other),
                    };
                    // An answer that was lost on its way leaves the hits in the API.
                    let skipped = usize::from(code == 299);
                    if matches!(code, 0 | 200 | 299) {
                        stored.extend(hits.iter().skip(skipped).cloned());
                    }
                    outbox.finished(ticket, reply, at(now));
                },
                Step::Wait(seconds) => now += u64::from(seconds),
                Step::End => outbox.end(),
            }
            let (delivered, lost) = tally(&mut outbox);
            ended = (ended.0 + delivered, ended.1 + lost);
            prop_assert_eq!(ended.0 + ended.1 + outbox.requests.len() as u64, pushed);
            prop_assert!(outbox.requests.len() <= limit);
        }
        outbox.give_up();
        let (delivered, lost) = tally(&mut outbox);
        ended = (ended.0 + delivered, ended.1 + lost);
        prop_assert_eq!(ended.0 + ended.1, pushed);
        prop_assert_eq!((outbox.memory, outbox.is_idle()), (0, true));
        let whole = requests.iter().filter(|(request, hits)| stored.iter().filter(|(of, _)| of == *request).count() == **hits).count();
        prop_assert!(ended.0 <= whole as u64, "{} delivered, {} whole", ended.0, whole);
    }
}

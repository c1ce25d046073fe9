//! Facts about hits, and the attacks that they belong to.

mod common;

use attacks::Attack;
use cloud_api::hit::{BlockStatus, PointStep};

use common::{Bench, Request, START, to, with};

#[test]
fn a_clean_request_makes_no_hit() {
    let mut bench = Bench::new();
    assert!(bench.look(&to("/")).is_empty());
    let figures = bench.figures();
    assert_eq!((figures.records, figures.clean, figures.hits.total().made), (1, 1, 0));
}

#[test]
fn each_kind_of_attack_is_a_hit_about_its_first_sign() {
    let signs = vec![
        (Attack::Xss, "a", "one".to_owned()),
        (Attack::Sqli, "b", "two".to_owned()),
        (Attack::Xss, "c", "three".to_owned()),
    ];
    let hits = Bench::new().look(&Request { signs, nowhere: vec![Attack::OverlimitRes], ..to("/a?b=c") });
    let told: Vec<_> = hits.iter().map(|hit| (hit.kind.as_str(), hit.value.as_str(), hit.point.len())).collect();
    assert_eq!(told, [("xss", "one", 2), ("sqli", "two", 2), ("overlimit_res", "", 0)]);
    assert!(hits.iter().all(|hit| hit.path == "/a" && hit.id.0 == hit.request_id && hit.id.1 == hit.kind));
}

#[test]
fn a_hit_tells_of_the_request_and_what_became_of_it() {
    let status = |block_reason, mode| {
        let request = Request { block_reason, mode, ..with(Attack::Rce, "id", "`id`") };
        let hit = Bench::new().look(&request).remove(0);
        (hit.block_status, hit.ip_blocked)
    };
    assert_eq!(status(None, "monitoring"), (BlockStatus::Monitored, false));
    assert_eq!(status(None, "safe_blocking"), (BlockStatus::Passed, false));
    assert_eq!(status(Some("attack"), "block"), (BlockStatus::Blocked, false));
    assert_eq!(status(Some("acl_ip"), "block"), (BlockStatus::Blocked, true));
    let hit = Bench::new().look(&with(Attack::Rce, "id", "`id`")).remove(0);
    assert_eq!((hit.time, hit.ip.as_str(), hit.domain.as_str()), (START + 1, "192.0.2.7", "shop.example"));
    assert_eq!((hit.stamps, hit.point[1].clone()), (vec![7], PointStep::Name("id".to_owned())));
}

#[test]
fn rules_on_trial_make_no_hits() {
    let mut bench = Bench::new();
    assert!(bench.look(&Request { on_trial: true, ..with(Attack::Xss, "a", "<b>") }).is_empty());
    assert_eq!(bench.figures().clean, 1);
}

#[test]
fn the_arrival_is_never_in_the_future() {
    let mut bench = Bench::new();
    let (now, wall) = bench.moment();
    let mut arrival = |time| {
        let mut seen = None;
        let record = with(Attack::Xss, "a", "<b>").record(time);
        bench.analysis.look(&record, now, wall, &mut |hit| seen = Some(hit.arrival.0));
        seen.unwrap()
    };
    assert_eq!((arrival(START), arrival(START + 500)), (START * 1000 + 250, wall.0));
}

#[test]
fn hits_on_one_target_are_one_attack_whoever_makes_them() {
    let mut bench = Bench::new();
    let mut attack = |request: Request| bench.look(&request).remove(0).attackid;
    let first = attack(with(Attack::Xss, "a", "<b>"));
    assert_eq!((first.len(), first[0].len()), (1, 32));
    assert_eq!(attack(with(Attack::Xss, "a", "<i>").from("198.51.100.9")), first);
    assert_ne!(attack(with(Attack::Sqli, "a", "<b>")), first);
    assert_ne!(attack(with(Attack::Xss, "b", "<b>")), first);
    assert_ne!(attack(Request { uri: "/other".to_owned(), ..with(Attack::Xss, "a", "<b>") }), first);
    assert_ne!(attack(Request { host: "other.example", ..with(Attack::Xss, "a", "<b>") }), first);
}

#[test]
fn arguments_do_not_make_another_target() {
    let mut bench = Bench::new();
    let mut attack = |uri: &str| {
        let request = Request { uri: uri.to_owned(), ..with(Attack::Xss, "a", "<b>") };
        bench.look(&request).remove(0).attackid
    };
    assert_eq!(attack("/a?x=1"), attack("/a?x=2"));
}

#[test]
fn after_51_hits_those_of_a_source_are_an_attack_of_its_own() {
    let mut bench = Bench::new();
    for hit in 0..51 {
        let request = Request { uri: format!("/{hit}"), ..with(Attack::Xss, "a", "<b>") };
        assert_eq!(bench.look(&request)[0].attackid.len(), 1, "{hit}");
    }
    let attack = |bench: &mut Bench, ip: &str| bench.look(&with(Attack::Sqli, "a", "' or").from(ip)).remove(0).attackid;
    let both = attack(&mut bench, "192.0.2.7");
    bench.now += 300;
    assert_eq!((both.len(), &attack(&mut bench, "192.0.2.7")), (2, &both));
    assert_eq!(attack(&mut bench, "192.0.2.8"), both[..1]);
    let vpatch = bench.look(&with(Attack::Vpatch, "a", "x"));
    assert_eq!(vpatch[0].attackid.len(), 1);
}

#[test]
fn the_same_records_make_the_same_hits() {
    let run = || {
        let mut bench = Bench::new();
        let mut hits = Vec::new();
        for hit in 0..200 {
            bench.now += 1;
            let request = Request { uri: format!("/{}", hit % 7), ..with(Attack::Xss, "a", "<b>") };
            hits.extend(bench.look(&request));
        }
        hits
    };
    assert_eq!(run(), run());
}

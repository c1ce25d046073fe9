//! Facts about sampling, and about blocked sources, of which also only the first ones are told.

mod common;

use attacks::Attack;

use analysis::{Kind, Limits, ShareLimits};
use common::{Bench, Request, START, to, with};

/// Makes attacks a large share of the traffic for the next five minutes: a minute of nothing else.
fn flood(bench: &mut Bench) {
    for second in 0..60 {
        bench.now += 1;
        (0..11).for_each(|attack| _ = bench.look(&with(Attack::Xss, "flood", &format!("{second} {attack}"))));
    }
    assert!(bench.figures().share.is_high);
}

#[test]
fn in_quiet_times_all_of_input_validation_is_sent_and_five_bombs_alike() {
    let mut bench = Bench::new();
    let mut sent = |request: &Request| (0..50).map(|_| bench.look(request).len()).sum::<usize>();
    assert_eq!((sent(&with(Attack::Xss, "a", "<b>")), sent(&with(Attack::DataBomb, "a", "zip"))), (50, 5));
    // Another method, status or source is not alike.
    let bomb = with(Attack::DataBomb, "a", "zip");
    assert_eq!(sent(&Request { method: "PUT", ..bomb.clone() }), 5);
    assert_eq!(sent(&Request { status: 500, ..bomb.clone() }), 5);
    assert_eq!(sent(&bomb.from("198.51.100.9")), 5);
}

#[test]
fn while_attacks_are_a_large_share_a_payload_is_sent_once() {
    let mut bench = Bench::new();
    flood(&mut bench);
    let mut sent = |value: &str| bench.look(&with(Attack::Sqli, "a", value)).len();
    assert_eq!([sent("1"), sent("1"), sent("2"), sent("3"), sent("4"), sent("5")], [1, 0, 1, 1, 1, 1]);
    assert_eq!(sent("6"), 0, "five alike are enough, whatever their payloads");
}

#[test]
fn sampling_ends_by_itself() {
    let mut bench = Bench::new();
    flood(&mut bench);
    bench.now += 400;
    let sent: usize = (0..20).map(|_| bench.look(&with(Attack::Sqli, "a", "1")).len()).sum();
    assert_eq!((sent, bench.figures().share.is_high), (20, false));
}

#[test]
fn a_quiet_minute_ends_it_without_a_request() {
    let mut bench = Bench::new();
    flood(&mut bench);
    bench.now += 400;
    let _ = bench.take();
    assert!(!bench.figures().share.is_high);
}

#[test]
fn the_cloud_may_set_the_limits() {
    let mut bench = Bench::new();
    let share = ShareLimits { high_percent: 0, high_per_second: 0, ..ShareLimits::default() };
    bench.analysis.set_limits(Limits { share });
    let sent: usize = (0..20).map(|_| bench.look(&with(Attack::Sqli, "a", "1")).len()).sum();
    assert_eq!(sent, 1);
}

#[test]
fn what_is_sampled_out_is_counted_all_the_same() {
    let mut bench = Bench::new();
    (0..50).for_each(|_| _ = bench.look(&with(Attack::DataBomb, "a", "zip")));
    let bombs = bench.figures().hits.of(Kind::Sign(Attack::DataBomb));
    assert_eq!((bombs.made, bombs.kept, bombs.sampled), (50, 5, 45));
    let minute = bench.take();
    assert_eq!((minute.counters.requests, minute.counters.attacks), (50, 50));
}

#[test]
fn ten_events_of_a_blocked_source_are_told_in_an_hour() {
    let mut bench = Bench::new();
    let blocked = Request { block_reason: Some("acl_ip"), ..to("/secret?token=1") };
    (0..25).for_each(|_| _ = bench.look(&blocked));
    bench.look(&Request { block_reason: Some("acl_source"), ..blocked.clone() });
    bench.look(&Request { block_reason: Some("rate_limit"), ..blocked.clone() });
    let stats = bench.take().acl;
    assert_eq!((stats.events.len(), stats.sampled), (11, 15));
    let first = &stats.events[0];
    assert_eq!((first.ip.as_str(), first.domain.as_str(), first.time), ("192.0.2.7", "shop.example", START + 1));
    assert!(!serde_json::to_string(&stats).unwrap().contains("secret"));
    bench.look(&blocked);
    assert_eq!((bench.take().acl.sampled, bench.figures().blocked.kept), (1, 11));
    bench.now += 3600;
    bench.look(&blocked);
    assert_eq!(bench.take().acl.events.len(), 1);
}

#[test]
fn events_that_did_not_arrive_stand_first_in_the_next_minute() {
    let mut bench = Bench::new();
    let blocked = |ip: &str| Request { block_reason: Some("acl_ip"), ..to("/") }.from(ip);
    bench.look(&blocked("192.0.2.1"));
    let lost = bench.take();
    bench.look(&blocked("192.0.2.2"));
    bench.analysis.merge_back(lost);
    let minute = bench.take();
    let ips: Vec<_> = minute.acl.events.iter().map(|event| event.ip.as_str()).collect();
    assert_eq!((ips, minute.counters.requests, minute.counters.blocked), (vec!["192.0.2.1", "192.0.2.2"], 2, 2));
}

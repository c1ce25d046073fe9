//! Facts about behaviour: what is counted, and what is an attack because the Cloud says so.

mod common;

use attacks::Attack;
use cloud_api::behaviour::{Behaviour, Reaction, Verdict};
use cloud_api::markers::{Marker, Markers};

use analysis::Kind;
use common::{Bench, Request, START, to, with};

const BRUTE: Kind = Kind::Behaviour(Behaviour::Brute);

/// A bench that counts logins, as marker 3.
fn counting() -> Bench {
    let mut bench = Bench::new();
    let uri = Some("/login".to_owned());
    let marker = Marker { id: 3, kind: Some(Behaviour::Brute), uri, apps: Vec::new(), sources: Vec::new(), window: 60 };
    assert!(bench.analysis.set_markers(&Markers(vec![marker])).is_empty());
    bench
}

fn mark(bench: &mut Bench, until: u64, reaction: Reaction) {
    let ip = std::net::Ipv4Addr::new(192, 0, 2, 7).into();
    let verdict = Verdict { kind: Some(Behaviour::Brute), ip, app: -1, counter: 3, until: START + until, reaction };
    let (now, wall) = bench.moment();
    bench.analysis.set_marks(&[verdict], now, wall);
}

#[test]
fn requests_of_each_source_and_application_are_counted_apart() {
    let mut bench = counting();
    (0..3).for_each(|_| assert!(bench.look(&to("/login")).is_empty()));
    bench.look(&to("/login").from("2001:db8::1"));
    bench.look(&Request { app: 5, ..to("/login") });
    bench.look(&to("/other"));
    let mut told: Vec<_> =
        bench.take().behaviour.iter().map(|told| (told.ip.to_string(), told.app, told.count)).collect();
    told.sort();
    let expected = [("192.0.2.7".to_owned(), -1, 3), ("192.0.2.7".to_owned(), 5, 1), ("2001:db8::1".to_owned(), -1, 1)];
    assert_eq!(told, expected);
}

#[test]
fn requests_with_signs_of_attacks_are_not_counted() {
    let mut bench = counting();
    let login = |request: Request| Request { uri: "/login".to_owned(), ..request };
    bench.look(&login(with(Attack::Sqli, "a", "' or")));
    bench.look(&Request { on_trial: true, ..login(with(Attack::Sqli, "a", "' or")) });
    assert!(bench.take().behaviour.is_empty());
}

#[test]
fn a_marked_source_makes_hits_with_requests_that_are_counted_and_no_others() {
    let mut bench = counting();
    assert!(bench.look(&to("/login")).is_empty());
    mark(&mut bench, 100, Reaction::Mark);
    let hit = bench.look(&to("/login?user=a")).remove(0);
    assert_eq!((hit.kind.as_str(), hit.value.as_str(), hit.path.as_str()), ("brute", "", "/login"));
    assert_eq!((hit.point.len(), hit.attackid.len(), hit.id.1.as_str()), (0, 1, "brute"));
    assert!(bench.look(&to("/other")).is_empty());
    assert!(bench.look(&to("/login").from("192.0.2.8")).is_empty());
    assert!(bench.look(&Request { app: 5, ..to("/login") }).is_empty());
    let minute = bench.take();
    assert_eq!((minute.counters.requests, minute.counters.attacks), (5, 1));
    assert_eq!(minute.behaviour.iter().map(|told| told.count).sum::<u64>(), 4);
}

#[test]
fn a_mark_ends_when_its_time_is_over() {
    let mut bench = counting();
    mark(&mut bench, 100, Reaction::Mark);
    bench.now = 99;
    assert_eq!(bench.look(&to("/login")).len(), 1);
    bench.now = 100;
    assert!(bench.look(&to("/login")).is_empty());
    mark(&mut bench, 200, Reaction::Mark);
    assert_eq!(bench.look(&to("/login")).len(), 1);
    mark(&mut bench, 0, Reaction::Mark);
    assert!(bench.look(&to("/login")).is_empty());
}

#[test]
fn reactions_that_are_for_the_lists_of_addresses_mark_nobody() {
    let mut bench = counting();
    for reaction in [Reaction::Denylist, Reaction::Graylist, Reaction::Other] {
        mark(&mut bench, 100, reaction);
        assert!(bench.look(&to("/login")).is_empty());
    }
}

#[test]
fn hits_of_behaviour_are_sampled_and_counted() {
    let mut bench = counting();
    mark(&mut bench, 1000, Reaction::Mark);
    let sent: usize = (0..40).map(|_| bench.look(&to("/login")).len()).sum();
    let tally = bench.figures().hits.of(BRUTE);
    assert_eq!((sent, tally.made, tally.kept, tally.sampled), (5, 40, 5, 35));
    assert_eq!(bench.take().behaviour[0].count, 40);
}

#[test]
fn without_their_marker_marks_mean_nothing() {
    let mut bench = counting();
    mark(&mut bench, 1000, Reaction::Mark);
    bench.look(&to("/login"));
    assert!(bench.analysis.set_markers(&Markers::default()).is_empty());
    assert!(bench.look(&to("/login")).is_empty());
    assert_eq!(bench.take().behaviour[0].count, 1, "what was counted before is told");
}

#[test]
fn increments_that_did_not_arrive_are_merged_into_the_next() {
    let mut bench = counting();
    (0..3).for_each(|_| _ = bench.look(&to("/login")));
    let lost = bench.take();
    assert_eq!(lost.behaviour[0].count, 3);
    bench.now += 60;
    (0..2).for_each(|_| _ = bench.look(&to("/login")));
    bench.analysis.merge_back(lost);
    let told = bench.take().behaviour;
    assert_eq!((told.len(), told[0].count), (1, 5));
    assert_eq!((told[0].window.from, told[0].window.to), (START + 1, START + 61));
}

use super::*;
use crate::moment::{Moment, UnixMillis};

const START: u64 = 1_700_000_000;

fn hashing() -> Hashing {
    Hashing::new(&[5; 16])
}

fn clocks(now: u32) -> Clocks {
    Clocks { now: Moment(u64::from(now) * 1000), wall: UnixMillis((START + u64::from(now)) * 1000) }
}

fn subject(number: u32) -> Subject {
    Subject { kind: Behaviour::Brute, source: std::net::Ipv4Addr::from_bits(number).into(), app: -1, counter: 3 }
}

fn count(counted: &mut Counted, number: u32, now: u32) {
    let subject = subject(number);
    counted.count(subject.key(&hashing()), &subject, 60, now);
}

/// All at once.
fn take(counted: &mut Counted, clocks: Clocks) -> Vec<Increment> {
    let mut telling = counted.begin();
    while counted.go_on(&mut telling, usize::MAX, clocks) {}
    telling.increments
}

fn counted() -> Counted {
    Counted::new(1 << 20, 1 << 20)
}

#[test]
fn an_increment_says_who_made_how_many_requests_and_when() {
    let mut counted = counted();
    [10, 12, 40].iter().for_each(|now| count(&mut counted, 0xc000_0207, *now));
    let told = take(&mut counted, clocks(60));
    let expected = Increment {
        window: Span { from: START + 10, to: START + 40 },
        kind: Behaviour::Brute,
        ip: "192.0.2.7".parse().unwrap(),
        app: -1,
        counter: 3,
        count: 3,
        recent: 3,
    };
    assert_eq!(told, [expected]);
    assert!(take(&mut counted, clocks(120)).is_empty());
    count(&mut counted, 0xc000_0207, 75);
    let told = take(&mut counted, clocks(80));
    assert_eq!((told[0].count, told[0].recent, told[0].window.from), (1, 2, START + 75));
}

#[test]
fn what_did_not_arrive_is_part_of_the_next_increment() {
    let mut counted = counted();
    count(&mut counted, 1, 10);
    count(&mut counted, 2, 11);
    let lost = take(&mut counted, clocks(60));
    count(&mut counted, 1, 70);
    for increment in &lost {
        counted.give_back(&hashing(), increment, Some(60), clocks(75));
    }
    let mut told = take(&mut counted, clocks(120));
    told.sort_by_key(|increment| increment.ip);
    let seen: Vec<_> = told.iter().map(|told| (told.count, told.window.from - START, told.window.to - START)).collect();
    assert_eq!(seen, [(2, 10, 70), (1, 11, 11)]);
}

#[test]
fn what_comes_back_after_it_was_forgotten_is_told_all_the_same() {
    let (mut counted, mut other) = (counted(), counted());
    count(&mut counted, 1, 10);
    let lost = take(&mut counted, clocks(60));
    other.give_back(&hashing(), &lost[0], None, clocks(61));
    let told = take(&mut other, clocks(62));
    assert_eq!((told[0].ip, told[0].count, told[0].window), (lost[0].ip, 1, lost[0].window));
}

#[test]
fn the_largest_increments_go_first_when_there_are_too_many() {
    let room = 20 * size_of::<Increment>();
    let mut counted = Counted::new(1 << 20, room);
    (0..100).for_each(|source| count(&mut counted, source, 10));
    (0..15).for_each(|source| (0..9).for_each(|_| count(&mut counted, 1000 + source, 11)));
    let told = take(&mut counted, clocks(60));
    assert_eq!((told.len(), told.iter().filter(|told| told.count == 9).count()), (20, 15));
    let rest: u64 = (0..10).flat_map(|_| take(&mut counted, clocks(70))).map(|told| told.count).sum();
    assert_eq!(rest, 95);
}

#[test]
fn a_heavy_source_is_not_pushed_out_by_a_million_of_others() {
    let mut counted = Counted::new(256 << 10, 1 << 20);
    (0..30).for_each(|_| count(&mut counted, 7, 10));
    (0..1_000_000).for_each(|source| count(&mut counted, 1000 + source, 11));
    let told: Vec<_> = (0..100).flat_map(|_| take(&mut counted, clocks(20))).collect();
    let heavy = told.iter().find(|told| told.ip == subject(7).source).unwrap();
    assert_eq!((heavy.count, heavy.recent), (30, 30));
    let kept: u64 = told.iter().map(|told| told.count).sum();
    assert_eq!(kept + counted.lost(), 1_000_030);
}

#[test]
fn what_was_not_told_matters_after_its_window_too() {
    let mut counted = Counted::new(0, 1 << 20);
    (0..30).for_each(|_| count(&mut counted, 7, 10));
    (0..10_000).for_each(|source| count(&mut counted, 1000 + source, 500));
    assert!(take(&mut counted, clocks(501)).iter().any(|told| told.count == 30 && told.recent == 0));
}

#[test]
fn a_marker_with_another_window_begins_it_anew_and_loses_nothing() {
    let mut counted = counted();
    count(&mut counted, 1, 10);
    let subject = subject(1);
    counted.count(subject.key(&hashing()), &subject, 3600, 20);
    let told = take(&mut counted, clocks(60));
    assert_eq!((told[0].count, told[0].recent), (2, 1));
}

#[test]
fn what_is_counted_between_two_pieces_is_told_now_or_next_and_never_twice() {
    let mut counted = Counted::new(256 << 10, 1 << 20);
    (0..500).for_each(|source| count(&mut counted, source, 10));
    let (mut telling, mut rounds) = (counted.begin(), 0);
    while counted.go_on(&mut telling, 1, clocks(11)) {
        (0..500).for_each(|source| count(&mut counted, source, 11));
        rounds += 1;
    }
    let now: u64 = telling.increments.iter().map(|told| told.count).sum();
    let later: u64 = (0..10).flat_map(|_| take(&mut counted, clocks(12))).map(|told| told.count).sum();
    assert!(rounds > 10 && now >= 500 && later > 0, "{rounds} rounds, {now} now, {later} later");
    assert_eq!(now + later + counted.lost(), 500 * (rounds + 1));
    assert!(counted.untold.0[1..].iter().all(|count| *count == 0), "{:?}", counted.untold);
}

#[test]
fn no_more_is_handed_out_than_fits_though_more_is_counted_meanwhile() {
    let mut counted = Counted::new(256 << 10, 20 * size_of::<Increment>());
    (0..30).for_each(|source| count(&mut counted, source, 10));
    let mut telling = counted.begin();
    while counted.go_on(&mut telling, 1, clocks(11)) {
        (0..500).for_each(|source| count(&mut counted, source, 11));
    }
    assert_eq!(telling.increments.len(), 20);
}

#[test]
fn an_entry_is_small() {
    assert!(size_of::<Count>() <= 88, "{}", size_of::<Count>());
}

use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use proptest::prelude::*;

use super::*;

const SECOND: Span = 1_000_000_000;
const START: Span = 1_000 * SECOND;

fn memory(words: usize) -> Vec<AtomicU64> {
    (0..words).map(|_| AtomicU64::new(0)).collect()
}

fn table(words: &[AtomicU64]) -> Table<'_> {
    Table::prepare(words, [3, 4], 2, 8 * words.len() as u64).unwrap()
}

fn owner(pid: u32) -> Owner {
    Owner { pid, alive: |_| true }
}

fn limit(arguments: &str) -> RateLimit {
    RateLimit::parse(arguments.split(' ')).unwrap()
}

/// How many of `requests` at the same moment pass at once, are delayed and are refused.
fn at_once(limit: &RateLimit, requests: usize) -> [usize; 3] {
    let words = memory(4096);
    let table = table(&words);
    let key = table.key(limit, b"a");
    let mut counts = [0; 3];
    for _ in 0..requests {
        match table.check(owner(1), key, limit, START) {
            Decision::Pass => counts[0] += 1,
            Decision::Delay(_) => counts[1] += 1,
            Decision::Refuse => counts[2] += 1,
        }
    }
    counts
}

#[test]
fn without_a_burst_every_second_request_at_a_time_is_refused() {
    assert_eq!(at_once(&limit("k rate=10r/s"), 4), [1, 0, 3]);
}

#[test]
fn a_burst_is_delayed_unless_told_otherwise() {
    assert_eq!(at_once(&limit("k rate=10r/s burst=5"), 9), [1, 5, 3]);
    assert_eq!(at_once(&limit("k rate=10r/s burst=5 delay=2"), 9), [3, 3, 3]);
    assert_eq!(at_once(&limit("k rate=10r/s burst=5 nodelay"), 9), [6, 0, 3]);
}

#[test]
fn a_delay_spreads_the_burst_at_the_rate() {
    let limit = limit("k rate=10r/s burst=5");
    let mut empty_at = 0;
    let delays = [0, 1, 2].map(|_| {
        let (decision, next) = limit.decide(empty_at, START);
        empty_at = next;
        decision
    });
    assert_eq!(delays, [Decision::Pass, Decision::Delay(SECOND / 10), Decision::Delay(SECOND / 5)]);
}

#[test]
fn a_rate_may_be_given_by_the_minute() {
    let limit = limit("k rate=30r/m");
    let (_, empty_at) = limit.decide(0, START);
    assert_eq!(empty_at, START + 2 * SECOND);
}

#[test]
fn arguments_that_make_no_limit_are_refused_by_name() {
    let error = |arguments: &str| RateLimit::parse(arguments.split(' ')).unwrap_err().to_string();
    for (arguments, part) in [
        ("k", "the rate is missing"),
        ("", "the key is missing"),
        ("k rate=10", "\"10\" is not a rate"),
        ("k rate=0r/s", "\"0r/s\" is not a rate"),
        ("k rate=-1r/s", "is not a rate"),
        ("k rate=2000000000r/s", "is not a rate"),
        ("k rate=1r/s burst=x", "\"burst=x\" is not a number"),
        ("k rate=1r/s burst=-1", "\"burst=-1\" is not a number"),
        ("k rate=1r/s delay=1 nodelay", "\"nodelay\" repeats or contradicts"),
        ("k rate=1r/s rate=2r/s", "\"rate=2r/s\" repeats"),
        ("k rate=1r/s zone=x", "unknown parameter \"zone=x\""),
    ] {
        assert!(error(arguments).contains(part), "{arguments}: {}", error(arguments));
    }
}

#[test]
fn a_key_counts_for_its_limit_and_value_alone() {
    let words = memory(4096);
    let table = table(&words);
    let (one, other) = (limit("k rate=1r/s"), limit("k rate=2r/s"));
    assert_eq!(table.key(&one, b"a"), table.key(&one.clone(), b"a"));
    assert_ne!(table.key(&one, b"a"), table.key(&other, b"a"));
    assert_ne!(table.key(&one, b"a"), table.key(&one, b"b"));
    let long = [b'a'; 8002];
    assert_eq!(table.key(&one, &long), table.key(&one, &long[..8001]));
    assert_ne!(table.key(&one, &long), table.key(&one, &long[..7999]));
}

#[test]
fn idle_keys_are_swept_in_steps_and_their_places_counted_back() {
    let words = memory(100_000);
    let table = table(&words);
    let limit = limit("k rate=1r/s burst=100 nodelay");
    for number in 0..1000_u32 {
        table.check(owner(1), table.key(&limit, &number.to_be_bytes()), &limit, START);
    }
    let busy = table.key(&limit, b"busy");
    (0..10).for_each(|_| _ = table.check(owner(1), busy, &limit, START));
    assert_eq!(table.statistics().entries, 1001);

    let (mut steps, later) = (0, START + 2 * SECOND);
    for part in 0..2 {
        let mut position = Some(SweepPosition::default());
        while let Some(from) = position {
            position = table.sweep(owner(1), part, from, 100, later);
            steps += 1;
        }
    }
    let statistics = table.statistics();
    assert!(steps > 20, "{steps} steps");
    assert_eq!((statistics.entries, statistics.expired), (1, 1000));
    assert_eq!(limit.decide(0, later).0, Decision::Pass);
    let left = (0..200).filter(|_| table.check(owner(1), busy, &limit, later) == Decision::Pass).count();
    assert_eq!(left, 93, "two of the ten requests have leaked out, and 101 pass at once");
}

#[test]
fn a_worker_without_a_part_sweeps_nothing() {
    let words = memory(4096);
    assert_eq!(table(&words).sweep(owner(1), 2, SweepPosition::default(), 100, START), None);
}

#[test]
fn keys_that_are_made_up_push_out_each_other_and_not_one_that_is_limited() {
    let words = memory(Table::LEAST_WORDS);
    let table = table(&words);
    let limit = limit("k rate=1r/s burst=3 nodelay");
    let limited = table.key(&limit, b"limited");
    (0..10).for_each(|_| _ = table.check(owner(1), limited, &limit, START));
    for number in 0..100_u32 {
        assert_eq!(table.check(owner(1), table.key(&limit, &number.to_be_bytes()), &limit, START), Decision::Pass);
    }
    assert_eq!(table.check(owner(1), limited, &limit, START), Decision::Refuse);
    let statistics = table.statistics();
    assert_eq!((statistics.entries, statistics.removed, statistics.no_free_nodes), (10, 91, 0));
}

#[test]
fn a_key_that_finds_only_limited_ones_passes_and_is_counted() {
    let words = memory(Table::LEAST_WORDS);
    let table = table(&words);
    let limit = limit("k rate=1r/s burst=3 nodelay");
    for number in 0..40_u32 {
        table.check(owner(1), table.key(&limit, &(number % 10).to_be_bytes()), &limit, START);
    }
    let new = table.key(&limit, b"new");
    assert_eq!(table.check(owner(1), new, &limit, START), Decision::Pass);
    assert_eq!((table.statistics().entries, table.statistics().no_free_nodes), (10, 1));
}

#[test]
fn a_lock_whose_holder_was_killed_is_taken_over() {
    let words = memory(Table::LEAST_WORDS);
    let table = table(&words);
    let limit = limit("k rate=1r/s");
    // The first word after header and counters is the lock of the first set.
    words[Table::LEAST_WORDS - 33].store(99, Relaxed);
    let widow = Owner { pid: 7, alive: |pid| pid != 99 };
    assert_eq!(table.check(widow, table.key(&limit, b"a"), &limit, START), Decision::Pass);
    assert_eq!(table.check(owner(8), table.key(&limit, b"a"), &limit, START), Decision::Refuse);
}

#[test]
fn workers_at_the_same_moment_admit_no_more_than_the_burst() {
    let words = memory(4096);
    let table = table(&words);
    let limit = limit("k rate=1r/s burst=50 nodelay");
    let key = table.key(&limit, b"a");
    let passed: usize = std::thread::scope(|scope| {
        let worker = |pid| {
            let limit = &limit;
            scope.spawn(move || {
                (0..1000).filter(|_| table.check(owner(pid), key, limit, START) == Decision::Pass).count()
            })
        };
        let workers: Vec<_> = (1..=4).map(worker).collect();
        workers.into_iter().map(|worker| worker.join().unwrap()).sum()
    });
    assert_eq!(passed, 51);
    assert_eq!(table.statistics().exceeded, 4000 - 51);
}

#[test]
fn what_was_counted_survives_a_new_configuration_and_a_foreign_layout_does_not() {
    let words = memory(4096);
    let limit = limit("k rate=1r/s");
    let first = table(&words);
    let key = first.key(&limit, b"a");
    first.check(owner(1), key, &limit, START);
    let second = Table::prepare(&words, [8, 9], 4, 1).unwrap();
    assert_eq!(second.key(&limit, b"a"), key, "the seed stays");
    assert_eq!(second.check(owner(1), key, &limit, START), Decision::Refuse);

    words[0].store(1, Relaxed);
    assert_eq!(table(&words).statistics().entries, 0);
}

#[test]
fn too_little_memory_is_an_error_that_says_how_much_is_needed() {
    let words = memory(Table::LEAST_WORDS - 1);
    let error = Table::prepare(&words, [0, 0], 1, 0).unwrap_err();
    assert!(error.to_string().starts_with(&format!("{} words", Table::LEAST_WORDS)), "{error}");
}

/// `limit_req` in exact numbers: the excess of each key and when it was last counted, both in nanoseconds.
#[derive(Default)]
struct Model(BTreeMap<u8, (u64, Span)>);

impl Model {
    /// Excess as a multiple of the interval's nanoseconds, or none when refused.
    fn request(&mut self, key: u8, interval: u64, burst: u64, now: Span) -> Option<u64> {
        let excess = match self.0.get(&key) {
            None => 0,
            Some((excess, last)) => (excess + interval).saturating_sub(now - last),
        };
        if excess > burst * interval {
            return None;
        }
        self.0.insert(key, (excess, now));
        Some(excess)
    }
}

proptest! {
    #[test]
    fn decisions_are_those_of_limit_req(
        rate in 1_u32..50,
        burst in 0_u32..6,
        delay in 0_u32..6,
        requests in proptest::collection::vec((0_u8..4, 0_u64..SECOND / 4, any::<bool>()), 1..200),
    ) {
        let words = memory(4096);
        let table = table(&words);
        let limit = limit(&format!("k rate={rate}r/s burst={burst} delay={delay}"));
        let interval = SECOND / u64::from(rate);
        let (mut model, mut now) = (Model::default(), START);
        for (key, pause, sweep) in requests {
            now += pause;
            if sweep {
                // Forgetting idle keys changes no decision.
                for part in 0..2 {
                    prop_assert_eq!(table.sweep(owner(1), part, SweepPosition::default(), usize::MAX, now), None);
                }
            }
            let expected = match model.request(key, interval, u64::from(burst), now) {
                None => Decision::Refuse,
                Some(excess) if excess > u64::from(delay) * interval => {
                    Decision::Delay(excess - u64::from(delay) * interval)
                }
                Some(_) => Decision::Pass,
            };
            prop_assert_eq!(table.check(owner(1), table.key(&limit, &[key]), &limit, now), expected);
        }
    }

    #[test]
    fn any_memory_size_makes_a_table_that_counts_its_entries(
        words in Table::LEAST_WORDS..4000,
        keys in proptest::collection::vec(any::<u16>(), 1..300),
    ) {
        let words = memory(words);
        let table = table(&words);
        let limit = limit("k rate=1r/s");
        for key in &keys {
            table.check(owner(1), table.key(&limit, &key.to_be_bytes()), &limit, START);
        }
        let distinct = keys.iter().collect::<std::collections::BTreeSet<_>>().len() as u64;
        let statistics = table.statistics();
        prop_assert!(statistics.entries <= distinct);
        prop_assert!(statistics.entries > 0);
        let later = START + SECOND;
        for part in 0..2 {
            prop_assert_eq!(table.sweep(owner(1), part, SweepPosition::default(), usize::MAX, later), None);
        }
        prop_assert_eq!(table.statistics().entries, 0);
    }
}

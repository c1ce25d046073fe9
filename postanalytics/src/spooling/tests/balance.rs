//! Each attack is in one place, whatever happens.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

#[test]
fn the_balance_holds_at_every_moment_whatever_threads_do() {
    let place = Place::new();
    let spooler = place.start();
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let exporter = || {
            while !stop.load(Ordering::SeqCst) {
                spooler.wait_for_entries(Duration::from_millis(10));
                spooler.next(7).iter().for_each(|entry| spooler.done(entry.sequence));
            }
        };
        scope.spawn(exporter);
        scope.spawn(exporter);
        scope.spawn(|| {
            while !stop.load(Ordering::SeqCst) {
                check(&spooler);
            }
        });
        for round in 0..20 {
            place.fill(round % 3 == 1);
            offer(&spooler, round * 500..(round + 1) * 500);
        }
        place.fill(false);
        wait_until("all to be dealt with", || {
            let figures = check(&spooler);
            figures.done + figures.dropped == 10_000
        });
        stop.store(true, Ordering::SeqCst);
    });
    assert_eq!(check(&spooler).oldest, None);
}

#[derive(Clone, Debug)]
enum Step {
    Offer(usize),
    Fill(bool),
    Take(usize),
    Done(usize),
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => (0_usize..2000).prop_map(Step::Offer),
        1 => any::<bool>().prop_map(Step::Fill),
        3 => (1_usize..9).prop_map(Step::Take),
        4 => any::<usize>().prop_map(Step::Done),
        1 => Just(Step::Restart),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn each_attack_is_dealt_with_once_or_counted_as_dropped(steps in prop::collection::vec(step(), 1..60)) {
        let place = Place::new();
        let mut spooler = place.start();
        let (mut offered, mut dealt_with, mut dropped, mut out) = (0, BTreeSet::new(), 0, Vec::new());
        let deal = |spooler: &Spooler, entry: Entry, dealt_with: &mut BTreeSet<u64>| {
            spooler.done(entry.sequence);
            assert!(dealt_with.insert(entry.written), "{} came twice", entry.written);
        };
        for step in steps {
            match step {
                Step::Offer(length) => {
                    spooler.offer(&vec![b'x'; length], offered, false);
                    offered += 1;
                }
                Step::Fill(full) => place.fill(full),
                Step::Take(most) => out.extend(spooler.next(most)),
                Step::Done(which) if !out.is_empty() => {
                    let entry = out.swap_remove(which % out.len());
                    deal(&spooler, entry, &mut dealt_with);
                }
                Step::Done(_) => {}
                Step::Restart => {
                    place.fill(false);
                    prop_assert!(spooler.flush(Instant::now() + LONG));
                    dropped += check(&spooler).dropped;
                    out.clear();
                    drop(spooler);
                    spooler = restart(&place);
                }
            }
            check(&spooler);
        }
        place.fill(false);
        prop_assert!(spooler.flush(Instant::now() + LONG));
        dropped += check(&spooler).dropped;
        drop(spooler);
        spooler = restart(&place);
        let rest = check(&spooler).spooled.count as usize;
        prop_assert!(arrivals(&take(&spooler, rest)).iter().all(|arrival| dealt_with.insert(*arrival)));
        prop_assert_eq!(dealt_with.len() as u64 + dropped, offered);
        drop(place.folder);
    }
}

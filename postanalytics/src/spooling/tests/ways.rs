//! Through memory and disk to whoever exports.

use super::*;

#[test]
fn what_is_offered_is_handed_out_from_disk_and_gone_once_it_is_done() {
    let place = Place::new();
    let spooler = place.start();
    offer(&spooler, 0..5);
    let taken = take(&spooler, 5);
    assert_eq!(arrivals(&taken), [0, 1, 2, 3, 4]);
    assert_eq!(taken[3].bytes, b"{\"hit\":3}");
    assert!(taken.iter().all(|entry| !is_in_memory(entry.sequence)));
    assert_eq!(check(&spooler).in_flight, 5);
    taken[..3].iter().for_each(|entry| spooler.done(entry.sequence));
    spooler.done(taken[3].sequence);
    // A second time changes nothing.
    spooler.done(taken[3].sequence);
    let figures = check(&spooler);
    assert_eq!((figures.done, figures.in_flight), (4, 1));
    assert_eq!(figures.oldest, Some(4));
    assert!(spooler.flush(Instant::now() + LONG));
    drop(spooler);
    let spooler = restart(&place);
    assert_eq!(arrivals(&take(&spooler, 1)), [4]);
    assert_eq!(check(&spooler).recovered, 1);
    assert_eq!(place.lines(), ["Info 1 attacks wait in the spool"]);
}

#[test]
fn a_batch_waits_for_its_time_or_for_enough_bytes() {
    let mut place = Place::new();
    place.options.period = Duration::from_secs(86400);
    let spooler = place.start();
    spooler.offer(b"{}", 1, false);
    assert!(!spooler.wait_for_entries(Duration::from_millis(200)));
    assert_eq!(check(&spooler).waiting.count, 1);
    spooler.offer(&vec![b'x'; place.options.budget / 4], 2, false);
    assert_eq!(arrivals(&take(&spooler, 2)), [1, 2]);
    assert_eq!(check(&spooler).waiting, Amount::default());
}

#[test]
fn no_snapshot_period_means_half_a_second() {
    let mut place = Place::new();
    place.options.period = Duration::ZERO;
    let spooler = place.start();
    let begin = Instant::now();
    spooler.offer(b"{}", 1, false);
    take(&spooler, 1);
    assert!((Duration::from_millis(450)..Duration::from_secs(30)).contains(&begin.elapsed()), "{:?}", begin.elapsed());
}

#[test]

fn an_attack_that_fits_nowhere_is_dropped_and_the_next_is_not() {
    let place = Place::new();
    let spooler = place.start();
    spooler.offer(&vec![b'x'; place.options.budget], 1, false);
    spooler.offer(b"{}", 2, false);
    assert_eq!(arrivals(&take(&spooler, 1)), [2]);
    assert_eq!(check(&spooler).dropped, 1);
}

//! Disks that hang, are full or cannot be used.

use std::fs;

use super::*;
use crate::system::unix_now;

#[test]
fn offering_does_not_wait_for_a_disk_that_hangs() {
    let place = Place::new();
    let (spooler, gate) = place.start_gated();
    offer(&spooler, 0..10);
    wait_until("the writer to be at work", || spooler.shared.disk.try_lock().is_err());
    offer(&spooler, 10..20_000);
    let figures = check(&spooler);
    assert_eq!(figures.offered, 20_000);
    assert!(figures.dropped > 0 && figures.waiting.bytes <= place.options.budget as u64, "{figures:?}");
    assert_eq!(figures.oldest, Some(0), "what is being written does not give way");
    drop(gate);
    assert_eq!(arrivals(&take(&spooler, 10)), (0..10).collect::<Vec<_>>());
    check(&spooler);
}

#[test]
fn a_full_disk_is_told_once_does_not_stop_export_and_is_forgotten_when_there_is_room() {
    let place = Place::new();
    let spooler = place.start();
    offer(&spooler, 0..2);
    wait_until("the first to be on disk", || check(&spooler).spooled.count == 2);
    place.fill(true);
    offer(&spooler, 2..6);
    wait_until("the disk to be full", || check(&spooler).degraded.is_some());
    let taken = take(&spooler, 4);
    assert_eq!(arrivals(&taken), [0, 1, 2, 3], "what is on disk comes first");
    assert!(!is_in_memory(taken[1].sequence) && is_in_memory(taken[2].sequence));
    let lines = place.wait_for_lines(1);
    assert!(lines[0].starts_with("Error attacks are kept in memory only, "), "{lines:?}");
    assert!(lines[0].contains("/spool/1.seg: cannot write to the spool: "), "{lines:?}");
    let degraded = check(&spooler).degraded.unwrap();
    assert!(degraded.why.starts_with("/spool/1.seg: ") && degraded.since.abs_diff(unix_now()) < 60_000);
    place.fill(false);
    wait_until("the disk to be used again", || check(&spooler).degraded.is_none());
    assert_eq!(place.wait_for_lines(2)[1], "Info attacks are saved on disk again");
    taken.iter().for_each(|entry| spooler.done(entry.sequence));
    assert_eq!(arrivals(&take(&spooler, 2)), [4, 5]);
    assert_eq!((check(&spooler).done, check(&spooler).dropped), (4, 0));
    assert_eq!(place.lines().len(), 2);
}

#[test]
fn a_disk_that_failed_is_found_to_work_again_though_nothing_waits() {
    let place = Place::new();
    let spooler = place.start();
    place.fill(true);
    offer(&spooler, 0..1);
    take(&spooler, 1).iter().for_each(|entry| spooler.done(entry.sequence));
    assert!(check(&spooler).degraded.is_some());
    place.fill(false);
    wait_until("the disk to be used again", || check(&spooler).degraded.is_none());
}

#[test]
fn when_memory_is_full_the_oldest_give_way_and_it_is_told() {
    let place = Place::new();
    let spooler = place.start();
    place.fill(true);
    let before = unix_now();
    offer(&spooler, 0..5000);
    let figures = check(&spooler);
    assert!(figures.dropped > 1000 && figures.last_drop >= Some(before), "{figures:?}");
    wait_until("a line about it", || {
        place.lines().iter().any(|line| line.contains("attacks were dropped before they were exported"))
    });
    place.fill(false);
    wait_until("the rest to be written", || check(&spooler).waiting.count == 0);
    let figures = check(&spooler);
    let rest = take(&spooler, figures.spooled.count as usize);
    assert_eq!(arrivals(&rest), (figures.dropped..5000).collect::<Vec<_>>());
}

#[test]
fn a_folder_that_cannot_be_opened_is_tried_again() {
    let place = Place::new();
    fs::write(&place.options.directory, "in the way").unwrap();
    let spooler = place.start();
    assert!(place.lines()[0].contains("/spool/lock: cannot open the spool: Not a directory"), "{:?}", place.lines());
    offer(&spooler, 0..3);
    let taken = take(&spooler, 1);
    assert!(is_in_memory(taken[0].sequence));
    spooler.done(taken[0].sequence);
    check(&spooler);
    fs::remove_file(&place.options.directory).unwrap();
    wait_until("the folder to be used", || check(&spooler).degraded.is_none());
    assert_eq!(arrivals(&take(&spooler, 2)), [1, 2]);
    check(&spooler);
}

#[test]
fn what_gives_way_on_disk_is_counted_with_what_gives_way_in_memory() {
    let mut place = Place::new();
    place.options.limit = 100_000;
    let spooler = place.start();
    for number in 0..200 {
        spooler.offer(&[b'x'; 2000], number, number % 3 > 0);
        wait_until("it to be written", || check(&spooler).waiting.count == 0);
    }
    let figures = check(&spooler);
    assert!(figures.dropped > 100 && figures.spooled.bytes <= 100_000 && figures.last_drop.is_some(), "{figures:?}");
    assert_eq!(figures.oldest, Some(figures.dropped));
    assert_eq!(figures.dropped_requests, figures.dropped.div_ceil(3), "three hits a request");
}

#[test]
fn a_request_of_which_several_hits_give_way_is_one() {
    let place = Place::new();
    let spooler = place.start();
    place.fill(true);
    // Those of the first are on their way to the Cloud when others give way.
    (0..4).for_each(|number| spooler.offer(b"{}", number, number > 0));
    let taken = take(&spooler, 3);
    assert!(is_in_memory(taken[0].sequence));
    (4..8000).for_each(|number| spooler.offer(b"{}", number, number % 4 > 0));
    let figures = check(&spooler);
    assert!(figures.dropped > 100, "{figures:?}");
    assert_eq!(figures.dropped_requests, (figures.dropped + 3).div_ceil(4), "the first counts, of which one gave way");
}

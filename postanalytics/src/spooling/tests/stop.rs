//! The stop, and a start that must not be.

use std::fs;

use spool::layout::{Format, Header, SEGMENT_FORMAT, segment_name};

use super::*;

#[test]
fn a_newer_spool_keeps_the_server_from_starting() {
    let place = Place::new();
    fs::create_dir(&place.options.directory).unwrap();
    let newer = Header::encode(Format { version: 3, ..SEGMENT_FORMAT }, 1);
    fs::write(place.options.directory.join(segment_name(1)), newer).unwrap();
    let Err(error) = Spooler::start(place.options.clone(), place.say()) else { panic!("it started") };
    assert!(matches!(error, StartError::Newer(_)));
    assert!(error.to_string().contains("has format 3"), "{error}");
    assert_eq!(place.lines(), [format!("Fatal {error}")]);
}

#[test]
fn the_stop_saves_what_is_in_memory_and_what_was_handed_out_from_there() {
    let mut place = Place::new();
    place.options.period = LONG;
    let spooler = place.start();
    place.fill(true);
    offer(&spooler, 0..200);
    // More than a quarter of the budget: the writer tries at once.
    spooler.offer(&[b'x'; 20_000], 200, false);
    let taken = take(&spooler, 2);
    assert!(is_in_memory(taken[0].sequence));
    place.fill(false);
    assert!(spooler.flush(Instant::now() + LONG));
    let figures = check(&spooler);
    assert_eq!((figures.waiting.count, figures.in_flight, figures.spooled.count), (0, 0, 201));
    drop(spooler);
    assert_eq!(arrivals(&take(&restart(&place), 201)), (0..=200).collect::<Vec<_>>());
}

#[test]
fn the_stop_gives_up_on_a_full_disk_when_its_time_is_over_and_tells_what_is_lost() {
    let place = Place::new();
    let spooler = place.start();
    place.fill(true);
    offer(&spooler, 0..7);
    let begin = Instant::now();
    assert!(!spooler.flush(begin + Duration::from_millis(300)));
    assert!(begin.elapsed() < Duration::from_secs(20));
    assert_eq!(place.lines().last().unwrap(), "Error 7 attacks could not be saved and are lost");
}

#[test]
fn the_stop_does_not_wait_for_a_disk_that_hangs() {
    let place = Place::new();
    let (spooler, gate) = place.start_gated();
    offer(&spooler, 0..1);
    wait_until("the writer to be at work", || spooler.shared.disk.try_lock().is_err());
    assert!(!spooler.flush(Instant::now() + Duration::from_millis(100)));
    drop(gate);
}

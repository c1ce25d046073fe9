//! The spooler with a real spool whose disk fails on demand.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::{fs, io};

use proptest::prelude::*;
use spool::layout::{Header, SEGMENT_MAGIC, segment_name};
use spool::{ReadError, State, WriteError};
use tempfile::TempDir;

use super::*;

/// Longer than anything here takes.
const LONG: Duration = Duration::from_secs(60);

/// A disk that a test can fill.
struct Fragile {
    spool: Box<dyn Disk>,
    full: Arc<AtomicBool>,
    /// If there is one, each write waits for a word.
    gate: Option<Receiver<()>>,
}

impl Fragile {
    fn works(&self) -> Result<(), WriteError> {
        let (path, source) = (PathBuf::from("/spool/1.seg"), io::ErrorKind::StorageFull.into());
        if self.full.load(Ordering::SeqCst) { Err(WriteError::Write { path, source }) } else { Ok(()) }
    }
}

impl Disk for Fragile {
    fn write(&mut self, batch: &[(u64, &[u8])]) -> Result<(), WriteError> {
        self.gate.as_ref().map(Receiver::recv);
        self.works().and_then(|()| self.spool.write(batch))
    }

    fn next(&mut self, most: usize) -> Result<Vec<Entry>, ReadError> {
        self.spool.next(most)
    }

    fn done(&mut self, sequence: Sequence) -> bool {
        self.spool.done(sequence)
    }

    fn flush(&mut self) -> Result<(), WriteError> {
        self.works().and_then(|()| self.spool.flush())
    }

    fn state(&self) -> State {
        self.spool.state()
    }
}

/// A folder, a disk and a log.
struct Place {
    folder: TempDir,
    full: Arc<AtomicBool>,
    lines: Arc<Mutex<Vec<String>>>,
    options: Options,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let period = Duration::from_millis(20);
        let options = Options { directory: folder.path().join("spool"), limit: 1 << 20, budget: 64 << 10, period };
        Self { folder, full: Arc::default(), lines: Arc::default(), options }
    }

    fn say(&self) -> Say {
        let lines = Arc::clone(&self.lines);
        Arc::new(move |level, text| lines.lock().unwrap().push(format!("{level:?} {text}")))
    }

    fn try_start(&self, gate: Option<Receiver<()>>) -> Result<Spooler, StartError> {
        let (full, gate) = (Arc::clone(&self.full), Mutex::new(gate));
        let open = move |directory: &std::path::Path, limit| {
            let (spool, recovery) = disk::open_spool(directory, limit)?;
            let (full, gate) = (Arc::clone(&full), gate.lock().unwrap().take());
            Ok((Box::new(Fragile { spool, full, gate }) as Box<dyn Disk>, recovery))
        };
        Spooler::start_with(self.options.clone(), self.say(), Box::new(open))
    }

    fn start(&self) -> Spooler {
        self.try_start(None).unwrap()
    }

    /// Starts with a disk that writes only when it is told to.
    fn start_gated(&self) -> (Spooler, Sender<()>) {
        let (open, gate) = mpsc::channel();
        (self.try_start(Some(gate)).unwrap(), open)
    }

    fn fill(&self, full: bool) {
        self.full.store(full, Ordering::SeqCst);
    }

    fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap().clone()
    }

    /// The lines that were written once there are so many.
    fn wait_for_lines(&self, count: usize) -> Vec<String> {
        wait_until("lines in the log", || self.lines().len() >= count);
        self.lines()
    }
}

fn wait_until(what: &str, holds: impl Fn() -> bool) {
    let end = Instant::now() + LONG;
    while !holds() {
        assert!(Instant::now() < end, "{what}: not within {LONG:?}");
        thread::yield_now();
    }
}

fn offer(spooler: &Spooler, numbers: std::ops::Range<u64>) {
    numbers.for_each(|number| spooler.offer(format!("{{\"hit\":{number}}}").as_bytes(), number));
}

/// Hands out until so many have come.
fn take(spooler: &Spooler, count: usize) -> Vec<Entry> {
    let mut taken = Vec::new();
    while taken.len() < count {
        assert!(spooler.wait_for_entries(LONG), "{} of {count}: {:?}", taken.len(), spooler.figures());
        taken.extend(spooler.next(count - taken.len()));
    }
    taken
}

fn arrivals(taken: &[Entry]) -> Vec<u64> {
    taken.iter().map(|entry| entry.written).collect()
}

fn check(spooler: &Spooler) -> Figures {
    let figures = spooler.figures();
    assert!(figures.balances(), "{figures:?}");
    figures
}

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

/// The spooler before may still be letting go of the lock: then the disk is degraded for a moment, and no line is expected of it.
fn restart(place: &Place) -> Spooler {
    loop {
        let spooler = place.start();
        if !spooler.shared.queue().is_degraded() {
            return spooler;
        }
        place.lines.lock().unwrap().clear();
    }
}

#[test]
fn a_batch_waits_for_its_time_or_for_enough_bytes() {
    let mut place = Place::new();
    place.options.period = Duration::from_secs(86400);
    let spooler = place.start();
    spooler.offer(b"{}", 1);
    assert!(!spooler.wait_for_entries(Duration::from_millis(200)));
    assert_eq!(check(&spooler).waiting.count, 1);
    spooler.offer(&vec![b'x'; place.options.budget / 4], 2);
    assert_eq!(arrivals(&take(&spooler, 2)), [1, 2]);
    assert_eq!(check(&spooler).waiting, Amount::default());
}

#[test]
fn no_snapshot_period_means_half_a_second() {
    let mut place = Place::new();
    place.options.period = Duration::ZERO;
    let spooler = place.start();
    let begin = Instant::now();
    spooler.offer(b"{}", 1);
    take(&spooler, 1);
    assert!((Duration::from_millis(450)..Duration::from_secs(30)).contains(&begin.elapsed()), "{:?}", begin.elapsed());
}

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
    assert!(degraded.why.starts_with("/spool/1.seg: ") && degraded.since.abs_diff(unix_ms()) < 60_000);
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
    let before = unix_ms();
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
fn an_attack_that_fits_nowhere_is_dropped_and_the_next_is_not() {
    let place = Place::new();
    let spooler = place.start();
    spooler.offer(&vec![b'x'; place.options.budget], 1);
    spooler.offer(b"{}", 2);
    assert_eq!(arrivals(&take(&spooler, 1)), [2]);
    assert_eq!(check(&spooler).dropped, 1);
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
fn a_newer_spool_keeps_the_server_from_starting() {
    let place = Place::new();
    fs::create_dir(&place.options.directory).unwrap();
    let newer = Header::encode_version(SEGMENT_MAGIC, 2, 1);
    fs::write(place.options.directory.join(segment_name(1)), newer).unwrap();
    let Err(error) = Spooler::start(place.options.clone(), place.say()) else { panic!("it started") };
    assert!(matches!(error, StartError::Newer(_)));
    assert!(error.to_string().contains("has format 2"), "{error}");
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
    spooler.offer(&[b'x'; 20_000], 200);
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

#[test]
fn what_gives_way_on_disk_is_counted_with_what_gives_way_in_memory() {
    let mut place = Place::new();
    place.options.limit = 100_000;
    let spooler = place.start();
    for number in 0..200 {
        spooler.offer(&[b'x'; 2000], number);
        wait_until("it to be written", || check(&spooler).waiting.count == 0);
    }
    let figures = check(&spooler);
    assert!(figures.dropped > 100 && figures.spooled.bytes <= 100_000 && figures.last_drop.is_some(), "{figures:?}");
    assert_eq!(figures.oldest, Some(figures.dropped));
}

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
        let (mut offered, mut dealt_with, mut dropped, mut out) = (0, std::collections::BTreeSet::new(), 0, Vec::new());
        let deal = |spooler: &Spooler, entry: Entry, dealt_with: &mut std::collections::BTreeSet<u64>| {
            spooler.done(entry.sequence);
            assert!(dealt_with.insert(entry.written), "{} came twice", entry.written);
        };
        for step in steps {
            match step {
                Step::Offer(length) => {
                    spooler.offer(&vec![b'x'; length], offered);
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

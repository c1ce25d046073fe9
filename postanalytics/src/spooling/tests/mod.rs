//! The spooler with a real spool whose disk fails on demand.

mod balance;
mod disk;
mod full;
mod stop;
mod ways;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};

use tempfile::TempDir;

use self::disk::Fragile;
use super::disk::{Disk, open_spool};
use super::*;

/// Longer than anything here takes.
const LONG: Duration = Duration::from_secs(60);

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
            let (spool, recovery) = open_spool(directory, limit)?;
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
    numbers.for_each(|number| spooler.offer(format!("{{\"hit\":{number}}}").as_bytes(), number, false));
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

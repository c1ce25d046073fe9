//! The outbox and the threads of one worker.

use super::destination::Destination;
use super::sender::{self, Shared};
use crate::ngx::log::{Level, Log};
use crate::ngx::repeating::Repeating;
use crate::ngx::wakeup::{is_ending, now};
use crate::ngx::{library, thread};
use crate::report;
use cloud_api::hit::Hit;
use module_logic::cloud::{Grave, Note};
use module_logic::upstream::LogLimit;
use std::cell::RefCell;
use std::mem::ManuallyDrop;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

/// How often what came of hits is counted and logged while some are open.
const TICK: Duration = Duration::from_millis(250);
/// The same while nothing is open.
const REST: Duration = Duration::from_secs(60);
/// How long a worker that ends in good order lets its senders work.
const PATIENCE: Duration = Duration::from_millis(1200);
/// The same when NGINX is stopped at once: its master kills workers that take longer than a second and a half.
const HASTE: Duration = Duration::from_millis(300);
/// How long senders have to notice that they were interrupted.
const LEAVE: Duration = Duration::from_millis(500);

thread_local! {
    /// The worker's. It is dropped by [`end`] or not at all: later, NGINX's memory would be gone.
    static WORKER: RefCell<Option<ManuallyDrop<Worker>>> = const { RefCell::new(None) };
}

/// What a worker has once it saw an attack.
struct Worker {
    shared: Arc<Shared>,
    senders: Vec<JoinHandle<()>>,
    most_senders: usize,
    /// Calls [`look`]; it rests when nothing is open.
    watch: Option<Repeating>,
    resting: bool,
    notes: LogLimit,
    /// Identity of the configuration that this was made for.
    made_for: *const Destination,
}

/// Takes hits. Returns their size in bytes, 0 if there was no place for them.
pub fn push(destination: &Destination, hits: &[Hit]) -> usize {
    WORKER.with(|worker| {
        let Ok(mut worker) = worker.try_borrow_mut() else { return 0 };
        // Without a master process a reload happens within this one.
        if worker.as_ref().is_some_and(|worker| !std::ptr::eq(worker.made_for, destination)) {
            finish(worker.take());
        }
        worker.get_or_insert_with(|| ManuallyDrop::new(Worker::new(destination))).push(hits)
    })
}

/// The worker ends: what can be sent at once is sent, the rest is counted and dropped.
pub fn end() {
    WORKER.with(|worker| finish(worker.try_borrow_mut().ok().and_then(|mut worker| worker.take())));
}

fn finish(worker: Option<ManuallyDrop<Worker>>) {
    if let Some(worker) = worker {
        ManuallyDrop::into_inner(worker).finish();
    }
}

/// The timer rang; returns when to ring again.
fn look() -> Duration {
    WORKER.with(|worker| {
        let Ok(mut worker) = worker.try_borrow_mut() else { return TICK };
        worker.as_deref_mut().map_or(REST, Worker::look)
    })
}

impl Worker {
    fn new(destination: &Destination) -> Self {
        Self {
            shared: Arc::new(Shared::new(Arc::clone(&destination.client), destination.settings)),
            senders: Vec::new(),
            most_senders: destination.threads,
            watch: None,
            resting: true,
            notes: LogLimit::default(),
            made_for: destination,
        }
    }

    fn push(&mut self, hits: &[Hit]) -> usize {
        let (size, batches) = {
            let now = self.shared.now();
            let mut state = self.shared.lock();
            (state.outbox.push(hits, now), state.outbox.batches())
        };
        if size > 0 && self.senders.len() < batches.min(self.most_senders) {
            self.add_sender();
        }
        self.shared.wake();
        if self.resting {
            self.resting = false;
            self.watch = Some(Repeating::start(TICK, look));
        }
        size
    }

    fn add_sender(&mut self) {
        self.shared.lock().senders += 1;
        let shared = Arc::clone(&self.shared);
        match thread::spawn("wallarm-cloud", move || sender::run(&shared)) {
            Some(sender) => self.senders.push(sender),
            None => {
                self.shared.lock().senders -= 1;
                self.write(Level::Error, "there can be no thread to send attacks; they wait");
            }
        }
    }

    fn look(&mut self) -> Duration {
        self.settle();
        self.resting = self.shared.lock().outbox.is_idle();
        if self.resting { REST } else { TICK }
    }

    /// Counts and logs what came of hits.
    fn settle(&mut self) {
        let (tally, notes) = {
            let mut state = self.shared.lock();
            (state.outbox.take_tally(), state.outbox.take_notes())
        };
        if tally.lost > 0 {
            report::attacks_lost(tally.lost);
        }
        for note in notes {
            let level = match note.grave() {
                Grave::Error => Level::Error,
                Grave::Warning => Level::Warning,
            };
            // A full queue is noted as often as somebody looks.
            let text = if note == Note::Full { "full".to_owned() } else { note.to_string() };
            if self.notes.permits(&text, now()) {
                self.write(level, &note.to_string());
            }
        }
    }

    fn write(&self, level: Level, text: &str) {
        Log::of_cycle().write(level, &format!("wallarm: API at {}: {text}", self.shared.host()));
    }

    /// Lets senders work for a moment, ends them, and counts what is left as lost.
    fn finish(mut self) {
        self.watch = None;
        self.shared.lock().outbox.end();
        self.shared.wake();
        let patience = if is_ending() { PATIENCE } else { HASTE };
        let left = self.shared.wait_for_senders(patience) || {
            self.shared.interrupt();
            self.shared.wait_for_senders(LEAVE)
        };
        self.shared.lock().outbox.give_up();
        self.settle();
        if left {
            self.senders.drain(..).for_each(|sender| drop(sender.join()));
        } else {
            // One of them waits for the system's resolver, which cannot be interrupted. It ends with the process; until then
            // NGINX must not unload this library.
            library::keep();
        }
    }
}

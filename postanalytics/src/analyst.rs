//! Runs the analysis: one thread that reads what is stored, in the order in which it came.
//!
//! Storing never waits for it. The thread sleeps while nothing comes; while much comes it looks every few milliseconds, so that
//! connections need not wake it for each read. When it falls behind by a quarter of the arena, the connections that fill the
//! store do some of its work: intake becomes as fast as the analysis, and no request gives way before it was seen.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::{self, Thread};
use std::time::Duration;

use analysis::{Analysis, Hit, Moment, UnixMillis};

use crate::export::Exporter;
use crate::server::Server;
use crate::spooling::Spooler;
use crate::store::Unseen;

/// How long the thread leaves records alone, so that it finds many at a time.
const GATHERING: Duration = Duration::from_millis(5);
/// Looks that find nothing before the thread sleeps until it is woken.
const PATIENCE: u32 = 20;
/// The share of the arena that may wait for the analysis before connections help.
const BEHIND: u64 = 4;

/// The analysis and its thread.
pub struct Analyst {
    work: Mutex<Work>,
    /// Bytes that may wait before connections help.
    most_waiting: u64,
    asleep: AtomicBool,
    stopping: AtomicBool,
    thread: OnceLock<Thread>,
}

/// What whoever analyses holds.
pub struct Work {
    /// All that is counted.
    pub analysis: Analysis,
    /// Hits that were not kept, since this server is not registered.
    pub withheld: u64,
    /// Requests over which the analysis stumbled.
    pub stumbles: u64,
    unseen: Unseen,
}

impl Analyst {
    /// An analyst of a store of `arena` bytes.
    #[must_use]
    pub fn new(analysis: Analysis, arena: u64) -> Self {
        Self {
            work: Mutex::new(Work { analysis, withheld: 0, stumbles: 0, unseen: Unseen::new() }),
            most_waiting: arena / BEHIND,
            asleep: AtomicBool::new(false),
            stopping: AtomicBool::new(false),
            thread: OnceLock::new(),
        }
    }

    /// Analyses until [`Analyst::stop`]. To be run by a thread of its own.
    pub fn run(&self, server: &Server) {
        // Set once: there is one such thread.
        let _ = self.thread.set(thread::current());
        let mut idle = 0;
        while !self.stopping.load(Ordering::Acquire) {
            if self.lock().take_some(server) {
                idle = 0;
                if server.store.waiting() > 0 {
                    continue;
                }
            } else {
                idle += 1;
            }
            if idle < PATIENCE {
                thread::sleep(GATHERING);
            } else {
                self.asleep.store(true, Ordering::SeqCst);
                // What came before the word was out that somebody sleeps here would not wake it.
                if server.store.waiting() == 0 && !self.stopping.load(Ordering::SeqCst) {
                    thread::park();
                }
                self.asleep.store(false, Ordering::SeqCst);
                idle = 0;
            }
        }
    }

    /// Ends [`Analyst::run`] soon.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.get() {
            thread.unpark();
        }
    }

    /// Says that records were stored and `waiting` bytes wait now. Helps when that is much.
    pub fn notice(&self, server: &Server, waiting: u64) {
        if self.asleep.load(Ordering::SeqCst)
            && self.asleep.swap(false, Ordering::SeqCst)
            && let Some(thread) = self.thread.get()
        {
            thread.unpark();
        }
        if waiting > self.most_waiting {
            while server.store.waiting() > self.most_waiting && self.lock().take_some(server) {}
        }
    }

    /// Looks at a record that lies in one piece here and is marked as taken in the store, after all that came before it.
    pub fn look(&self, server: &Server, record: &[u8]) {
        let mut work = self.lock();
        while work.take_some(server) {}
        work.look(&Batch::of(server), record, server.store.clock().now());
    }

    /// Looks at everything that is stored.
    pub fn finish(&self, server: &Server) {
        let mut work = self.lock();
        while work.take_some(server) {}
    }

    /// The analysis, for whoever reads its figures or takes its counters. What it holds up is the analysis, never the intake.
    pub fn lock(&self) -> MutexGuard<'_, Work> {
        // Who held it has left the tables whole: what goes wrong with a record ends in `Work::look`.
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What holds for records that are looked at together.
struct Batch<'a> {
    spooler: &'a Spooler,
    /// Whether hits have somewhere to go.
    registered: bool,
    /// Unix time in milliseconds of the zero of the server's clock.
    epoch: u64,
}

impl<'a> Batch<'a> {
    fn of(server: &'a Server) -> Self {
        let registered = server.exporter.get().is_some_and(Exporter::is_registered);
        Self { spooler: &server.spooler, registered, epoch: server.store.clock().epoch() }
    }
}

impl Work {
    /// Looks at the oldest records that wait. Returns whether there were any.
    fn take_some(&mut self, server: &Server) -> bool {
        let mut unseen = std::mem::replace(&mut self.unseen, Unseen::new());
        let any = server.store.take(&mut unseen);
        if any {
            let batch = Batch::of(server);
            for (arrival, record) in unseen.records() {
                self.look(&batch, record, arrival);
            }
        }
        self.unseen = unseen;
        any
    }

    /// `arrival` is a moment of the server's clock.
    fn look(&mut self, batch: &Batch<'_>, record: &[u8], arrival: u64) {
        let Batch { spooler, registered, epoch } = *batch;
        let (wall, withheld) = (epoch + arrival, &mut self.withheld);
        let analysis = &mut self.analysis;
        // A fault of ours in one record must cost neither the others nor the connection that helps. The panic itself is logged.
        let looked = catch_unwind(AssertUnwindSafe(|| {
            analysis.look(record, Moment(arrival), UnixMillis(wall), &mut |hit: Hit<'_>| {
                if registered {
                    spooler.offer(hit.json, wall);
                } else {
                    *withheld += 1;
                }
            });
        }));
        self.stumbles += u64::from(looked.is_err());
    }
}

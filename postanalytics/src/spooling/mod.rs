//! Attacks on their way to the Cloud: a bounded queue in memory, the spool on disk behind it, and a thread that writes from one to
//! the other.
//!
//! ```text
//! offer ─▶ waiting (memory) ─▶ spool (disk) ─▶ next ─▶ in flight ─▶ done
//!               └──────── while degraded ──────▲
//! ```
//!
//! | File | Holds |
//! |---|---|
//! | `queue.rs` | what is in memory, and every figure |
//! | `disk.rs` | what is asked of the spool |
//! | `writer.rs` | the thread: when a batch is due, what happens when it fails |
//! | `report.rs` | which of that is worth a line in the log |
//! | `figures.rs` | the figures, as others see them |
//!
//! Two locks: that of the disk is held while files are read and written, that of the queue never. Who needs both takes the disk's
//! first. All figures change under the queue's, so that whoever reads them sees a balance that holds.

mod disk;
mod figures;
mod queue;
mod report;
#[cfg(test)]
mod tests;
mod writer;

use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use std::{fmt, io, thread};

use spool::{Entry, OpenError, Sequence};

pub use figures::{Amount, Degraded, Figures};

use crate::log::Level;
use disk::{Disk, Open};
use queue::Queue;
use report::Report;

/// How often attacks are saved at least, unless `SNAPSHOT_PERIOD` says otherwise.
const PERIOD: Duration = Duration::from_millis(500);

/// Writes a line of the log.
pub type Say = Arc<dyn Fn(Level, fmt::Arguments<'_>) + Send + Sync>;

/// What a spooler is told.
#[derive(Clone, Debug)]
pub struct Options {
    /// Folder of the spool: `WORKDIR/spool`.
    pub directory: PathBuf,
    /// Bytes that the spool may take: `SPOOL_SIZE`.
    pub limit: u64,
    /// Bytes of memory in front of it.
    pub budget: usize,
    /// `SNAPSHOT_PERIOD`; zero stands for half a second.
    pub period: Duration,
}

impl Options {
    fn period(&self) -> Duration {
        if self.period.is_zero() { PERIOD } else { self.period }
    }
}

/// The server must not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A newer server has written to the spool. It has been logged.
    #[error(transparent)]
    Newer(OpenError),
    /// The system gives no thread.
    #[error("cannot start the thread that saves attacks: {0}")]
    Thread(io::Error),
}

/// Keeps attacks until they are exported.
pub struct Spooler {
    shared: Arc<Shared>,
}

/// What the threads share.
struct Shared {
    options: Options,
    queue: Mutex<Queue>,
    disk: Mutex<Option<Box<dyn Disk>>>,
    open: Open,
    /// Tells the writer that a batch may be due, and those who wait for the writer that it ended.
    writer: Condvar,
    /// Tells exporters that there is something to export.
    arrived: Condvar,
    report: Mutex<Report>,
}

impl Spooler {
    /// Opens the spool and starts the thread that writes it. A folder that cannot be used is tried again and again.
    ///
    /// # Errors
    ///
    /// [`StartError`], above all if a newer server wrote the spool.
    pub fn start(options: Options, say: Say) -> Result<Self, StartError> {
        Self::start_with(options, say, Box::new(disk::open_spool))
    }

    fn start_with(options: Options, say: Say, open: Open) -> Result<Self, StartError> {
        let shared = Arc::new(Shared {
            queue: Mutex::new(Queue::new(options.budget)),
            options,
            disk: Mutex::new(None),
            open,
            writer: Condvar::new(),
            arrived: Condvar::new(),
            report: Mutex::new(Report::new(say)),
        });
        match shared.open_disk() {
            Err(error @ OpenError::Newer { .. }) => {
                shared.report().cannot_start(&error);
                return Err(StartError::Newer(error));
            }
            Err(error) => shared.failed(&error),
            Ok(()) => {}
        }
        let writer = Arc::clone(&shared);
        let thread = thread::Builder::new().name("spooling".to_owned()).spawn(move || writer.write_until_stopped());
        thread.map_err(StartError::Thread)?;
        Ok(Self { shared })
    }

    /// Takes an attack in, at once: memory is all it needs. If there is none left, the oldest give way. `follows` says that it is
    /// of the same request as the one that was offered before.
    pub fn offer(&self, json: &[u8], arrival: u64, follows: bool) {
        let shared = &self.shared;
        let mut queue = shared.queue();
        let before = queue.unsaved_bytes();
        queue.offer(json, arrival, follows);
        let degraded = queue.is_degraded();
        let due = before == 0 || before < shared.enough() && queue.unsaved_bytes() >= shared.enough();
        drop(queue);
        if due {
            shared.writer.notify_all();
        }
        if degraded {
            shared.arrived.notify_one();
        }
    }

    /// Hands out at most so many attacks, oldest first. Those in memory come only while the disk takes none; otherwise they are on
    /// their way there.
    ///
    /// What is handed out from disk comes again after a restart unless it is done.
    pub fn next(&self, most: usize) -> Vec<Entry> {
        let shared = &self.shared;
        let mut disk = shared.disk();
        let mut taken = Vec::new();
        if let Some(spool) = disk.as_mut() {
            match spool.next(most) {
                Ok(entries) => taken = entries,
                Err(error) => shared.report().cannot_read(&error),
            }
        }
        let mut queue = shared.queue();
        if let Some(spool) = disk.as_ref() {
            queue.set_disk(spool.state());
        }
        let more = most.saturating_sub(taken.len());
        taken.extend(queue.take_while_degraded(more));
        taken
    }

    /// Waits until there is something to hand out, or the server stops; tells whether there is.
    pub fn wait_for_entries(&self, timeout: Duration) -> bool {
        let queue = self.shared.queue();
        let nothing = |queue: &mut Queue| !queue.has_entries() && !queue.is_stopped();
        let waited = self.shared.arrived.wait_timeout_while(queue, timeout, nothing);
        waited.unwrap_or_else(PoisonError::into_inner).0.has_entries()
    }

    /// An attack that was handed out is dealt with: exported, or never to be. Other sequences are ignored.
    pub fn done(&self, sequence: Sequence) {
        if is_in_memory(sequence) {
            return self.shared.queue().done(sequence);
        }
        let mut disk = self.shared.disk();
        if let Some(spool) = disk.as_mut()
            && spool.done(sequence)
        {
            self.shared.queue().done_on_disk(spool.state());
        }
    }

    /// Writes everything, and what is done, and ends the thread; tells whether all of it is on disk. Nothing should be offered or
    /// handed out afterwards.
    pub fn flush(&self, deadline: Instant) -> bool {
        self.shared.stop();
        self.shared.wait_for_the_end(deadline) && self.shared.write_the_rest(deadline)
    }

    /// All figures, of one moment.
    pub fn figures(&self) -> Figures {
        self.shared.queue().figures()
    }
}

impl Drop for Spooler {
    fn drop(&mut self) {
        self.shared.stop();
    }
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn disk(&self) -> MutexGuard<'_, Option<Box<dyn Disk>>> {
        self.disk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn report(&self) -> MutexGuard<'_, Report> {
        self.report.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether an attack was handed out from memory: those have sequences that none on disk has.
fn is_in_memory(sequence: Sequence) -> bool {
    sequence.0 >= Sequence::END
}

//! The thread that writes: when a batch is due, and what happens when it fails.

use std::fmt::Display;
use std::sync::{MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use spool::OpenError;

use super::Shared;
use super::queue::{Hit, Queue};

/// So many bytes are not kept waiting, unless a quarter of the memory is less.
const ENOUGH: usize = 256 << 10;
/// Bytes that are written at once at most.
const BATCH: usize = 1 << 20;
/// How long a disk that fails is left alone.
const RETRY: Duration = Duration::from_secs(1);
/// The same when the server stops.
const LAST_RETRY: Duration = Duration::from_millis(100);

/// What the thread does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    /// Write what waits.
    Write,
    /// Nothing waits, but the disk failed before: see whether it works.
    Probe,
    /// End.
    Stop,
}

impl Shared {
    /// Bytes that are written without waiting for more.
    pub(super) fn enough(&self) -> usize {
        ENOUGH.min(self.options.budget / 4)
    }

    /// Opens the spool if it is not open.
    pub(super) fn open_disk(&self) -> Result<(), OpenError> {
        let mut disk = self.disk();
        if disk.is_none() {
            let (spool, recovery) = (self.open)(&self.options.directory, self.options.limit)?;
            self.report().opened(&recovery);
            self.queue().opened(spool.state());
            *disk = Some(spool);
            self.arrived.notify_all();
        }
        Ok(())
    }

    /// The disk takes nothing.
    pub(super) fn failed(&self, why: &dyn Display) {
        let waiting = {
            let mut queue = self.queue();
            queue.degrade(why.to_string());
            queue.figures().waiting.count
        };
        self.report().failed(why, waiting);
        // What is in memory may now be handed out.
        self.arrived.notify_all();
    }

    fn works(&self) {
        let degraded = self.queue().recover();
        if degraded.is_some() {
            self.report().recovered();
        }
    }

    /// The thread.
    pub(super) fn write_until_stopped(&self) {
        loop {
            match self.wait_for_turn() {
                Turn::Stop => break,
                Turn::Write => self.write_batch(),
                Turn::Probe => self.probe(),
            };
            let figures = self.queue().figures();
            self.report().dropped(&figures);
        }
        self.queue().end_writer();
        self.writer.notify_all();
    }

    /// Waits until something is to be done.
    fn wait_for_turn(&self) -> Turn {
        let begin = Instant::now();
        let mut queue = self.queue();
        loop {
            if queue.is_stopped() {
                return Turn::Stop;
            }
            let (turn, at) = self.next_turn(&queue, begin);
            let now = Instant::now();
            match at {
                Some(at) if at <= now => return turn,
                Some(at) => queue = self.wait(queue, at - now),
                None => queue = self.writer.wait(queue).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }

    /// What is to be done next, and when; never, if nothing is.
    fn next_turn(&self, queue: &Queue, begin: Instant) -> (Turn, Option<Instant>) {
        let Some(since) = queue.unsaved_since() else {
            return (Turn::Probe, queue.is_degraded().then_some(begin + RETRY));
        };
        if queue.is_degraded() {
            return (Turn::Write, Some(begin + RETRY));
        }
        let enough = queue.unsaved_bytes() >= self.enough();
        (Turn::Write, Some(if enough { begin } else { since + self.options.period() }))
    }

    fn wait<'a>(&self, queue: MutexGuard<'a, Queue>, time: Duration) -> MutexGuard<'a, Queue> {
        self.writer.wait_timeout(queue, time).unwrap_or_else(PoisonError::into_inner).0
    }

    /// Sees whether a disk that failed works again.
    fn probe(&self) -> bool {
        if let Err(error) = self.open_disk() {
            self.failed(&error);
            return false;
        }
        let outcome = self.disk().as_mut().map_or(Ok(()), |spool| spool.flush());
        match outcome {
            Ok(()) => self.works(),
            Err(error) => {
                self.failed(&error);
                return false;
            }
        }
        true
    }

    /// Writes the oldest hits; tells whether the disk took them.
    fn write_batch(&self) -> bool {
        if let Err(error) = self.open_disk() {
            self.failed(&error);
            return false;
        }
        let mut disk = self.disk();
        let Some(spool) = disk.as_mut() else { return false };
        let batch = self.queue().begin_write(BATCH.min((self.options.limit / 8) as usize));
        let outcome = spool.write(&batch.iter().map(Hit::draft).collect::<Vec<_>>());
        match outcome {
            Ok(()) => {
                self.queue().written(spool.state());
                drop(disk);
                self.works();
                self.arrived.notify_all();
                true
            }
            Err(error) => {
                {
                    let mut queue = self.queue();
                    // Room may have been made for them before the write failed.
                    queue.set_disk(spool.state());
                    queue.not_written(batch);
                }
                drop(disk);
                self.failed(&error);
                false
            }
        }
    }

    /// Asks the thread to end, and those who wait for attacks to wait no more.
    pub(super) fn stop(&self) {
        self.queue().stop();
        self.writer.notify_all();
        self.arrived.notify_all();
    }

    /// Waits until the thread has ended; tells whether it has. A disk that hangs may hold it.
    pub(super) fn wait_for_the_end(&self, deadline: Instant) -> bool {
        let time = deadline.saturating_duration_since(Instant::now());
        let runs = |queue: &mut Queue| !queue.is_writer_ended();
        let waited = self.writer.wait_timeout_while(self.queue(), time, runs).unwrap_or_else(PoisonError::into_inner);
        waited.0.is_writer_ended()
    }

    /// Writes all that is in memory, and what is done; tells whether the disk took it.
    pub(super) fn write_the_rest(&self, deadline: Instant) -> bool {
        self.queue().take_back();
        let saved = loop {
            let nothing_waits = self.queue().unsaved_bytes() == 0;
            let works = if nothing_waits { self.probe() } else { self.write_batch() };
            if nothing_waits && works {
                break true;
            }
            if !works && !self.pause(deadline) {
                break false;
            }
        };
        let figures = self.queue().figures();
        self.report().stopped(&figures);
        saved
    }

    /// Leaves a failing disk alone for a moment; tells whether there is time to try again.
    fn pause(&self, deadline: Instant) -> bool {
        let left = deadline.saturating_duration_since(Instant::now());
        drop(self.wait(self.queue(), left.min(LAST_RETRY)));
        !left.is_zero()
    }
}

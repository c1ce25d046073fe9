//! Which workers run, which of them crashed, and which sit on one request for too long.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::time::Duration;

use super::shared::{Line, Rare, Shared, microseconds};

/// Workers that are watched; more may run unwatched. During a reload the old ones run beside the new ones.
pub(super) const WORKERS: usize = 512;

/// A worker that analyses one request for longer than `wallarm_stalled_worker_timeout`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StalledWorker {
    /// Its process id.
    pub pid: u32,
    /// How long it has been at it.
    pub time: Duration,
}

/// A worker's place in shared memory.
#[derive(Clone, Copy, Debug)]
pub struct WorkerSlot<'a>(&'a Line);

impl<'a> Shared<'a> {
    /// Gives a worker that starts a place, and counts those that crashed: their place names a process that is gone, for a
    /// worker that ends in good order clears it. `alive` tells whether a process exists.
    ///
    /// None when all places are taken; such a worker is not watched.
    pub fn enter(&self, pid: u32, alive: impl Fn(u32) -> bool) -> Option<WorkerSlot<'a>> {
        for [owner, ..] in self.workers {
            let Ok(left) = u32::try_from(owner.load(Acquire)) else { continue };
            // This worker cannot be in the table yet: its number there is that of a dead one.
            let crashed = left != 0 && (left == pid || !alive(left));
            // Whoever clears the place counts, so that workers that start together count once.
            if crashed && owner.compare_exchange(u64::from(left), 0, Release, Relaxed).is_ok() {
                self.count(Rare::WorkerCrash);
            }
        }
        let slot = self.workers.iter().find(|line| {
            let [owner, since, ..] = *line;
            let free = owner.compare_exchange(0, u64::from(pid), Acquire, Relaxed).is_ok();
            if free {
                since.store(0, Relaxed);
            }
            free
        })?;
        Some(WorkerSlot(slot))
    }

    /// The workers that are stalled at `now` (a monotonic time, the same clock as that of [`WorkerSlot::begin`]).
    pub(super) fn stalled(&self, now: Duration) -> Vec<StalledWorker> {
        let now = microseconds(now);
        let stalled = |[owner, since, deadline, ..]: &Line| {
            let started = load(since);
            let pid = u32::try_from(load(owner)).unwrap_or(0);
            let late = pid != 0 && started != 0 && now > load(deadline);
            late.then(|| StalledWorker { pid, time: Duration::from_micros(now.saturating_sub(started)) })
        };
        self.workers.iter().filter_map(stalled).collect()
    }
}

fn load(word: &AtomicU64) -> u64 {
    word.load(Acquire)
}

impl WorkerSlot<'_> {
    /// Notes that the worker turns to a request; it counts as stalled when it is still at it after `timeout`. `now` is a
    /// monotonic time.
    pub fn begin(&self, now: Duration, timeout: Duration) {
        let [_, since, deadline, ..] = self.0;
        deadline.store(microseconds(now.saturating_add(timeout)), Relaxed);
        since.store(microseconds(now).max(1), Release);
    }

    /// Notes that the worker is free again.
    pub fn end(&self) {
        let [_, since, ..] = self.0;
        since.store(0, Release);
    }

    /// Gives the place back: the worker ends in good order.
    pub fn leave(self) {
        self.end();
        let [owner, ..] = self.0;
        owner.store(0, Release);
    }
}

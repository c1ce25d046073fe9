//! The store: one circular buffer behind one lock, and the figures that are read from it.
//!
//! A connection takes the lock once for all records of a read, and holds it only to copy them: what a record is was checked
//! before. Analysis will read the buffer from its old end; nothing here waits for it.

mod ring;
mod slabs;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

pub use ring::{Limit, NoMemory, Record, ScatteredRecord};

use ring::Ring;

/// Stored requests.
#[derive(Debug)]
pub struct Store {
    ring: Mutex<Ring>,
    limit: Limit,
    /// Arrivals are counted from here, on the monotonic clock: a clock that is set does not change their age.
    started: Instant,
}

/// Figures of one moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Statistics {
    /// Age of the store, and so of the server, in seconds.
    pub uptime: f64,
    /// Age of the oldest stored request in seconds; 0 when there is none.
    pub timeframe: f64,
    /// Bytes that stored requests may take.
    pub arena: u64,
    /// Bytes that stored requests take, their headers included.
    pub used: u64,
    /// Requests taken in so far; also the number of the last one.
    pub requests: u64,
    /// Requests that had to give way to newer ones so far.
    pub evicted: u64,
}

/// The system gave no more memory, so the store keeps to what it has. Happens at most once in a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no more memory: keeping to {capacity} bytes for stored requests instead of {budget}")]
pub struct Shrunk {
    /// Bytes it was meant to grow to.
    pub budget: u64,
    /// Bytes it has.
    pub capacity: u64,
}

impl Store {
    /// A store that keeps to `budget` bytes.
    ///
    /// # Errors
    ///
    /// [`NoMemory`] if the system does not give what a single large request would need.
    pub fn new(budget: u64) -> Result<Self, NoMemory> {
        let (ring, limit) = Ring::new(budget)?;
        Ok(Self { ring: Mutex::new(ring), limit, started: Instant::now() })
    }

    /// What records are measured by.
    #[must_use]
    pub fn limit(&self) -> Limit {
        self.limit
    }

    /// Stores `records` in their order.
    ///
    /// # Errors
    ///
    /// [`Shrunk`]: they are stored, but older ones had to go earlier than the budget says.
    pub fn push_all<'a>(&self, records: impl IntoIterator<Item = Record<'a>>) -> Result<(), Shrunk> {
        self.push_with(|ring, arrival| {
            for record in records {
                ring.push(record, arrival);
            }
        })
    }

    /// Stores one record that lies in several places.
    ///
    /// # Errors
    ///
    /// As [`Store::push_all`].
    pub fn push_scattered(&self, record: ScatteredRecord<'_>) -> Result<(), Shrunk> {
        self.push_with(|ring, arrival| ring.push_scattered(record, arrival))
    }

    fn push_with(&self, push: impl FnOnce(&mut Ring, u64)) -> Result<(), Shrunk> {
        let arrival = self.clock();
        let mut ring = self.lock();
        let budget = ring.capacity();
        push(&mut ring, arrival);
        let capacity = ring.capacity();
        if capacity < budget { Err(Shrunk { budget, capacity }) } else { Ok(()) }
    }

    /// The figures of now.
    #[must_use]
    pub fn statistics(&self) -> Statistics {
        let now = self.clock();
        let ring = self.lock();
        let age = ring.oldest().map_or(0, |oldest| now.saturating_sub(oldest));
        Statistics {
            uptime: now as f64 / 1000.0,
            timeframe: age as f64 / 1000.0,
            arena: ring.capacity(),
            used: ring.used(),
            requests: ring.pushed(),
            evicted: ring.evicted(),
        }
    }

    fn clock(&self) -> u64 {
        self.started.elapsed().as_millis() as u64
    }

    /// A panic elsewhere does not make the ring wrong: each push leaves it whole.
    fn lock(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

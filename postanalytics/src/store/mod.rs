//! The store: one circular buffer behind one lock, and the figures that are read from it.
//!
//! A connection takes the lock once for many records of a read, and holds it only to copy them: what a record is was checked
//! before.

mod header;
mod ring;
mod slabs;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

pub use ring::{Limit, NoMemory, Record, ScatteredRecord};

use ring::Ring;

/// Stored requests.
#[derive(Debug)]
pub struct Store {
    shelf: Mutex<Shelf>,
    limit: Limit,
    clock: Clock,
}

/// The ring, and what is counted with it.
#[derive(Debug)]
struct Shelf {
    ring: Ring,
    received: u64,
    refused: u64,
}

/// The server's clock: monotonic, so that a clock that is set does not change the age of anything.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    started: Instant,
}

impl Clock {
    fn start() -> Self {
        Self { started: Instant::now() }
    }

    /// Milliseconds since the server started.
    #[must_use]
    pub fn now(self) -> u64 {
        self.started.elapsed().as_millis() as u64
    }
}

/// Pushes of one connection since it last told the store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pushes {
    /// All of them.
    pub received: u64,
    /// Those that were no record, or too large a one.
    pub refused: u64,
}

/// Figures of one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
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
    /// Requests that are there.
    pub stored: u64,
    /// Requests that had to give way to newer ones so far.
    pub evicted: u64,
    /// Requests that were sent so far, taken in or refused.
    pub received: u64,
    /// Requests that were refused so far.
    pub refused: u64,
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
    /// A store that keeps to `budget` bytes, with records of at most `largest` bytes.
    ///
    /// # Errors
    ///
    /// [`NoMemory`] if the system does not give what a single large request would need.
    pub fn new(budget: u64, largest: u64) -> Result<Self, NoMemory> {
        let (ring, limit) = Ring::new(budget, largest)?;
        Ok(Self { shelf: Mutex::new(Shelf { ring, received: 0, refused: 0 }), limit, clock: Clock::start() })
    }

    /// What records are measured by.
    #[must_use]
    pub fn limit(&self) -> Limit {
        self.limit
    }

    /// The clock that arrivals are told by.
    #[must_use]
    pub fn clock(&self) -> Clock {
        self.clock
    }

    /// Stores `records` in their order, which came among `pushes`.
    ///
    /// # Errors
    ///
    /// [`Shrunk`]: they are stored, but older ones had to go earlier than the budget says.
    pub fn push_all<'a>(&self, records: impl IntoIterator<Item = Record<'a>>, pushes: Pushes) -> Result<(), Shrunk> {
        self.push_with(pushes, |ring, arrival| {
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
    pub fn push_scattered(&self, record: ScatteredRecord<'_>, pushes: Pushes) -> Result<(), Shrunk> {
        self.push_with(pushes, |ring, arrival| ring.push_scattered(record, arrival))
    }

    fn push_with(&self, pushes: Pushes, push: impl FnOnce(&mut Ring, u64)) -> Result<(), Shrunk> {
        let mut shelf = self.lock();
        // Read under the lock, so that arrivals never go backwards.
        let arrival = self.clock.now();
        shelf.received += pushes.received;
        shelf.refused += pushes.refused;
        let budget = shelf.ring.capacity();
        push(&mut shelf.ring, arrival);
        let capacity = shelf.ring.capacity();
        if capacity < budget { Err(Shrunk { budget, capacity }) } else { Ok(()) }
    }

    /// The figures of now.
    #[must_use]
    pub fn statistics(&self) -> Statistics {
        let shelf = self.lock();
        let Shelf { ring, received, refused } = &*shelf;
        let now = self.clock.now();
        let age = ring.oldest().map_or(0, |oldest| now.saturating_sub(oldest));
        Statistics {
            uptime: now as f64 / 1000.0,
            timeframe: age as f64 / 1000.0,
            arena: ring.capacity(),
            used: ring.used(),
            requests: ring.pushed(),
            stored: ring.records(),
            evicted: ring.evicted(),
            received: *received,
            refused: *refused,
        }
    }

    /// A panic elsewhere does not make the ring wrong: each push leaves it whole.
    fn lock(&self) -> MutexGuard<'_, Shelf> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

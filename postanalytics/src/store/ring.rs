//! The circular buffer: records one behind the other, the oldest gives way to the newest.
//!
//! A record is a header ([`super::header`]) and the MessagePack that came in; it may lie across slabs and across the end of
//! the line. Nothing else is kept for a record – no index, no allocation – so the budget counts every byte there is.

use iproto::frame;

use super::header::{HEADER, Header};
use super::slabs::{SLAB, Slabs};

/// Bytes that the ring leaves to the rest of the server when the system runs out of memory. It stops growing then; the rest
/// could only abort.
const HEADROOM: usize = 64 << 20;

/// The memory that the largest record needs cannot be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("SLAB_ALLOC_ARENA: the system does not give the {bytes} bytes that one large request may need")]
pub struct NoMemory {
    /// What was asked for.
    pub bytes: u64,
}

/// A record that is small enough for the ring it was measured by.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a>(&'a [u8]);

/// A record that is small enough and lies in several places.
#[derive(Clone, Copy, Debug)]
pub struct ScatteredRecord<'a> {
    pieces: &'a [&'a [u8]],
    length: usize,
}

/// What the ring measures records by. It never changes, so it is known without a lock.
#[derive(Clone, Copy, Debug)]
pub struct Limit {
    largest: usize,
}

impl Limit {
    /// `bytes` as a record, if they are few enough.
    #[must_use]
    pub fn admit(self, bytes: &[u8]) -> Option<Record<'_>> {
        (bytes.len() <= self.largest).then_some(Record(bytes))
    }

    /// `pieces`, one behind the other, as a record, if they are few enough bytes.
    #[must_use]
    pub fn admit_scattered<'a>(self, pieces: &'a [&'a [u8]]) -> Option<ScatteredRecord<'a>> {
        let length = pieces.iter().map(|piece| piece.len()).sum();
        (length <= self.largest).then_some(ScatteredRecord { pieces, length })
    }
}

/// The circular buffer.
#[derive(Debug)]
pub struct Ring {
    slabs: Slabs,
    /// Bytes that the ring may grow to; falls to what is there when the system gives no more.
    capacity: u64,
    /// Where the oldest record begins, counted over all laps.
    head: u64,
    /// Where the next record will begin, counted over all laps.
    tail: u64,
    records: u64,
    evicted: u64,
}

impl Ring {
    /// A ring that keeps to `budget` bytes, for records of at most `largest` bytes with their headers.
    ///
    /// The part that the largest record needs is reserved at once (not touched: it becomes resident when written), so
    /// that no insert can fail later; the rest is reserved as the ring fills.
    ///
    /// # Errors
    ///
    /// [`NoMemory`] if not even that part can be had.
    pub fn new(budget: u64, largest: u64) -> Result<(Self, Limit), NoMemory> {
        Self::of_slabs(Slabs::of(SLAB), budget, largest)
    }

    fn of_slabs(mut slabs: Slabs, budget: u64, largest: u64) -> Result<(Self, Limit), NoMemory> {
        // No frame brings more.
        let largest = largest.min(budget).min(frame::MAX_LENGTH as u64);
        while slabs.len() < largest {
            slabs.grow(budget).map_err(|_| NoMemory { bytes: largest })?;
        }
        let limit = Limit { largest: (largest as usize).saturating_sub(HEADER) };
        Ok((Self { slabs, capacity: budget, head: 0, tail: 0, records: 0, evicted: 0 }, limit))
    }

    /// Puts a record behind the newest, dropping as many of the oldest as it needs room for.
    pub fn push(&mut self, Record(bytes): Record<'_>, arrival: u64) {
        self.push_scattered(ScatteredRecord { pieces: &[bytes], length: bytes.len() }, arrival);
    }

    /// The same for a record that lies in several places.
    pub fn push_scattered(&mut self, record: ScatteredRecord<'_>, arrival: u64) {
        let header = Header { length: record.length as u32, arrival };
        self.make_room(header.size());
        self.append(&header.encode());
        for piece in record.pieces {
            self.append(piece);
        }
        self.records += 1;
    }

    fn append(&mut self, bytes: &[u8]) {
        self.slabs.write(self.tail, bytes);
        self.tail += bytes.len() as u64;
    }

    fn make_room(&mut self, size: u64) {
        // Growing happens on the first lap only, where positions do not depend on the length of the line.
        while self.tail + size > self.slabs.len() && self.slabs.len() < self.capacity {
            if self.slabs.grow_leaving(HEADROOM, self.capacity).is_err() {
                self.capacity = self.slabs.len();
            }
        }
        while self.used() + size > self.capacity {
            self.evict();
        }
    }

    fn evict(&mut self) {
        self.head += self.header_at(self.head).size();
        self.records -= 1;
        self.evicted += 1;
    }

    fn header_at(&self, at: u64) -> Header {
        let mut header = [0; HEADER];
        self.slabs.read(at, &mut header);
        Header::decode(header)
    }

    /// Arrival of the oldest record, if there is one.
    pub fn oldest(&self) -> Option<u64> {
        (self.records > 0).then(|| self.header_at(self.head).arrival)
    }

    /// Bytes that the ring may hold now; less than at the start once the system gave no more.
    pub fn capacity(&self) -> u64 {
        self.capacity
    }

    /// Bytes that records and their headers take.
    pub fn used(&self) -> u64 {
        self.tail - self.head
    }

    /// Records that had to give way so far.
    pub fn evicted(&self) -> u64 {
        self.evicted
    }

    /// Records that are there.
    pub fn records(&self) -> u64 {
        self.records
    }

    /// Records that came in so far; also the number of the last one.
    pub fn pushed(&self) -> u64 {
        self.records + self.evicted
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::VecDeque;

    /// Small ones, so that a few records cross from one to the next.
    const SLAB: usize = 1 << 20;

    /// A ring for records of an eighth of it.
    fn ring(budget: u64) -> (Ring, Limit) {
        Ring::of_slabs(Slabs::of(SLAB), budget, budget / 8).unwrap()
    }

    fn stored(ring: &Ring) -> Vec<(u64, Vec<u8>)> {
        let mut at = ring.head;
        let mut records = Vec::new();
        while at < ring.tail {
            let header = ring.header_at(at);
            let mut bytes = vec![0; header.length as usize];
            ring.slabs.read(at + HEADER as u64, &mut bytes);
            at += header.size();
            records.push((header.arrival, bytes));
        }
        records
    }

    #[test]
    fn a_record_of_1000_bytes_costs_1012() {
        let (mut ring, limit) = ring(8 << 20);
        ring.push(limit.admit(&[7; 1000]).unwrap(), 0);
        assert_eq!(ring.used(), 1012);
    }

    #[test]
    fn the_largest_record_is_told_with_its_header() {
        let (_, limit) = ring(8 << 20);
        assert!(limit.admit(&vec![0; SLAB - HEADER]).is_some());
        assert!(limit.admit(&vec![0; SLAB - HEADER + 1]).is_none());
    }

    #[test]
    fn the_budget_is_never_exceeded_and_wholly_used() {
        let budget = 2 * SLAB as u64 + 5000;
        let (mut ring, limit) = ring(budget);
        for arrival in 0..10_000 {
            ring.push(limit.admit(&[1; 3333]).unwrap(), arrival);
            assert!(ring.used() <= budget && ring.slabs.len() <= budget);
        }
        assert_eq!((ring.pushed(), ring.evicted()), (10_000, 10_000 - 628));
        assert_eq!(ring.oldest(), Some(10_000 - 628));
    }

    #[test]
    fn a_system_that_gives_no_more_memory_makes_the_ring_smaller_not_the_server_stop() {
        let (mut ring, limit) = ring(8 * SLAB as u64);
        ring.capacity = ring.slabs.len();
        for arrival in 0..100 {
            ring.push(limit.admit(&vec![1; SLAB / 2]).unwrap(), arrival);
        }
        assert_eq!((ring.pushed(), ring.oldest()), (100, Some(99)));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn what_is_stored_is_what_came_last(
            lengths in proptest::collection::vec(0..=SLAB / 4 - HEADER, 1..60),
            budget in 2 * SLAB..3 * SLAB,
        ) {
            let (mut ring, limit) = ring(budget as u64);
            let mut expected = VecDeque::new();
            for (arrival, length) in lengths.into_iter().enumerate() {
                let bytes = vec![arrival as u8; length];
                ring.push(limit.admit(&bytes).unwrap(), arrival as u64);
                expected.push_back((arrival as u64, bytes));
                while expected.len() as u64 > ring.records {
                    expected.pop_front();
                }
                let used: usize = expected.iter().map(|(_, bytes)| HEADER + bytes.len()).sum();
                prop_assert_eq!(ring.used(), used as u64);
                prop_assert_eq!(ring.oldest(), expected.front().map(|(arrival, _)| *arrival));
            }
            prop_assert_eq!(stored(&ring), Vec::from(expected));
        }
    }
}

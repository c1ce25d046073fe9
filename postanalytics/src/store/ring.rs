//! The circular buffer: records one behind the other, the oldest gives way to the newest.
//!
//! A record is a header ([`super::header`]) and the MessagePack that came in; it may lie across slabs and across the end of
//! the line. Nothing else is kept for a record – no index, no allocation – so the budget counts every byte there is.
//!
//! A cursor stands between records that the analysis has taken and those that it has not. It only moves towards the newest.

use iproto::frame;

use super::header::{HEADER, Header, Notice};
use super::slabs::{SLAB, Slabs};
use super::unseen::Unseen;

/// Bytes that the ring leaves to the rest of the server when the system runs out of memory. It stops growing then; the rest
/// could only abort. Above 32 MiB glibc does not learn from the probe to keep freed memory, see mallopt(3).
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
pub struct Record<'a> {
    bytes: &'a [u8],
    notice: Notice,
}

/// A record that is small enough and lies in several places.
#[derive(Clone, Copy, Debug)]
pub struct ScatteredRecord<'a> {
    pieces: &'a [&'a [u8]],
    length: usize,
    notice: Notice,
}

/// What the ring measures records by. It never changes, so it is known without a lock.
#[derive(Clone, Copy, Debug)]
pub struct Limit {
    largest: usize,
}

impl Limit {
    /// `bytes` as a record, if they are few enough.
    #[must_use]
    pub fn admit(self, bytes: &[u8], notice: Notice) -> Option<Record<'_>> {
        (bytes.len() <= self.largest).then_some(Record { bytes, notice })
    }

    /// `pieces`, one behind the other, as a record, if they are few enough bytes.
    #[must_use]
    pub fn admit_scattered<'a>(self, pieces: &'a [&'a [u8]], notice: Notice) -> Option<ScatteredRecord<'a>> {
        let length = pieces.iter().map(|piece| piece.len()).sum();
        (length <= self.largest).then_some(ScatteredRecord { pieces, length, notice })
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
    /// Where the first record begins that the analysis has not taken.
    cursor: u64,
    records: u64,
    evicted: u64,
    missed: u64,
    missed_attacks: u64,
}

impl Ring {
    /// A ring that keeps to `budget` bytes, rounded down to whole slabs, for records of at most `largest` bytes with their headers.
    ///
    /// The part that the largest record needs is reserved at once (not touched: it becomes resident when written), so
    /// that no insert can fail later; the rest is reserved as the ring fills.
    ///
    /// # Errors
    ///
    /// [`NoMemory`] if not even that part can be had.
    pub fn new(budget: u64, largest: u64) -> Result<(Self, Limit), NoMemory> {
        let slab = SLAB as u64;
        let capacity = (budget / slab).max(1) * slab;
        // No frame brings more.
        let largest = largest.min(capacity).min(frame::MAX_LENGTH as u64);
        let mut ring = Self {
            slabs: Slabs::default(),
            capacity,
            head: 0,
            tail: 0,
            cursor: 0,
            records: 0,
            evicted: 0,
            missed: 0,
            missed_attacks: 0,
        };
        while ring.slabs.len() < largest + HEADER as u64 {
            ring.slabs.grow().map_err(|_| NoMemory { bytes: largest })?;
        }
        let limit = Limit { largest: largest as usize - HEADER };
        Ok((ring, limit))
    }

    /// Puts a record behind the newest, dropping as many of the oldest as it needs room for.
    pub fn push(&mut self, Record { bytes, notice }: Record<'_>, arrival: u64) {
        self.push_scattered(ScatteredRecord { pieces: &[bytes], length: bytes.len(), notice }, arrival);
    }

    /// The same for a record that lies in several places.
    pub fn push_scattered(&mut self, record: ScatteredRecord<'_>, arrival: u64) {
        self.make_room((HEADER + record.length) as u64);
        let header = Header { length: record.length as u32, notice: record.notice, arrival };
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
            if self.slabs.grow_leaving(HEADROOM).is_err() {
                self.capacity = self.slabs.len();
            }
        }
        while self.used() + size > self.capacity {
            self.evict();
        }
    }

    fn evict(&mut self) {
        let header = self.header_at(self.head);
        if self.cursor == self.head {
            self.cursor += header.size();
            self.missed += u64::from(header.notice != Notice::Taken);
            self.missed_attacks += u64::from(header.notice == Notice::Attacks);
        }
        self.head += header.size();
        self.records -= 1;
        self.evicted += 1;
    }

    fn header_at(&self, at: u64) -> Header {
        let mut header = [0; HEADER];
        self.slabs.read(at, &mut header);
        Header::decode(header)
    }

    /// Copies records that the analysis has not taken, the oldest first, as many as `unseen` has room for, and counts them as
    /// taken. Returns whether there were any.
    pub fn take(&mut self, unseen: &mut Unseen) -> bool {
        let waiting = self.tail - self.cursor;
        let (slabs, cursor) = (&self.slabs, self.cursor);
        unseen.fill(waiting, |bytes| slabs.read(cursor, bytes));
        self.cursor += unseen.passed();
        waiting > 0
    }

    /// Bytes of records that the analysis has not taken.
    pub fn waiting(&self) -> u64 {
        self.tail - self.cursor
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

    /// Records that gave way before the analysis took them, and how many of those had attacks.
    pub fn missed(&self) -> (u64, u64) {
        (self.missed, self.missed_attacks)
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

    /// A ring for records of an eighth of it.
    fn ring(budget: u64) -> (Ring, Limit) {
        Ring::new(budget, budget / 8).unwrap()
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
        ring.push(limit.admit(&[7; 1000], Notice::Clean).unwrap(), 0);
        assert_eq!(ring.used(), 1012);
    }

    #[test]
    fn the_largest_record_is_told_with_its_header() {
        let (_, limit) = ring(8 << 20);
        assert!(limit.admit(&vec![0; SLAB - HEADER], Notice::Clean).is_some());
        assert!(limit.admit(&vec![0; SLAB - HEADER + 1], Notice::Clean).is_none());
    }

    #[test]
    fn the_budget_is_never_exceeded() {
        let (mut ring, limit) = ring(2 * SLAB as u64 + 5000);
        for arrival in 0..10_000 {
            ring.push(limit.admit(&[1; 3333], Notice::Clean).unwrap(), arrival);
            assert!(ring.used() <= 2 * SLAB as u64 && ring.slabs.len() <= 2 * SLAB as u64);
        }
        assert_eq!((ring.pushed(), ring.evicted()), (10_000, 10_000 - 626));
        assert_eq!(ring.oldest(), Some(10_000 - 626));
    }

    #[test]
    fn a_system_that_gives_no_more_memory_makes_the_ring_smaller_not_the_server_stop() {
        let (mut ring, limit) = ring(8 * SLAB as u64);
        ring.capacity = ring.slabs.len();
        for arrival in 0..100 {
            ring.push(limit.admit(&vec![1; SLAB / 2], Notice::Clean).unwrap(), arrival);
        }
        assert_eq!((ring.pushed(), ring.oldest()), (100, Some(97)));
    }

    fn take_all(ring: &mut Ring) -> Vec<u64> {
        let mut unseen = Unseen::new();
        let mut arrivals = Vec::new();
        while ring.take(&mut unseen) {
            arrivals.extend(unseen.records().map(|(arrival, _)| arrival));
        }
        arrivals
    }

    #[test]
    fn the_analysis_takes_each_record_once_and_none_that_was_looked_at_before() {
        let (mut ring, limit) = ring(8 << 20);
        for arrival in 0..1000 {
            let notice = if arrival % 3 == 0 { Notice::Taken } else { Notice::Clean };
            ring.push(limit.admit(&[1; 1000], notice).unwrap(), arrival);
        }
        assert_eq!(take_all(&mut ring), (0..1000).filter(|arrival| arrival % 3 != 0).collect::<Vec<_>>());
        ring.push(limit.admit(&[1; 1000], Notice::Attacks).unwrap(), 1000);
        assert_eq!((take_all(&mut ring), ring.missed(), ring.waiting()), (vec![1000], (0, 0), 0));
    }

    #[test]
    fn records_that_give_way_before_the_analysis_took_them_are_counted() {
        let (mut ring, limit) = ring(SLAB as u64);
        let big = vec![1; SLAB / 8 - HEADER];
        for (arrival, notice) in
            [Notice::Attacks, Notice::Clean, Notice::Taken, Notice::Attacks].into_iter().enumerate()
        {
            ring.push(limit.admit(&big, notice).unwrap(), arrival as u64);
        }
        for arrival in 4..11 {
            ring.push(limit.admit(&big, Notice::Taken).unwrap(), arrival);
        }
        assert_eq!((ring.missed(), ring.oldest()), ((2, 1), Some(3)));
        assert_eq!(take_all(&mut ring), [3]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn what_is_stored_is_what_came_last(lengths in proptest::collection::vec(0..=SLAB / 4 - HEADER, 1..60)) {
            let (mut ring, limit) = ring(2 * SLAB as u64);
            let mut expected = VecDeque::new();
            for (arrival, length) in lengths.into_iter().enumerate() {
                let bytes = vec![arrival as u8; length];
                ring.push(limit.admit(&bytes, Notice::Clean).unwrap(), arrival as u64);
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

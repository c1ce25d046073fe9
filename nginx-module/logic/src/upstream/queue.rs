//! Records that wait to be sent, one behind the other in large pieces of memory.
//!
//! Records are written into the last piece and read from the first. Pieces are used again, so that a worker in its stride
//! allocates nothing; none is ever moved, so that a queue of 100 MB grows as smoothly as one of 100 KB.

use std::collections::VecDeque;

/// Bytes of a piece of memory. A record may make it larger by itself.
const SEGMENT: usize = 64 * 1024;
/// A piece in which less than this is free gets no more records: most records fit without a move.
const SEGMENT_RESERVE: usize = 8 * 1024;
/// Pieces that are kept for later when they are empty.
const SPARE: usize = 4;
/// Entries for which memory is kept when the queue is empty.
const ENTRIES_KEPT: usize = 4096;

/// How much may wait in one worker.
///
/// Without any limit given the memory is limited to 100 MiB; a limit given alone is the only one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueLimits {
    count: Option<usize>,
    memory: Option<usize>,
}

impl QueueLimits {
    /// What `wallarm_upstream_queue_memory_limit` is unless something is set: 100m.
    pub const DEFAULT_MEMORY: usize = 100 * 1024 * 1024;

    /// The limits that `wallarm_upstream_queue_limit` (records) and `wallarm_upstream_queue_memory_limit` (bytes) make together.
    #[must_use]
    pub fn new(count: Option<usize>, memory: Option<usize>) -> Self {
        match (count, memory) {
            (None, None) => Self { count: None, memory: Some(Self::DEFAULT_MEMORY) },
            given => Self { count: given.0, memory: given.1 },
        }
    }

    /// Whether so many records of so many bytes may wait.
    #[must_use]
    pub fn permits(self, count: usize, memory: usize) -> bool {
        self.count.is_none_or(|limit| count <= limit) && self.memory.is_none_or(|limit| memory <= limit)
    }
}

/// No place is left for a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Full;

/// What is known of a record beside its bytes.
#[derive(Clone, Copy, Debug)]
struct Entry {
    length: usize,
    key: u64,
}

/// A piece of memory; records stand in `bytes[start..]`.
#[derive(Debug, Default)]
struct Segment {
    bytes: Vec<u8>,
    start: usize,
}

/// A record that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Waiting<'a> {
    /// The whole frame.
    pub(super) frame: &'a [u8],
    /// By which a server is chosen, if servers are chosen by a key.
    pub(super) key: u64,
}

/// Records that wait, first in, first out.
#[derive(Debug)]
pub(super) struct Queue {
    limits: QueueLimits,
    segments: VecDeque<Segment>,
    spare: Vec<Vec<u8>>,
    entries: VecDeque<Entry>,
    bytes: usize,
}

impl Queue {
    pub(super) fn new(limits: QueueLimits) -> Self {
        Self { limits, segments: VecDeque::new(), spare: Vec::new(), entries: VecDeque::new(), bytes: 0 }
    }

    /// Number of records.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Bytes that count towards the memory limit: the records, and what is known of each.
    pub(super) fn memory(&self) -> usize {
        self.bytes + self.entries.len() * size_of::<Entry>()
    }

    /// Appends the record that `write` appends to its argument. It must not change what stands there.
    pub(super) fn push(&mut self, key: u64, write: impl FnOnce(&mut Vec<u8>)) -> Result<(), Full> {
        if !self.has_place(0) {
            return Err(Full);
        }
        let reserve_left = |segment: &Segment| segment.bytes.len() + SEGMENT_RESERVE <= SEGMENT;
        if !self.segments.back().is_some_and(reserve_left) {
            let bytes = self.spare.pop().unwrap_or_else(|| Vec::with_capacity(SEGMENT));
            self.segments.push_back(Segment { bytes, start: 0 });
        }
        let Some(segment) = self.segments.back_mut() else { return Err(Full) };
        let before = segment.bytes.len();
        write(&mut segment.bytes);
        let length = segment.bytes.len().saturating_sub(before);
        if length == 0 || !self.has_place(length) {
            self.take_back(before);
            return Err(Full);
        }
        self.bytes += length;
        self.entries.push_back(Entry { length, key });
        Ok(())
    }

    fn has_place(&self, more: usize) -> bool {
        let memory = self.memory().saturating_add(more).saturating_add(size_of::<Entry>());
        self.limits.permits(self.len().saturating_add(1), memory)
    }

    /// Cuts the last piece back to `length` bytes; an empty one must not stay, for the first record stands in the first piece.
    fn take_back(&mut self, length: usize) {
        if let Some(segment) = self.segments.back_mut() {
            segment.bytes.truncate(length);
            if segment.start == segment.bytes.len()
                && let Some(empty) = self.segments.pop_back()
            {
                self.keep(empty.bytes);
            }
        }
    }

    /// The record that is next.
    pub(super) fn front(&self) -> Option<Waiting<'_>> {
        let (entry, segment) = (self.entries.front()?, self.segments.front()?);
        let frame = segment.bytes.get(segment.start..segment.start + entry.length)?;
        Some(Waiting { frame, key: entry.key })
    }

    /// Forgets the record that is next.
    pub(super) fn pop(&mut self) {
        let Some(entry) = self.entries.pop_front() else { return };
        self.bytes -= entry.length;
        if let Some(segment) = self.segments.front_mut() {
            segment.start += entry.length;
            if segment.start >= segment.bytes.len()
                && let Some(empty) = self.segments.pop_front()
            {
                self.keep(empty.bytes);
            }
        }
        if self.entries.is_empty() {
            self.entries.shrink_to(ENTRIES_KEPT);
        }
    }

    /// Puts records back before all others, in their order. They were in the queue before, so no limit turns them away.
    pub(super) fn put_back<'a>(&mut self, records: impl DoubleEndedIterator<Item = Waiting<'a>> + Clone) {
        let mut bytes = self.spare.pop().unwrap_or_default();
        records.clone().for_each(|record| bytes.extend_from_slice(record.frame));
        if bytes.is_empty() {
            self.keep(bytes);
            return;
        }
        self.bytes += bytes.len();
        self.segments.push_front(Segment { bytes, start: 0 });
        for record in records.rev() {
            self.entries.push_front(Entry { length: record.frame.len(), key: record.key });
        }
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        *self = Self::new(self.limits);
    }

    fn keep(&mut self, mut bytes: Vec<u8>) {
        if self.spare.len() < SPARE && bytes.capacity() <= 2 * SEGMENT {
            bytes.clear();
            self.spare.push(bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn unlimited() -> Queue {
        Queue::new(QueueLimits::new(Some(usize::MAX), None))
    }

    fn push(queue: &mut Queue, frame: &[u8]) -> Result<(), Full> {
        queue.push(7, |out| out.extend_from_slice(frame))
    }

    #[test]
    fn a_limit_given_alone_is_the_only_one() {
        let both = |count, memory| QueueLimits { count, memory };
        assert_eq!(QueueLimits::new(None, None), both(None, Some(100 << 20)));
        assert_eq!(QueueLimits::new(Some(5), None), both(Some(5), None));
        assert_eq!(QueueLimits::new(None, Some(9)), both(None, Some(9)));
        assert_eq!(QueueLimits::new(Some(5), Some(9)), both(Some(5), Some(9)));
    }

    #[test]
    fn over_the_count_the_new_record_finds_no_place() {
        let mut queue = Queue::new(QueueLimits::new(Some(2), None));
        assert_eq!([b"a", b"b", b"c"].map(|frame| push(&mut queue, frame)), [Ok(()), Ok(()), Err(Full)]);
        assert_eq!(queue.front(), Some(Waiting { frame: b"a", key: 7 }));
        queue.pop();
        assert_eq!(push(&mut queue, b"d"), Ok(()));
    }

    #[test]
    fn over_the_memory_the_new_record_finds_no_place_and_leaves_no_trace() {
        let entry = size_of::<Entry>();
        let mut queue = Queue::new(QueueLimits::new(None, Some(2 * entry + 10)));
        assert_eq!(push(&mut queue, b"12345678"), Ok(()));
        assert_eq!(push(&mut queue, b"abc"), Err(Full));
        assert_eq!(push(&mut queue, b"ab"), Ok(()));
        assert_eq!(push(&mut queue, b""), Err(Full));
        assert_eq!((queue.len(), queue.memory()), (2, 2 * entry + 10));
        queue.pop();
        assert_eq!(queue.front(), Some(Waiting { frame: b"ab", key: 7 }));
        queue.pop();
        assert_eq!((queue.front(), queue.memory()), (None, 0));
    }

    #[test]
    fn a_record_refused_by_an_empty_queue_does_not_hide_the_next_one() {
        let mut queue = Queue::new(QueueLimits::new(None, Some(100)));
        assert_eq!(push(&mut queue, &[b'x'; 200]), Err(Full));
        assert_eq!(push(&mut queue, b"y"), Ok(()));
        assert_eq!(queue.front(), Some(Waiting { frame: b"y", key: 7 }));
    }

    #[test]
    fn records_put_back_come_before_all_others_in_their_order() {
        let mut queue = unlimited();
        push(&mut queue, b"later").unwrap();
        let back = [Waiting { frame: b"one", key: 1 }, Waiting { frame: b"two", key: 2 }];
        queue.put_back(back.into_iter());
        queue.put_back([].into_iter());
        let mut order = Vec::new();
        while let Some(record) = queue.front() {
            order.push((record.frame.to_vec(), record.key));
            queue.pop();
        }
        assert_eq!(order, [(b"one".to_vec(), 1), (b"two".to_vec(), 2), (b"later".to_vec(), 7)]);
    }

    #[test]
    fn pieces_of_memory_are_used_again() {
        let mut queue = unlimited();
        for _ in 0..100 {
            (0..200).for_each(|_| push(&mut queue, &[b'r'; 1000]).unwrap());
            while queue.front().is_some() {
                queue.pop();
            }
        }
        assert_eq!((queue.spare.len(), queue.segments.len()), (SPARE, 0));
        assert!(queue.spare.iter().all(|bytes| bytes.capacity() == SEGMENT));
    }

    proptest! {
        #[test]
        fn what_goes_in_comes_out_in_order(steps in vec(prop_oneof![
            3 => (1usize..30_000).prop_map(Some),
            2 => Just(None),
        ], 0..200)) {
            let (mut queue, mut model) = (unlimited(), VecDeque::new());
            for (number, step) in steps.into_iter().enumerate() {
                if let Some(length) = step {
                    let frame = vec![number as u8; length];
                    push(&mut queue, &frame).unwrap();
                    model.push_back(frame);
                } else {
                    prop_assert_eq!(queue.front().map(|record| record.frame), model.front().map(|frame| &frame[..]));
                    queue.pop();
                    model.pop_front();
                }
                let bytes: usize = model.iter().map(Vec::len).sum();
                prop_assert_eq!((queue.len(), queue.bytes), (model.len(), bytes));
            }
        }
    }
}

//! What is in memory, and every figure. Nothing here touches the disk.

use std::collections::{BTreeMap, VecDeque};
use std::time::Instant;

use spool::layout::LONGEST_PAYLOAD;
use spool::{Draft, Entry, Sequence, State};

use super::{Amount, Degraded, Figures};
use crate::system::unix_now;

/// An attack in memory.
#[derive(Debug)]
pub struct Hit {
    /// Its number in memory, in the order of offering; none on disk has it.
    sequence: Sequence,
    /// The number of its request: that of the first hit of it.
    request: Sequence,
    /// Whether the hit before it on disk is of the same request, as soon as it is about to be written.
    follows: bool,
    /// When its request came.
    arrival: u64,
    /// What was offered.
    json: Box<[u8]>,
}

impl Hit {
    /// Bytes that it takes in memory.
    fn size(&self) -> usize {
        size_of::<Self>() + self.json.len()
    }

    /// As it is written to disk.
    pub fn draft(&self) -> Draft<'_> {
        Draft { written: self.arrival, follows: self.follows, bytes: &self.json }
    }
}

/// What is known without looking at the disk.
#[derive(Debug)]
pub struct Queue {
    budget: usize,
    /// Not handed out and not being written, oldest first.
    waiting: VecDeque<Hit>,
    /// Handed out from memory, not done.
    taken: BTreeMap<Sequence, Hit>,
    /// The hits that the writer has.
    writing: Writing,
    /// The request of the hit that was written to disk last.
    last_written: Option<Sequence>,
    /// Bytes of all of these.
    bytes: usize,
    /// Bytes of those that wait.
    waiting_bytes: usize,
    /// When the oldest of those that wait was offered, or an earlier moment.
    unsaved_since: Option<Instant>,
    next: Sequence,
    /// The request of the hit that was offered last.
    request: Sequence,
    degraded: Option<Degraded>,
    stopped: bool,
    writer_ended: bool,
    disk: State,
    offered: u64,
    recovered: u64,
    /// Entries that had been lost before the start.
    lost_before: u64,
    done: u64,
    dropped: u64,
    dropped_requests: u64,
    /// The request of the hit that gave way last.
    last_dropped: Option<Sequence>,
    last_drop: Option<u64>,
}

/// What the writer has.
#[derive(Debug, Default)]
struct Writing {
    amount: Amount,
    /// Arrival of the oldest.
    oldest: Option<u64>,
    /// The request of the last.
    last: Option<Sequence>,
}

impl Queue {
    /// An empty queue that may take so many bytes.
    pub fn new(budget: usize) -> Self {
        Self {
            budget,
            waiting: VecDeque::new(),
            taken: BTreeMap::new(),
            writing: Writing::default(),
            last_written: None,
            bytes: 0,
            waiting_bytes: 0,
            unsaved_since: None,
            next: Sequence(Sequence::END),
            request: Sequence(Sequence::END),
            degraded: None,
            stopped: false,
            writer_ended: false,
            disk: State::default(),
            offered: 0,
            recovered: 0,
            lost_before: 0,
            done: 0,
            dropped: 0,
            dropped_requests: 0,
            last_dropped: None,
            last_drop: None,
        }
    }

    /// Takes an attack in, of the same request as the one before if it `follows`. What no longer fits gives way, oldest first.
    pub fn offer(&mut self, json: &[u8], arrival: u64, follows: bool) {
        self.offered += 1;
        let sequence = self.next;
        self.next.0 += 1;
        if !follows {
            self.request = sequence;
        }
        let hit = Hit { sequence, request: self.request, follows: false, arrival, json: json.into() };
        if json.len() > LONGEST_PAYLOAD || hit.size() > self.budget {
            return self.count_drop(&hit);
        }
        self.bytes += hit.size();
        self.waiting_bytes += hit.size();
        self.waiting.push_back(hit);
        self.unsaved_since.get_or_insert_with(Instant::now);
        self.keep_to_budget();
    }

    fn keep_to_budget(&mut self) {
        while self.bytes > self.budget
            && let Some(hit) = self.pop()
        {
            self.bytes -= hit.size();
            self.count_drop(&hit);
        }
    }

    fn pop(&mut self) -> Option<Hit> {
        let hit = self.waiting.pop_front()?;
        self.waiting_bytes -= hit.size();
        if self.waiting.is_empty() {
            self.unsaved_since = None;
        }
        Some(hit)
    }

    fn count_drop(&mut self, hit: &Hit) {
        self.dropped += 1;
        self.dropped_requests += u64::from(self.last_dropped != Some(hit.request));
        self.last_dropped = Some(hit.request);
        self.last_drop = Some(unix_now());
    }

    /// Gives the oldest hits to the writer: one at least, and no more bytes than these. They count as waiting on.
    pub fn begin_write(&mut self, most: usize) -> Vec<Hit> {
        let (mut batch, mut bytes, mut last) = (Vec::new(), 0, self.last_written);
        while let Some(hit) = self.waiting.front()
            && (batch.is_empty() || bytes + hit.size() <= most)
        {
            bytes += hit.size();
            batch.extend(self.pop());
        }
        for hit in &mut batch {
            hit.follows = last.replace(hit.request) == Some(hit.request);
        }
        let oldest = batch.iter().map(|hit: &Hit| hit.arrival).min();
        let amount = Amount { count: batch.len() as u64, bytes: bytes as u64 };
        self.writing = Writing { amount, oldest, last };
        batch
    }

    /// The hits that the writer had are on disk.
    pub fn written(&mut self, disk: State) {
        let Writing { amount, last, .. } = std::mem::take(&mut self.writing);
        self.bytes -= amount.bytes as usize;
        self.last_written = last;
        self.set_disk(disk);
    }

    /// The hits that the writer had come back: the disk did not take them.
    pub fn not_written(&mut self, batch: Vec<Hit>) {
        self.writing = Writing::default();
        for hit in batch.into_iter().rev() {
            self.waiting_bytes += hit.size();
            self.waiting.push_front(hit);
        }
        if !self.waiting.is_empty() {
            self.unsaved_since.get_or_insert_with(Instant::now);
        }
        self.keep_to_budget();
    }

    /// The state of the spool after something was done with it.
    pub fn set_disk(&mut self, disk: State) {
        if disk.dropped > self.disk.dropped || disk.damage.lost > self.disk.damage.lost {
            self.last_drop = Some(unix_now());
        }
        self.disk = disk;
    }

    /// The spool is open.
    pub fn opened(&mut self, disk: State) {
        self.recovered = disk.waiting;
        self.lost_before = disk.damage.lost;
        self.disk = disk;
    }

    /// Hands out hits of the memory, while the disk does not take them.
    pub fn take_while_degraded(&mut self, most: usize) -> Vec<Entry> {
        let mut entries = Vec::new();
        while self.degraded.is_some()
            && entries.len() < most
            && let Some(hit) = self.pop()
        {
            entries.push(Entry { sequence: hit.sequence, written: hit.arrival, bytes: hit.json.to_vec() });
            self.taken.insert(hit.sequence, hit);
        }
        entries
    }

    /// A hit that was handed out from memory is dealt with.
    pub fn done(&mut self, sequence: Sequence) {
        if let Some(hit) = self.taken.remove(&sequence) {
            self.bytes -= hit.size();
            self.done += 1;
        }
    }

    /// A hit that was handed out from disk is dealt with.
    pub fn done_on_disk(&mut self, disk: State) {
        self.set_disk(disk);
        self.done += 1;
    }

    /// Hits that were handed out from memory and are not done wait again, before all others: the server stops.
    pub fn take_back(&mut self) {
        let taken = std::mem::take(&mut self.taken);
        for hit in taken.into_values().rev() {
            self.waiting_bytes += hit.size();
            self.waiting.push_front(hit);
        }
    }

    /// Nothing more is to be written by the thread.
    pub fn stop(&mut self) {
        self.stopped = true;
    }

    /// Whether the server stops.
    pub fn is_stopped(&self) -> bool {
        self.stopped
    }

    /// The thread has ended.
    pub fn end_writer(&mut self) {
        self.writer_ended = true;
    }

    /// Whether the thread has ended.
    pub fn is_writer_ended(&self) -> bool {
        self.writer_ended
    }

    /// Since when the oldest hit waits for being written, if any does.
    pub fn unsaved_since(&self) -> Option<Instant> {
        self.unsaved_since
    }

    /// Bytes that wait for being written.
    pub fn unsaved_bytes(&self) -> usize {
        self.waiting_bytes
    }

    /// Whether the disk takes nothing.
    pub fn is_degraded(&self) -> bool {
        self.degraded.is_some()
    }

    /// The disk takes nothing; tells whether that is new.
    pub fn degrade(&mut self, why: String) -> bool {
        let since = self.degraded.as_ref().map(|degraded| degraded.since);
        self.degraded = Some(Degraded { since: since.unwrap_or_else(unix_now), why });
        since.is_none()
    }

    /// The disk works; tells since when it did not.
    pub fn recover(&mut self) -> Option<Degraded> {
        self.degraded.take()
    }

    /// Whether there is something to hand out.
    pub fn has_entries(&self) -> bool {
        self.disk.waiting > 0 || self.is_degraded() && !self.waiting.is_empty()
    }

    /// All figures.
    pub fn figures(&self) -> Figures {
        let Writing { amount: writing, oldest: oldest_writing, .. } = self.writing;
        let in_memory = self.waiting.front().into_iter().chain(self.taken.values().next()).map(|hit| hit.arrival);
        Figures {
            offered: self.offered,
            recovered: self.recovered,
            waiting: Amount {
                count: self.waiting.len() as u64 + writing.count,
                bytes: self.waiting_bytes as u64 + writing.bytes,
            },
            spooled: Amount { count: self.disk.waiting, bytes: self.disk.bytes },
            in_flight: self.disk.handed_out + self.taken.len() as u64,
            done: self.done,
            dropped: self.dropped + self.disk.dropped,
            dropped_requests: self.dropped_requests + self.disk.dropped_groups,
            last_drop: self.last_drop,
            lost: self.disk.damage.lost - self.lost_before,
            damage: self.disk.damage,
            degraded: self.degraded.clone(),
            oldest: in_memory.chain(oldest_writing).chain(self.disk.oldest_written).min(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hands hits to a writer and tells which of them belong with the one before on disk.
    fn write(queue: &mut Queue, most: usize) -> Vec<bool> {
        let batch = queue.begin_write(most);
        queue.written(State::default());
        batch.iter().map(|hit| hit.draft().follows).collect()
    }

    #[test]
    fn hits_of_a_request_belong_together_on_disk_across_batches() {
        let mut queue = Queue::new(1 << 16);
        for follows in [false, true, true, false, true] {
            queue.offer(b"{}", 1, follows);
        }
        assert_eq!(write(&mut queue, 1), [false]);
        let refused = queue.begin_write(1);
        assert!(refused[0].draft().follows);
        queue.not_written(refused);
        assert_eq!(write(&mut queue, 1 << 16), [true, true, false, true]);
    }

    #[test]
    fn a_hit_whose_request_is_not_before_it_on_disk_stands_alone_there() {
        let mut queue = Queue::new(1 << 16);
        queue.offer(b"{}", 1, false);
        assert_eq!(write(&mut queue, 1), [false]);
        queue.offer(b"{}", 2, false);
        queue.offer(b"{}", 2, true);
        queue.degrade("full".to_owned());
        assert_eq!(queue.take_while_degraded(1).len(), 1);
        assert_eq!(write(&mut queue, 1), [false]);
    }
}

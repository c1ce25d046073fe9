//! The keys, in shared memory: a hash table of small sets, each with a lock of its own.
//!
//! A key belongs to one set and is looked for nowhere else. When its set is full of keys that still matter, the one that
//! matters least makes room. Untouched memory stays untouched, sweeping included, so a large table costs what is used.

use std::hash::Hasher;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use siphasher::sip128::{Hasher128, SipHasher13};

use super::limit::{Decision, RateLimit, Span};
use super::lock::{Owner, hold};
use crate::shared_memory::TooSmall;

/// Changes with every change of the layout.
const LAYOUT: u64 = u64::from_be_bytes(*b"wlrmrl01");
/// Bytes of a key's value that tell it from others.
const KEY_BYTES: usize = 8000;
/// Lines of statistics; workers that count in different lines do not wait for each other.
const COUNTERS: usize = 8;
const HEADER_WORDS: usize = 8 + COUNTERS * 8;
/// Words of a set: the lock, one unused, and ten entries of three words.
const SET_WORDS: usize = 32;
/// Sets that share a bit which says whether one of them was ever used: about a page.
const SETS_PER_BIT: usize = 16;
const SETS_PER_WORD: usize = SETS_PER_BIT * 64;

type Set = [AtomicU64; SET_WORDS];
/// Both halves of the key, and the moment at which its bucket is empty; 0 in a free entry.
type EntryWords = [AtomicU64; 3];

/// The table.
#[derive(Clone, Copy, Debug)]
pub struct Table<'a> {
    header: &'a [AtomicU64; 8],
    counters: &'a [[AtomicU64; 8]],
    sets: &'a [Set],
    /// One bit for [`SETS_PER_BIT`] sets.
    used: &'a [AtomicU64],
    parts: usize,
    bytes: u64,
}

/// A key: a hash of the limit and of the value, seeded so that nobody outside can make two keys meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    high: u64,
    low: u64,
}

/// What the status page shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Bytes of shared memory.
    pub shm_zone_size: u64,
    /// Parts of the table, each swept by one worker.
    pub buckets_count: u64,
    /// Keys that are remembered.
    pub entries: u64,
    /// Requests delayed.
    pub delayed: u64,
    /// Requests refused.
    pub exceeded: u64,
    /// Keys forgotten because they were idle.
    pub expired: u64,
    /// Keys forgotten early, to make room.
    pub removed: u64,
    /// Requests whose key found no place, and which passed.
    pub no_free_nodes: u64,
}

/// Where sweeping a part goes on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SweepPosition(usize);

enum Counter {
    Entries,
    Delayed,
    Exceeded,
    Expired,
    Removed,
    NoFreeNodes,
}

impl<'a> Table<'a> {
    /// The fewest words that hold a table.
    pub const LEAST_WORDS: usize = HEADER_WORDS + SET_WORDS + 1;

    /// Takes memory into use before any worker runs. New memory is all zero; what a former configuration left in the same
    /// layout stays. `seed` is random; the rest as in [`Self::attach`].
    ///
    /// # Errors
    ///
    /// When there is no room for one set.
    pub fn prepare(words: &'a [AtomicU64], seed: [u64; 2], workers: usize, bytes: u64) -> Result<Self, TooSmall> {
        let table = Self::attach(words, workers, bytes)?;
        let [layout, seed_high, seed_low, ..] = table.header;
        if layout.load(Relaxed) != LAYOUT {
            if layout.load(Relaxed) != 0 {
                words.iter().for_each(|word| word.store(0, Relaxed));
            }
            seed_high.store(seed[0], Relaxed);
            seed_low.store(seed[1], Relaxed);
            layout.store(LAYOUT, Relaxed);
        }
        Ok(table)
    }

    /// A view of memory that was taken into use before. `workers` is their number, `bytes` the size to report.
    ///
    /// # Errors
    ///
    /// When there is no room for one set.
    pub fn attach(words: &'a [AtomicU64], workers: usize, bytes: u64) -> Result<Self, TooSmall> {
        let too_small = TooSmall { needed: Self::LEAST_WORDS, found: words.len() };
        if words.len() < Self::LEAST_WORDS {
            return Err(too_small);
        }
        let (header, rest) = words.split_first_chunk::<8>().ok_or(too_small)?;
        let (counters, rest) = rest.split_at_checked(COUNTERS * 8).ok_or(too_small)?;
        // Sets and their bits share what is left; the one word taken off pays for rounding up.
        let count = (rest.len() - 1) * SETS_PER_WORD / (SETS_PER_WORD * SET_WORDS + 1);
        let (sets, rest) = rest.split_at_checked(count.max(1) * SET_WORDS).ok_or(too_small)?;
        let used = rest.get(..count.max(1).div_ceil(SETS_PER_WORD)).ok_or(too_small)?;
        let parts = workers.clamp(1, COUNTERS);
        Ok(Self { header, counters: counters.as_chunks().0, sets: sets.as_chunks().0, used, parts, bytes })
    }

    /// The key of a value under a limit. Only the first 8,000 bytes of a value count.
    #[must_use]
    pub fn key(&self, limit: &RateLimit, value: &[u8]) -> Key {
        let [_, seed_high, seed_low, ..] = self.header;
        let mut hasher = SipHasher13::new_with_keys(seed_high.load(Relaxed), seed_low.load(Relaxed));
        limit.numbers().iter().for_each(|number| hasher.write_u64(*number));
        hasher.write_usize(limit.key.len());
        hasher.write(limit.key.as_bytes());
        hasher.write(value.get(..KEY_BYTES).unwrap_or(value));
        let hash = hasher.finish128();
        Key { high: hash.h1, low: hash.h2 }
    }

    /// Decides about a request, and counts it against its key.
    pub fn check(&self, owner: Owner, key: Key, limit: &RateLimit, now: Span) -> Decision {
        let index = usize::try_from(key.low).unwrap_or(0) % self.sets.len().max(1);
        let Some(set) = self.sets.get(index) else { return Decision::Pass };
        self.mark_used(index);
        let [lock, _, entries @ ..] = set;
        let entries: &[EntryWords] = entries.as_chunks().0;
        let held = hold(lock, owner);
        let entry =
            entries.iter().find(|entry| is_of(entry, key)).or_else(|| self.claim(index, entries, key, limit, now));
        let decision = entry.map_or(Decision::Pass, |[_, _, empty_at]| {
            let (decision, moment) = limit.decide(empty_at.load(Relaxed), now);
            empty_at.store(moment, Relaxed);
            decision
        });
        drop(held);
        match decision {
            Decision::Pass => {}
            Decision::Delay(_) => self.count(index, &Counter::Delayed, 1),
            Decision::Refuse => self.count(index, &Counter::Exceeded, 1),
        }
        decision
    }

    /// Gives a key an entry of its set: a free one, an idle one, or that of the key whose bucket empties first. A key with
    /// more excess than the new one will have keeps its place: however many keys a client makes up, they cannot push out
    /// one that is being limited. The caller holds the lock.
    fn claim<'e>(
        &self,
        set: usize,
        entries: &'e [EntryWords],
        key: Key,
        limit: &RateLimit,
        now: Span,
    ) -> Option<&'e EntryWords> {
        let entry = entries.iter().min_by_key(|[_, _, empty_at]| empty_at.load(Relaxed))?;
        let [high, low, empty_at] = entry;
        match empty_at.load(Relaxed) {
            0 => self.count(set, &Counter::Entries, 1),
            moment if moment <= now => self.count(set, &Counter::Expired, 1),
            moment if moment <= limit.after_one_request(now) => self.count(set, &Counter::Removed, 1),
            _ => {
                self.count(set, &Counter::NoFreeNodes, 1);
                return None;
            }
        }
        high.store(key.high, Relaxed);
        low.store(key.low, Relaxed);
        empty_at.store(now, Relaxed);
        Some(entry)
    }

    /// Forgets idle keys of a part, in at most `most` sets, and says where to go on; none when the part is done. A worker
    /// whose number is no part has nothing to sweep.
    #[must_use]
    pub fn sweep(
        &self,
        owner: Owner,
        part: usize,
        from: SweepPosition,
        most: usize,
        now: Span,
    ) -> Option<SweepPosition> {
        if part >= self.parts {
            return None;
        }
        let (start, end) = (self.sets.len() * part / self.parts, self.sets.len() * (part + 1) / self.parts);
        let first = start.saturating_add(from.0);
        let last = end.min(first.saturating_add(most));
        for (index, set) in self.sets.iter().enumerate().take(last).skip(first) {
            if self.is_used(index) {
                self.sweep_set(owner, index, set, now);
            }
        }
        (last < end).then(|| SweepPosition(last.saturating_sub(start)))
    }

    fn sweep_set(&self, owner: Owner, index: usize, set: &Set, now: Span) {
        let [lock, _, entries @ ..] = set;
        let entries: &[EntryWords] = entries.as_chunks().0;
        let idle = |[_, _, empty_at]: &&EntryWords| (1..=now).contains(&empty_at.load(Relaxed));
        // A look without the lock: most sets have nothing to forget.
        if !entries.iter().any(|entry| idle(&entry)) {
            return;
        }
        let held = hold(lock, owner);
        let mut forgotten = 0;
        for entry in entries.iter().filter(idle) {
            entry.iter().for_each(|word| word.store(0, Relaxed));
            forgotten += 1;
        }
        drop(held);
        self.count(index, &Counter::Expired, forgotten);
        self.count(index, &Counter::Entries, forgotten.wrapping_neg());
    }

    /// Reads the statistics.
    #[must_use]
    pub fn statistics(&self) -> Statistics {
        // Entries of one line may go below zero when another line counted them; the sum is right all the same.
        let sum = self.counters.iter().fold([0_u64; 6], |sum, line| {
            let [entries, delayed, exceeded, expired, removed, no_free_nodes, ..] = line;
            let line = [entries, delayed, exceeded, expired, removed, no_free_nodes];
            std::array::from_fn(|at| {
                let part = line.get(at).map_or(0, |word| word.load(Relaxed));
                sum.get(at).map_or(0, |whole: &u64| whole.wrapping_add(part))
            })
        });
        let [entries, delayed, exceeded, expired, removed, no_free_nodes] = sum;
        Statistics {
            shm_zone_size: self.bytes,
            buckets_count: u64::try_from(self.parts).unwrap_or(u64::MAX),
            entries,
            delayed,
            exceeded,
            expired,
            removed,
            no_free_nodes,
        }
    }

    fn count(&self, set: usize, what: &Counter, by: u64) {
        let Some(line) = self.counters.get(set % COUNTERS) else { return };
        let [entries, delayed, exceeded, expired, removed, no_free_nodes, ..] = line;
        let word = match what {
            Counter::Entries => entries,
            Counter::Delayed => delayed,
            Counter::Exceeded => exceeded,
            Counter::Expired => expired,
            Counter::Removed => removed,
            Counter::NoFreeNodes => no_free_nodes,
        };
        word.fetch_add(by, Relaxed);
    }

    fn mark_used(&self, set: usize) {
        // Read first: the bit is nearly always set, and reading leaves the line with the other workers.
        if let Some(word) = self.used.get(set / SETS_PER_WORD).filter(|_| !self.is_used(set)) {
            word.fetch_or(1 << (set % SETS_PER_WORD / SETS_PER_BIT), Relaxed);
        }
    }

    fn is_used(&self, set: usize) -> bool {
        let bit = 1 << (set % SETS_PER_WORD / SETS_PER_BIT);
        self.used.get(set / SETS_PER_WORD).is_some_and(|word| word.load(Relaxed) & bit != 0)
    }
}

fn is_of(entry: &EntryWords, key: Key) -> bool {
    let [high, low, empty_at] = entry;
    low.load(Relaxed) == key.low && high.load(Relaxed) == key.high && empty_at.load(Relaxed) != 0
}

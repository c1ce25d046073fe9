//! The layout of the shared memory, and adding to it.
//!
//! All words are atomics that only ever need relaxed order, with one exception: a request is counted before its block is, and
//! a reader looks in the opposite order, so that no answer ever shows more blocked requests than requests.
//!
//! What every request adds is kept apart by worker ([`SHARDS`]), each shard of an application in a cache line of its own:
//! workers do not wait for each other's lines. Totals are the sums, so they cannot disagree with the parts.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{Relaxed, Release};
use std::time::Duration;

use super::split::{ENTRIES, Entry};
use super::workers::WORKERS;
use crate::shared_memory::TooSmall;

/// Changes with every change of the layout, so that memory that another version of the module left is not misread.
const LAYOUT: u64 = u64::from_be_bytes(*b"wlrmst01");

/// How many copies of the counters there are; workers beyond share them.
pub(super) const SHARDS: usize = 8;

/// Words of a cache line.
pub(super) type Line = [AtomicU64; 8];
/// Words of the key of an application: state, application, and two for the client.
pub(super) type KeyWords = [AtomicU64; 4];

const HEADER_WORDS: usize = 16;
const WORKER_WORDS: usize = WORKERS * 8;
const KEY_WORDS: usize = ENTRIES * 4;
const COUNT_WORDS: usize = SHARDS * ENTRIES * 8;

/// A view of the counters in shared memory.
///
/// Copies are views of the same words.
#[derive(Clone, Copy, Debug)]
pub struct Shared<'a> {
    pub(super) header: &'a Line,
    pub(super) rare: &'a Line,
    pub(super) workers: &'a [Line],
    pub(super) keys: &'a [KeyWords],
    pub(super) counts: &'a [Line],
}

/// What one processed request adds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Processed {
    /// Whether an attack was found.
    pub attack: bool,
    /// Whether it was blocked, for whatever reason.
    pub blocked: bool,
    /// Whether it was the denylist that blocked it.
    pub blocked_by_acl: bool,
    /// Whether the analysis was cut short (`overlimit_res`).
    pub overlimit: bool,
    /// Time spent on analysis.
    pub detection: Duration,
}

/// A counter that belongs to no application, and is seldom touched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rare {
    /// A request from an allowlisted source.
    AllowListed,
    /// A record that postanalytics did not take.
    PostanalyticsLost,
    /// A record that the API did not take.
    ApiLost,
    /// A worker that ended without saying so.
    WorkerCrash,
    /// A request reached its memory limit.
    MemoryLimit,
    /// The memory limit of a ruleset was reached.
    RulesetMemoryLimit,
    /// Any other error of the engine.
    EngineError,
}

/// The kinds of ruleset file, and what is known of one that came into use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    /// `proton.db`.
    Database {
        /// Its id.
        id: u64,
    },
    /// The custom ruleset.
    Custom {
        /// Its build; 0 for none.
        id: u64,
        /// Its format; 0 for none.
        version: u64,
    },
}

impl<'a> Shared<'a> {
    /// How many words the counters take.
    pub const WORDS: usize = HEADER_WORDS + WORKER_WORDS + KEY_WORDS + COUNT_WORDS;

    /// Takes memory into use before any worker runs. What a former configuration of the same layout counted stays, and so does
    /// its start id; anything else is cleared.
    ///
    /// # Errors
    ///
    /// When there are fewer words than [`Self::WORDS`].
    pub fn prepare(words: &'a [AtomicU64], start_id: u64) -> Result<Self, TooSmall> {
        let shared = Self::attach(words)?;
        let [layout, start, ..] = shared.header;
        if layout.load(Relaxed) != LAYOUT {
            words.iter().for_each(|word| word.store(0, Relaxed));
            start.store(start_id, Relaxed);
            layout.store(LAYOUT, Release);
        }
        Ok(shared)
    }

    /// A view of memory that was taken into use before.
    ///
    /// # Errors
    ///
    /// When there are fewer words than [`Self::WORDS`].
    pub fn attach(words: &'a [AtomicU64]) -> Result<Self, TooSmall> {
        let too_small = TooSmall { needed: Self::WORDS, found: words.len() };
        let (header, words) = words.split_first_chunk().ok_or(too_small)?;
        let (rare, words) = words.split_first_chunk().ok_or(too_small)?;
        let (workers, words) = words.split_at_checked(WORKER_WORDS).ok_or(too_small)?;
        let (keys, words) = words.split_at_checked(KEY_WORDS).ok_or(too_small)?;
        let (counts, _) = words.split_at_checked(COUNT_WORDS).ok_or(too_small)?;
        Ok(Self {
            header,
            rare,
            workers: workers.as_chunks().0,
            keys: keys.as_chunks().0,
            counts: counts.as_chunks().0,
        })
    }

    /// Counts a processed request for an application. `worker` is the number of the worker among its kind, `now` the Unix
    /// time.
    pub fn processed(&self, worker: usize, entry: Entry, request: &Processed, now: Duration) {
        let Some(line) = self.counts.get(worker % SHARDS * ENTRIES + entry.0) else { return };
        let [requests, attacks, blocked, blocked_by_acl, overlimits, detection, ..] = line;
        requests.fetch_add(1, Relaxed);
        detection.fetch_add(nanoseconds(request.detection), Relaxed);
        if request.attack {
            attacks.fetch_add(1, Release);
        }
        if request.blocked {
            blocked.fetch_add(1, Release);
        }
        if request.blocked && request.blocked_by_acl {
            blocked_by_acl.fetch_add(1, Release);
        }
        if request.overlimit {
            overlimits.fetch_add(1, Release);
        }
        let [_, _, timestamp, ..] = self.header;
        timestamp.store(microseconds(now), Relaxed);
    }

    /// Counts something that happens seldom.
    pub fn count(&self, what: Rare) {
        self.rare_word(what).fetch_add(1, Relaxed);
    }

    /// Counts `times` records that were lost, or other seldom things that come in numbers.
    pub fn count_many(&self, what: Rare, times: u64) {
        self.rare_word(what).fetch_add(times, Relaxed);
    }

    pub(super) fn rare_word(&self, what: Rare) -> &'a AtomicU64 {
        let [allow_listed, postanalytics, api, crash, memory, ruleset_memory, engine, _] = self.rare;
        match what {
            Rare::AllowListed => allow_listed,
            Rare::PostanalyticsLost => postanalytics,
            Rare::ApiLost => api,
            Rare::WorkerCrash => crash,
            Rare::MemoryLimit => memory,
            Rare::RulesetMemoryLimit => ruleset_memory,
            Rare::EngineError => engine,
        }
    }

    /// Notes which ruleset file is in use. The time of application is that of the first worker to do so: one that takes up
    /// the same file later, or starts later, changes nothing.
    pub fn applied(&self, what: Applied, now: Duration) {
        let [_, _, _, db_id, db_time, custom_id, custom_version, custom_time] = self.header;
        let (word, time, id) = match what {
            Applied::Database { id } => (db_id, db_time, id),
            Applied::Custom { id, version } => {
                custom_version.store(version, Relaxed);
                (custom_id, custom_time, id)
            }
        };
        if word.swap(id, Relaxed) != id || time.load(Relaxed) == 0 {
            time.store(now.as_secs(), Relaxed);
        }
    }
}

/// Nanoseconds as a word; 584 years fit.
fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// Microseconds as a word.
pub(super) fn microseconds(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

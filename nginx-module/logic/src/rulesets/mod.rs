//! The rulesets of a configuration: loaded at start, kept for the next start, and replaced when their files change.
//!
//! A pair is a `proton.db` and a custom ruleset, which the key of the node vouches for. Blocks that name the same files share one pair. At start the master process
//! loads every pair, workers inherit it; while it runs, each worker looks at the files every `wallarm_file_check_interval` and
//! replaces what changed. Reading and compiling takes long enough to be noticed by clients, so a worker does it in a thread:
//! [`Rulesets::due`] hands out [`Job`]s, [`Rulesets::finish`] takes the [`Outcome`] back.

mod backup;
mod custom;
mod key;
mod pair;

use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use custom::{CustomError, CustomRuleset, FORMAT, Parsed, Seal};
pub use key::KeyError;
pub use pair::{LoadError, Pair, Paths};

use crate::status::{Instances, RulesetFile};
use crate::watched_file::Stamp;

/// Which pair, among those of a configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PairId(usize);

/// All pairs of a configuration.
#[derive(Debug)]
pub struct Rulesets {
    cache: PathBuf,
    slots: Vec<Slot>,
}

/// How a pair fared.
#[derive(Clone, Debug)]
pub enum State {
    /// Not tried yet.
    New,
    /// Loaded from its files.
    Loaded(Arc<Pair>),
    /// Loaded from the backup, for its files are missing or broken.
    Fallback(Arc<Pair>),
    /// Larger than its limit. Requests that need it are answered with 500.
    OverLimit,
    /// Not to be had.
    Failed,
}

#[derive(Debug)]
struct Slot {
    paths: Paths,
    /// Bytes that the pair may take; 0 is no limit.
    limit: u64,
    state: State,
    seen: Seen,
    /// The last complaint, so that one that lasts is logged once.
    complaint: String,
    /// Whether the last attempt succeeded.
    settled: bool,
}

/// The files, as they were when last read; none for one that was not there.
type Seen = [Option<Stamp>; 3];

/// Reading and compiling a pair: what a thread may do, since it shares nothing.
#[derive(Debug)]
pub struct Job {
    id: PairId,
    paths: Paths,
    limit: u64,
}

/// What came of a [`Job`].
#[derive(Debug)]
pub struct Outcome {
    id: PairId,
    seen: Seen,
    result: Result<Pair, LoadError>,
}

/// Something that belongs into the error log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A pair was loaded while running.
    Replaced(String),
    /// Something works, but not as it should.
    Warning(String),
    /// Something does not work.
    Error(String),
    /// A pair is over its memory limit: `softmemfaults`.
    OverLimit(String),
}

impl Event {
    /// The text.
    #[must_use]
    pub fn text(&self) -> &str {
        match self {
            Self::Replaced(text) | Self::Warning(text) | Self::Error(text) | Self::OverLimit(text) => text,
        }
    }
}

impl Job {
    /// Does the work. It blocks, for some milliseconds.
    #[must_use]
    pub fn run(self) -> Outcome {
        // The stamps come first: a file that is replaced meanwhile is read again at the next check.
        let seen = self.paths.stamps();
        Outcome { id: self.id, seen, result: Pair::load(&self.paths, self.limit) }
    }
}

impl Rulesets {
    /// No pairs yet; backups are kept in `cache`.
    #[must_use]
    pub fn new(cache: &Path) -> Self {
        Self { cache: cache.to_owned(), slots: Vec::new() }
    }

    /// The pair with these files and this memory limit (bytes; 0 is none).
    pub fn add(&mut self, paths: &Paths, limit: u64) -> PairId {
        let known = self.slots.iter().position(|slot| slot.paths == *paths && slot.limit == limit);
        PairId(known.unwrap_or_else(|| {
            self.slots.push(Slot {
                paths: paths.clone(),
                limit,
                state: State::New,
                seen: [None; 3],
                complaint: String::new(),
                settled: false,
            });
            self.slots.len() - 1
        }))
    }

    /// How a pair fared.
    #[must_use]
    pub fn state(&self, id: PairId) -> &State {
        self.slots.get(id.0).map_or(&State::Failed, |slot| &slot.state)
    }

    /// Loads every pair that was not tried yet: from its files, else from the backup. Blocks, so it is for the start.
    pub fn load(&mut self) -> Vec<Event> {
        let mut events = Vec::new();
        let cache = self.cache.clone();
        for (index, slot) in self.slots.iter_mut().enumerate().filter(|(_, slot)| matches!(slot.state, State::New)) {
            let outcome = slot.job(PairId(index)).run();
            slot.start(outcome, &cache, &mut events);
        }
        events
    }

    /// Copies what was loaded from its files into the cache, for a start at which they are missing or broken. A copy that
    /// cannot be written is no reason not to start.
    #[must_use]
    pub fn back_up(&self) -> Vec<Event> {
        let loaded = self.slots.iter().filter_map(|slot| match &slot.state {
            State::Loaded(pair) => Some((&slot.paths, pair)),
            _ => None,
        });
        let written = loaded.map(|(paths, pair)| backup::write(&self.cache, paths, pair));
        written.filter_map(Result::err).map(|error| Event::Warning(error.to_string())).collect()
    }

    /// The pairs whose files changed, or whose last attempt failed. Costs three look-ups in the file system for each pair.
    #[must_use]
    pub fn due(&self) -> Vec<Job> {
        let due = self.slots.iter().enumerate().filter(|(_, slot)| !slot.settled || slot.paths.stamps() != slot.seen);
        due.map(|(index, slot)| slot.job(PairId(index))).collect()
    }

    /// Takes up what a job brought. A pair that could not be loaded changes nothing but the log.
    pub fn finish(&mut self, outcome: Outcome) -> Option<Event> {
        let slot = self.slots.get_mut(outcome.id.0)?;
        slot.seen = outcome.seen;
        slot.settled = outcome.result.is_ok();
        match outcome.result {
            Ok(pair) => {
                let news = !pair.same_content(slot.pair());
                let event =
                    news.then(|| pair.warning().map_or_else(|| Event::Replaced(pair.to_string()), Event::Warning));
                slot.complaint.clear();
                slot.state = State::Loaded(Arc::new(pair));
                event
            }
            Err(error) => {
                let kept = if slot.pair().is_some() { "; the loaded rulesets stay in use" } else { "" };
                let complaint = error.to_string();
                let repeated = slot.complaint == complaint;
                let text = format!("{complaint}{kept}");
                slot.complaint = complaint;
                let over_limit = matches!(error, LoadError::OverLimit { .. });
                let event = if over_limit { Event::OverLimit(text) } else { Event::Error(text) };
                (!repeated).then_some(event)
            }
        }
    }

    /// Whether the files can be read by this process: what a worker checks when it starts, since the master that loaded them
    /// usually is root.
    #[must_use]
    pub fn check_access(&self) -> Vec<Event> {
        let loaded = self.slots.iter().filter(|slot| matches!(slot.state, State::Loaded(_)));
        let errors = loaded.flat_map(|slot| slot.paths.unreadable());
        errors.map(|error| Event::Error(format!("{error}; updates of this file will not be taken up"))).collect()
    }

    /// How the pairs fared, counted.
    #[must_use]
    pub fn instances(&self) -> Instances {
        let count = |wanted: fn(&State) -> bool| {
            u64::try_from(self.slots.iter().filter(|slot| wanted(&slot.state)).count()).unwrap_or(u64::MAX)
        };
        Instances {
            success: count(|state| matches!(state, State::Loaded(_))),
            fallback: count(|state| matches!(state, State::Fallback(_))),
            failed: count(|state| matches!(state, State::New | State::OverLimit | State::Failed)),
        }
    }

    /// The pairs in use.
    pub fn pairs(&self) -> impl Iterator<Item = &Arc<Pair>> {
        self.slots.iter().filter_map(Slot::pair)
    }

    /// The `proton.db` files in use, each once, and then the custom rulesets.
    #[must_use]
    pub fn files(&self) -> [Vec<RulesetFile>; 2] {
        let (mut databases, mut customs) = (Vec::<RulesetFile>::new(), Vec::new());
        for pair in self.pairs() {
            for (file, files) in [(Some(&pair.database), &mut databases), (pair.custom_file.as_ref(), &mut customs)] {
                if let Some(file) = file.filter(|file| !files.contains(file)) {
                    files.push(file.clone());
                }
            }
        }
        [databases, customs]
    }
}

impl Slot {
    const fn pair(&self) -> Option<&Arc<Pair>> {
        match &self.state {
            State::Loaded(pair) | State::Fallback(pair) => Some(pair),
            State::New | State::OverLimit | State::Failed => None,
        }
    }

    fn job(&self, id: PairId) -> Job {
        Job { id, paths: self.paths.clone(), limit: self.limit }
    }

    /// Takes up what the first attempt brought, and turns to the backup when that is needed.
    fn start(&mut self, outcome: Outcome, cache: &Path, events: &mut Vec<Event>) {
        self.seen = outcome.seen;
        let error = match outcome.result {
            Ok(pair) => {
                events.extend(pair.warning().map(Event::Warning));
                self.settled = true;
                self.state = State::Loaded(Arc::new(pair));
                return;
            }
            Err(error) => error,
        };
        self.complaint = error.to_string();
        if matches!(error, LoadError::OverLimit { .. }) {
            events.push(Event::OverLimit(format!("{error}; requests that need it are answered with 500")));
            self.state = State::OverLimit;
            return;
        }
        match Pair::load(&backup::paths(cache, &self.paths), self.limit) {
            Ok(pair) => {
                events.push(Event::Error(format!("{error}; the backup in {} is used", cache.display())));
                self.state = State::Fallback(Arc::new(pair));
            }
            Err(_) => {
                events.push(Event::Error(format!("{error}, and there is no usable backup in {}", cache.display())));
                self.state = State::Failed;
            }
        }
    }
}

#[cfg(test)]
mod tests;

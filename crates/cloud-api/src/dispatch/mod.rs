//! Which hits are sent when, and what an answer means for them.
//!
//! Hits wait in their order and leave in batches. A batch that fails is kept whole and sent again, before any other, under the name that its
//! hits give it. No I/O happens here, and no clock is read: the caller says what its clock shows, tells what came of a batch, and learns
//! what has come to its end by it.

mod batch;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crate::backoff::{self, Backoff};
use crate::reaction::Reaction;
use crate::reply::{Reply, Silent};
use crate::upload::Rejected;
pub use batch::Item;
use batch::Pack;

/// Hits that may be refused for good one after another, with none taken in between, before the API is asked ever more seldom: an API
/// that refuses everything is broken, and shall not be shown all that waits in a minute.
const REFUSED_IN_A_ROW: u32 = 10;

/// How long what lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Pauses after failures.
    pub backoff: backoff::Pace,
    /// Time for which nothing is sent to an API that refuses this node.
    pub stopped: Duration,
    /// Time for which batches stay small after one was too large.
    pub narrow: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self { backoff: backoff::Pace::default(), stopped: Duration::from_secs(3600), narrow: Duration::from_secs(300) }
    }
}

/// What becomes of a batch that is refused for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// It has come to its end.
    Whole,
    /// It is sent in smaller pieces until the hit that is refused stands alone.
    Split,
}

/// How hits are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Hits of a batch.
    pub chunk: usize,
    /// What becomes of a batch that is refused for good.
    pub refused: Refused,
    /// How long what lasts.
    pub pace: Pace,
}

/// Names a batch that is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket(u64);

/// A batch to send now.
#[derive(Debug, PartialEq, Eq)]
pub struct Batch {
    /// To be given back with the answer.
    pub ticket: Ticket,
    /// The JSON of an upload.
    pub json: Vec<u8>,
}

/// What is to be done.
#[derive(Debug, PartialEq, Eq)]
pub enum Next {
    /// Send this, and say [`Dispatch::finished`].
    Send(Batch),
    /// Ask again when the clock shows this, or when something has changed.
    Until(Duration),
    /// Ask again when something has changed.
    Rest,
}

/// What came of a batch.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome<T> {
    /// The API took it.
    Taken {
        /// The hits, each with whether the API will never take it.
        items: Vec<(T, bool)>,
        /// Hits that it had before.
        duplicates: u64,
        /// What it will never take, in its words.
        rejected: Vec<Rejected>,
    },
    /// It waits to be sent again.
    Again {
        /// Why.
        reason: String,
        /// How long nothing is sent; none if others failed with it and said so.
        pause: Option<Duration>,
    },
    /// It waits in smaller pieces.
    Split,
    /// It was refused for good.
    Refused {
        /// The hits.
        items: Vec<T>,
        /// The status.
        status: u16,
        /// What the API said.
        reason: String,
    },
    /// The API refuses this node: nothing is sent for a while. The batch waits.
    Stopped {
        /// The status.
        status: u16,
        /// What the API said.
        reason: String,
    },
    /// It waits, and there is nothing new to tell; or nobody knows it any more.
    Nothing,
}

/// Hits on their way.
#[derive(Debug)]
pub struct Dispatch<T> {
    settings: Settings,
    fresh: VecDeque<T>,
    again: VecDeque<Pack<T>>,
    flying: BTreeMap<Ticket, Pack<T>>,
    tickets: u64,
    backoff: Backoff,
    refused_in_a_row: u32,
    /// Hits of a batch after one was too large, and until when; and until when nothing is sent. At first both are moments that have passed;
    /// no `Option`, for the reason that [`Backoff`] has.
    narrow: (usize, Duration),
    stopped: Duration,
}

impl<T: Item> Dispatch<T> {
    /// Nothing waits.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            fresh: VecDeque::new(),
            again: VecDeque::new(),
            flying: BTreeMap::new(),
            tickets: 0,
            backoff: Backoff::new(settings.pace.backoff),
            refused_in_a_row: 0,
            narrow: (0, Duration::ZERO),
            stopped: Duration::ZERO,
        }
    }

    /// Takes a hit; it is sent after those that wait.
    pub fn push(&mut self, item: T) {
        self.fresh.push_back(item);
    }

    /// What is to be done now.
    pub fn next(&mut self, now: Duration) -> Next {
        if !self.has_waiting() {
            return Next::Rest;
        }
        match self.pause(now) {
            Some(until) => return Next::Until(until),
            // After a failure one batch finds out whether the API is back.
            None if self.backoff.is_doubtful() && !self.flying.is_empty() => return Next::Rest,
            None => {}
        }
        let Some(pack) = self.again.pop_front().or_else(|| self.pack(now)) else { return Next::Rest };
        self.tickets += 1;
        let (ticket, json) = (Ticket(self.tickets), pack.json());
        self.flying.insert(ticket, pack);
        Next::Send(Batch { ticket, json })
    }

    /// The next hits, as a batch.
    fn pack(&mut self, now: Duration) -> Option<Pack<T>> {
        let (narrow, until) = self.narrow;
        let chunk = self.settings.chunk.max(1);
        let count = if now < until { narrow.clamp(1, chunk) } else { chunk };
        let items: Vec<T> = self.fresh.drain(..count.min(self.fresh.len())).collect();
        (!items.is_empty()).then_some(Pack { items })
    }

    /// What came of a batch.
    pub fn finished(&mut self, ticket: Ticket, result: Result<Reply, Silent>, now: Duration) -> Outcome<T> {
        // The caller gave up on it.
        let Some(pack) = self.flying.remove(&ticket) else { return Outcome::Nothing };
        let reply = match result {
            Ok(reply) => reply,
            Err(Silent(reason)) => return self.later(pack, reason, None, now),
        };
        let Reply { status, reason, body, retry_after, .. } = reply;
        match Reaction::to(status) {
            Reaction::Done => {
                self.backoff.succeeded();
                self.refused_in_a_row = 0;
                let items = pack.judged(&body.rejected);
                Outcome::Taken { items, duplicates: body.duplicates, rejected: body.rejected }
            }
            Reaction::Stop => self.stop(pack, status, reason, now),
            Reaction::Halve => {
                if pack.items.len() < 2 {
                    return self.refused(pack, status, reason, now);
                }
                self.backoff.succeeded();
                self.narrow = (pack.items.len() / 2, now.saturating_add(self.settings.pace.narrow));
                self.split(pack)
            }
            Reaction::Later => {
                let said = if reason.is_empty() { reason } else { format!(": {reason}") };
                self.later(pack, format!("it answers {status}{said}"), retry_after, now)
            }
            Reaction::SetAside if self.settings.refused == Refused::Split && pack.items.len() > 1 => self.split(pack),
            Reaction::SetAside => self.refused(pack, status, reason, now),
        }
    }

    /// Nothing can be said of a batch: it is sent again, without a pause.
    pub fn put_back(&mut self, ticket: Ticket) {
        if let Some(pack) = self.flying.remove(&ticket) {
            self.again.push_front(pack);
        }
    }

    fn stop(&mut self, pack: Pack<T>, status: u16, reason: String, now: Duration) -> Outcome<T> {
        self.again.push_front(pack);
        if self.is_stopped(now) {
            return Outcome::Nothing;
        }
        self.stopped = now.saturating_add(self.settings.pace.stopped);
        self.backoff.succeeded();
        Outcome::Stopped { status, reason }
    }

    fn split(&mut self, mut pack: Pack<T>) -> Outcome<T> {
        let rest = pack.items.split_off(pack.items.len() / 2);
        self.again.push_front(Pack { items: rest });
        self.again.push_front(pack);
        Outcome::Split
    }

    fn later(&mut self, pack: Pack<T>, reason: String, asked: Option<Duration>, now: Duration) -> Outcome<T> {
        self.again.push_front(pack);
        // Those that were under way together fail together.
        let is_news = asked.is_some() || self.backoff.pause(now).is_none();
        Outcome::Again { reason, pause: is_news.then(|| self.backoff.failed(now, asked)) }
    }

    fn refused(&mut self, pack: Pack<T>, status: u16, reason: String, now: Duration) -> Outcome<T> {
        self.refused_in_a_row = self.refused_in_a_row.saturating_add(1);
        if self.refused_in_a_row < REFUSED_IN_A_ROW {
            self.backoff.succeeded();
        } else {
            self.backoff.failed(now, None);
        }
        Outcome::Refused { items: pack.items, status, reason }
    }

    /// Something has changed that makes a try worth while now.
    pub fn try_now(&mut self) {
        self.stopped = Duration::ZERO;
        self.backoff.end_pause();
    }

    /// Other batches from now on.
    pub fn set_chunk(&mut self, chunk: usize) {
        self.settings.chunk = chunk;
    }

    /// Gives back what waits, in its order, what is under way not included.
    pub fn take_waiting(&mut self) -> Vec<T> {
        let again = std::mem::take(&mut self.again).into_iter().flat_map(|pack| pack.items);
        again.chain(std::mem::take(&mut self.fresh)).collect()
    }

    /// Forgets everything; answers that still come change nothing.
    pub fn clear(&mut self) {
        self.take_waiting();
        self.flying.clear();
    }

    /// Until when nothing is sent, if so.
    #[must_use]
    pub fn pause(&self, now: Duration) -> Option<Duration> {
        if self.is_stopped(now) { Some(self.stopped) } else { self.backoff.pause(now) }
    }

    /// Whether the API refused this node and is left alone.
    #[must_use]
    pub fn is_stopped(&self, now: Duration) -> bool {
        now < self.stopped
    }

    /// Whether something waits to be sent.
    #[must_use]
    pub fn has_waiting(&self) -> bool {
        !(self.fresh.is_empty() && self.again.is_empty())
    }

    /// Hits that were never sent.
    #[must_use]
    pub fn fresh(&self) -> usize {
        self.fresh.len()
    }

    /// Hits that wait or are under way.
    #[must_use]
    pub fn len(&self) -> usize {
        let packed = self.again.iter().chain(self.flying.values()).map(|pack| pack.items.len());
        self.fresh.len() + packed.sum::<usize>()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Batches that can be sent at once, those under way included, as far as is known.
    #[must_use]
    pub fn batches(&self) -> usize {
        self.again.len() + self.flying.len() + self.fresh.len().div_ceil(self.settings.chunk.max(1))
    }
}

#[cfg(test)]
mod tests;

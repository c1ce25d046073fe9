//! What one worker does with its hits.
//!
//! `cloud_api::dispatch` says which hits are sent when. What counts here is the request: it was taken if all of its hits were, and is lost
//! otherwise.

use std::collections::HashMap;
use std::time::Duration;

use cloud_api::dispatch::{self, Dispatch, Item, Outcome, Pace, Refused};
use cloud_api::hit::{Hit, HitId};
use cloud_api::reply::{Reply, Silent};
use cloud_api::skew::Skew;
use cloud_api::upload::Rejected;
use serde_json::value::RawValue;

use super::note::Note;
use crate::upstream::{Moment, QueueLimits};

pub use cloud_api::dispatch::{Batch, Ticket};

/// Notes that are kept until somebody reads them.
const NOTES: usize = 32;

/// What directives and `node.yaml` say.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// How much may wait, under way included.
    pub queue: QueueLimits,
    /// `export_attacks.api_chunk`: hits of a batch.
    pub chunk: usize,
}

/// How requests ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// The API has all of their hits.
    pub delivered: u64,
    /// It has not: what `api_errors` counts.
    pub lost: u64,
}

/// What a sender is to do.
#[derive(Debug, PartialEq, Eq)]
pub enum Next {
    /// Send this, and say [`Outbox::finished`].
    Send(Batch),
    /// Ask again then, or when something has changed.
    Until(Moment),
    /// Ask again when something has changed.
    Rest,
    /// The worker ends, and there is nothing more to send.
    End,
}

/// A hit that waits.
#[derive(Debug)]
struct Waiting {
    request: u64,
    id: HitId,
    json: Box<RawValue>,
}

impl Waiting {
    fn memory(&self) -> usize {
        size_of::<Self>() + self.json.get().len() + self.id.0.len() + self.id.1.len()
    }
}

impl Item for Waiting {
    fn id(&self) -> &HitId {
        &self.id
    }

    fn json(&self) -> &RawValue {
        &self.json
    }
}

/// A request whose end is open.
#[derive(Debug)]
struct Open {
    hits: usize,
    lost: bool,
}

/// The hits of one worker. Whatever it is told that changes something, all who asked [`Outbox::next`] ask again.
pub struct Outbox {
    queue: QueueLimits,
    dispatch: Dispatch<Waiting>,
    requests: HashMap<u64, Open>,
    memory: usize,
    numbers: u64,
    skew: Skew,
    ending: bool,
    tally: Tally,
    notes: Vec<Note>,
}

/// The clock of `cloud_api::dispatch`.
fn clock(now: Moment) -> Duration {
    Duration::from_millis(now.as_millis())
}

/// A moment of that clock, and never an earlier one: who comes too early would be sent away again.
fn moment(time: Duration) -> Moment {
    Moment::from_millis(u64::try_from(time.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX))
}

impl Outbox {
    /// Nothing waits.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        let Settings { queue, chunk } = settings;
        let settings = dispatch::Settings { chunk, refused: Refused::Whole, pace: Pace::default() };
        Self {
            queue,
            dispatch: Dispatch::new(settings),
            requests: HashMap::new(),
            memory: 0,
            numbers: 0,
            skew: Skew::default(),
            ending: false,
            tally: Tally::default(),
            notes: Vec::new(),
        }
    }

    /// Takes the hits of a request. Returns their bytes; 0 if there was no place for them, or if nothing would come of it.
    pub fn push(&mut self, hits: &[Hit], now: Moment) -> usize {
        if hits.is_empty() {
            return 0;
        }
        self.numbers += 1;
        let request = self.numbers;
        let waiting = hits.iter().map(|hit| {
            let json = serde_json::value::to_raw_value(hit).ok()?;
            Some(Waiting { request, id: hit.id.clone(), json })
        });
        let waiting: Option<Vec<Waiting>> =
            if self.ending || self.dispatch.is_stopped(clock(now)) { None } else { waiting.collect() };
        let Some(waiting) = waiting else {
            self.tally.lost += 1;
            return 0;
        };
        let memory: usize = waiting.iter().map(Waiting::memory).sum();
        if !self.queue.permits(self.requests.len() + 1, self.memory + memory) {
            self.tally.lost += 1;
            self.note(Note::Full);
            return 0;
        }
        self.memory += memory;
        self.requests.insert(request, Open { hits: waiting.len(), lost: false });
        let bytes = waiting.iter().map(|hit| hit.json.get().len()).sum();
        waiting.into_iter().for_each(|hit| self.dispatch.push(hit));
        bytes
    }

    /// What a sender is to do now.
    pub fn next(&mut self, now: Moment) -> Next {
        match self.dispatch.next(clock(now)) {
            dispatch::Next::Send(batch) => Next::Send(batch),
            // Nobody waits that long for a worker that ends.
            dispatch::Next::Until(_) if self.ending => Next::End,
            dispatch::Next::Until(until) => Next::Until(moment(until)),
            dispatch::Next::Rest if self.ending && !self.dispatch.has_waiting() => Next::End,
            dispatch::Next::Rest => Next::Rest,
        }
    }

    /// What came of a batch.
    pub fn finished(&mut self, ticket: Ticket, result: Result<Reply, Silent>, now: Moment) {
        let now = clock(now);
        let ahead = result.as_ref().ok().and_then(|reply| reply.clock_ahead);
        if let Some(ahead) = self.skew.news(ahead, now) {
            self.note(Note::Clock { ahead });
        }
        match self.dispatch.finished(ticket, result, now) {
            Outcome::Taken { items, rejected, .. } => self.taken(&items, rejected),
            // What fails while the worker ends is not tried again, and what is left then finds no other try either.
            Outcome::Again { .. } if self.ending => self.lose_waiting(),
            Outcome::Again { reason, pause } => {
                if let Some(pause) = pause {
                    self.note(Note::Again { reason, pause });
                }
            }
            Outcome::Refused { items, status, reason } => {
                self.note(Note::SetAside { hits: items.len(), status, reason });
                items.iter().for_each(|hit| self.settle(hit, true));
            }
            Outcome::Stopped { status, reason } => self.note(Note::Stopped { status, reason }),
            Outcome::Split | Outcome::Nothing => {}
        }
        // Nothing is kept for an API that may never take it.
        if self.dispatch.is_stopped(now) {
            self.lose_waiting();
        }
    }

    fn taken(&mut self, hits: &[(Waiting, bool)], rejected: Vec<Rejected>) {
        for (hit, is_rejected) in hits {
            self.settle(hit, *is_rejected);
        }
        for hit in rejected {
            let HitId(request_id, kind) = hit.id;
            let one_line = cloud_api::envelope::one_line;
            self.note(Note::Rejected {
                request_id: one_line(&request_id),
                kind: one_line(&kind),
                reason: one_line(&hit.why),
            });
        }
    }

    fn lose_waiting(&mut self) {
        for hit in self.dispatch.take_waiting() {
            self.settle(&hit, true);
        }
    }

    /// A hit came to its end, and with the last one its request.
    fn settle(&mut self, hit: &Waiting, lost: bool) {
        self.memory = self.memory.saturating_sub(hit.memory());
        let Some(open) = self.requests.get_mut(&hit.request) else { return };
        open.hits = open.hits.saturating_sub(1);
        open.lost |= lost;
        if open.hits == 0 {
            let lost = open.lost;
            self.requests.remove(&hit.request);
            self.tally.delivered += u64::from(!lost);
            self.tally.lost += u64::from(lost);
        }
    }

    /// The worker ends: what waits is sent if that goes at once, and nothing new is taken.
    pub fn end(&mut self) {
        self.ending = true;
    }

    /// Gives up everything that is left.
    pub fn give_up(&mut self) {
        self.tally.lost += self.requests.len() as u64;
        self.requests.clear();
        self.dispatch.clear();
        self.memory = 0;
    }

    /// Whether no request has an open end.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.requests.is_empty()
    }

    /// Batches that wait to be sent at once, as far as is known: how many senders have something to do.
    #[must_use]
    pub fn batches(&self) -> usize {
        self.dispatch.batches()
    }

    /// How requests ended since the last call.
    pub fn take_tally(&mut self) -> Tally {
        std::mem::take(&mut self.tally)
    }

    /// What should be logged since the last call.
    pub fn take_notes(&mut self) -> Vec<Note> {
        std::mem::take(&mut self.notes)
    }

    /// The same note is not kept twice.
    fn note(&mut self, note: Note) {
        if self.notes.len() < NOTES && !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }
}

#[cfg(test)]
mod tests;

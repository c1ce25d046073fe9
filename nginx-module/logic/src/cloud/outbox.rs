//! What one worker does with its hits.
//!
//! Hits wait in the order in which their requests were answered and leave in batches. A batch that fails is kept whole and sent again under
//! its name, before any other. What counts is the request: it was taken if all of its hits were, and is lost otherwise.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::time::Duration;

use cloud_api::hit::{Hit, HitId};
use cloud_api::reaction::Reaction;
use cloud_api::reply::{Reply, Silent};
use cloud_api::upload::Upload;
use serde_json::value::RawValue;

use super::backoff::Backoff;
use super::note::Note;
use crate::request_id::Generator;
use crate::upstream::{Moment, QueueLimits};

/// Time for which nothing is sent to an API that refuses this node.
const STOPPED: Duration = Duration::from_secs(3600);
/// Time for which batches stay small after one was too large.
const NARROW: Duration = Duration::from_secs(300);
/// Time for which a difference of the clocks is no news.
const CLOCK_QUIET: Duration = Duration::from_secs(3600);
/// Seconds that clocks may differ.
const CLOCK_SKEW: u64 = 300;
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

/// Hits that are sent together.
#[derive(Debug)]
struct Pack {
    name: String,
    hits: Vec<Waiting>,
}

/// A request whose end is open.
#[derive(Debug)]
struct Open {
    hits: usize,
    lost: bool,
}

/// The hits of one worker. Whatever it is told that changes something, all who asked [`Outbox::next`] ask again.
pub struct Outbox {
    settings: Settings,
    fresh: VecDeque<Waiting>,
    again: VecDeque<Pack>,
    flying: BTreeMap<Ticket, Pack>,
    requests: HashMap<u64, Open>,
    memory: usize,
    numbers: u64,
    names: Generator,
    backoff: Backoff,
    /// Hits of a batch after one was too large, and until when: at first, until a moment that has passed. No `Option`, which LLVM compares
    /// before it looks whether it is there; valgrind would call that a decision by memory that was never written.
    narrow: (usize, Moment),
    stopped: Option<Moment>,
    clock_told: Option<Moment>,
    ending: bool,
    tally: Tally,
    notes: Vec<Note>,
}

impl Outbox {
    /// Nothing waits.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            fresh: VecDeque::new(),
            again: VecDeque::new(),
            flying: BTreeMap::new(),
            requests: HashMap::new(),
            memory: 0,
            numbers: 0,
            names: Generator::new(),
            backoff: Backoff::new(),
            narrow: (0, Moment::default()),
            stopped: None,
            clock_told: None,
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
        let request = self.number();
        let waiting = hits.iter().map(|hit| {
            let json = serde_json::value::to_raw_value(hit).ok()?;
            Some(Waiting { request, id: hit.id.clone(), json })
        });
        let waiting: Option<Vec<Waiting>> = if self.ending || self.is_stopped(now) { None } else { waiting.collect() };
        let Some(waiting) = waiting else {
            self.tally.lost += 1;
            return 0;
        };
        let memory: usize = waiting.iter().map(Waiting::memory).sum();
        if !self.settings.queue.permits(self.requests.len() + 1, self.memory + memory) {
            self.tally.lost += 1;
            self.note(Note::Full);
            return 0;
        }
        self.memory += memory;
        self.requests.insert(request, Open { hits: waiting.len(), lost: false });
        let bytes = waiting.iter().map(|hit| hit.json.get().len()).sum();
        self.fresh.extend(waiting);
        bytes
    }

    /// What a sender is to do now.
    pub fn next(&mut self, now: Moment) -> Next {
        let pause = self.backoff.pause(now);
        if self.fresh.is_empty() && self.again.is_empty() {
            return if self.ending { Next::End } else { Next::Rest };
        }
        match pause {
            // Nobody waits that long for a worker that ends.
            Some(_) if self.ending => return Next::End,
            Some(until) => return Next::Until(until),
            // After a failure one batch finds out whether the API is back.
            None if self.backoff.is_doubtful() && !self.flying.is_empty() => return Next::Rest,
            None => {}
        }
        let Some(pack) = self.again.pop_front().or_else(|| self.pack(now)) else { return Next::Rest };
        let upload = Upload { batch_id: &pack.name, hits: pack.hits.iter().map(|hit| hit.json.as_ref()).collect() };
        let json = serde_json::to_vec(&upload).unwrap_or_default();
        let ticket = Ticket(self.number());
        self.flying.insert(ticket, pack);
        Next::Send(Batch { ticket, json })
    }

    /// The next hits, as a batch.
    fn pack(&mut self, now: Moment) -> Option<Pack> {
        let (narrow, until) = self.narrow;
        let chunk = self.settings.chunk.max(1);
        let count = if now < until { narrow.clamp(1, chunk) } else { chunk };
        let hits: Vec<Waiting> = self.fresh.drain(..count.min(self.fresh.len())).collect();
        (!hits.is_empty()).then(|| Pack { name: self.name(), hits })
    }

    /// What came of a batch.
    pub fn finished(&mut self, ticket: Ticket, result: Result<Reply, Silent>, now: Moment) {
        // The worker gave up on it.
        let Some(pack) = self.flying.remove(&ticket) else { return };
        let reply = match result {
            Ok(reply) => reply,
            Err(Silent(reason)) => return self.later(pack, reason, None, now),
        };
        self.look_at_clock(&reply, now);
        let Reply { status, reason, .. } = reply;
        match Reaction::to(status) {
            Reaction::Done => self.taken(pack, reply.accepted.rejected),
            Reaction::Stop => self.stop(&pack, status, reason, now),
            Reaction::Halve => self.halve(pack, status, reason, now),
            Reaction::Later => {
                let said = if reason.is_empty() { reason } else { format!(": {reason}") };
                self.later(pack, format!("it answers {status}{said}"), reply.retry_after, now);
            }
            Reaction::SetAside => self.set_aside(&pack, status, reason),
        }
    }

    fn taken(&mut self, pack: Pack, rejected: Vec<cloud_api::upload::Rejected>) {
        self.backoff.succeeded();
        let ids: HashSet<&HitId> = rejected.iter().map(|hit| &hit.id).collect();
        let refused: Vec<bool> = pack.hits.iter().map(|hit| ids.contains(&hit.id)).collect();
        for (hit, refused) in pack.hits.into_iter().zip(refused) {
            self.settle(&hit, refused);
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

    fn stop(&mut self, pack: &Pack, status: u16, reason: String, now: Moment) {
        if !self.is_stopped(now) {
            self.stopped = Some(now.plus(STOPPED));
            self.note(Note::Stopped { status, reason });
        }
        self.lose(pack);
        while let Some(pack) = self.again.pop_front() {
            self.lose(&pack);
        }
        let hits = self.fresh.drain(..).collect();
        self.lose(&Pack { name: String::new(), hits });
        self.backoff.succeeded();
    }

    fn halve(&mut self, mut pack: Pack, status: u16, reason: String, now: Moment) {
        if pack.hits.len() < 2 || self.is_stopped(now) {
            return self.set_aside(&pack, status, reason);
        }
        self.backoff.succeeded();
        let half = pack.hits.len() / 2;
        self.narrow = (half, now.plus(NARROW));
        let rest = pack.hits.split_off(half);
        // They are other batches than the one that was refused.
        let names = [self.name(), self.name()];
        for (hits, name) in [rest, pack.hits].into_iter().zip(names) {
            self.again.push_front(Pack { name, hits });
        }
    }

    fn later(&mut self, pack: Pack, reason: String, asked: Option<Duration>, now: Moment) {
        if self.ending || self.is_stopped(now) {
            return self.lose(&pack);
        }
        self.again.push_front(pack);
        // Those that were under way together fail together.
        if asked.is_some() || self.backoff.pause(now).is_none() {
            let pause = self.backoff.failed(now, asked);
            self.note(Note::Again { reason, pause });
        }
    }

    fn set_aside(&mut self, pack: &Pack, status: u16, reason: String) {
        self.backoff.succeeded();
        self.note(Note::SetAside { hits: pack.hits.len(), status, reason });
        self.lose(pack);
    }

    fn lose(&mut self, pack: &Pack) {
        pack.hits.iter().for_each(|hit| self.settle(hit, true));
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
        self.fresh.clear();
        self.again.clear();
        self.flying.clear();
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
        self.again.len() + self.flying.len() + self.fresh.len().div_ceil(self.settings.chunk.max(1))
    }

    /// How requests ended since the last call.
    pub fn take_tally(&mut self) -> Tally {
        std::mem::take(&mut self.tally)
    }

    /// What should be logged since the last call.
    pub fn take_notes(&mut self) -> Vec<Note> {
        std::mem::take(&mut self.notes)
    }

    fn is_stopped(&self, now: Moment) -> bool {
        self.stopped.is_some_and(|until| now < until)
    }

    fn look_at_clock(&mut self, reply: &Reply, now: Moment) {
        let Some(ahead) = reply.clock_ahead.filter(|ahead| ahead.unsigned_abs() > CLOCK_SKEW) else { return };
        if self.clock_told.is_none_or(|told| now >= told.plus(CLOCK_QUIET)) {
            self.clock_told = Some(now);
            self.note(Note::Clock { ahead });
        }
    }

    /// The same note is not kept twice.
    fn note(&mut self, note: Note) {
        if self.notes.len() < NOTES && !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    fn number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    fn name(&mut self) -> String {
        self.names.next_id().iter().map(|digit| char::from(*digit)).collect()
    }
}

#[cfg(test)]
mod tests;

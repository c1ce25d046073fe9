//! Sends hits, and says what an answer means for each.

use std::sync::{Arc, MutexGuard};

use cloud_api::client::Client;
use cloud_api::dispatch::{Item as _, Next, Outcome, Ticket};
use cloud_api::envelope::one_line;
use cloud_api::hit::HitId;
use cloud_api::reaction::Reaction;
use cloud_api::reply::{Reply, Silent};
use cloud_api::upload::Rejected;

use super::shared::{Shared, State};
use super::waiting::Waiting;

/// What sender `number` does until the export ends. Those beyond the number that `node.yaml` wants rest.
pub(super) fn run(shared: &Arc<Shared>, number: usize) {
    let mut state = shared.lock();
    while !state.ending {
        let Some(client) =
            state.link.as_ref().filter(|link| number < link.threads).map(|link| Arc::clone(&link.client))
        else {
            state = shared.wait(state);
            continue;
        };
        state = match state.dispatch.next(shared.now()) {
            Next::Send(batch) => {
                drop(state);
                shared.wake();
                // Should anything in it panic, the batch is sent again by another.
                let flight = Flight { shared, ticket: Some(batch.ticket) };
                let result = client.post_hits(&batch.json);
                flight.ended();
                let state = settle(shared, &client, batch.ticket, result);
                shared.wake();
                state
            }
            Next::Until(then) => shared.wait_until(state, then),
            Next::Rest => shared.wait(state),
        };
    }
}

/// A batch under way.
struct Flight<'a> {
    shared: &'a Shared,
    ticket: Option<Ticket>,
}

impl Flight<'_> {
    fn ended(mut self) {
        self.ticket = None;
    }
}

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket {
            self.shared.lock().dispatch.put_back(ticket);
        }
    }
}

/// What came of a batch.
fn settle<'a>(
    shared: &'a Shared,
    client: &Arc<Client>,
    ticket: Ticket,
    result: Result<Reply, Silent>,
) -> MutexGuard<'a, State> {
    let (mut state, now) = (shared.lock(), shared.now());
    let stops = result.as_ref().is_ok_and(|reply| Reaction::to(reply.status) == Reaction::Stop);
    if stops && !state.is_current(client) {
        // It refused credentials that are no longer ours.
        state.dispatch.put_back(ticket);
        return state;
    }
    if let Ok(reply) = &result {
        state.clock_ahead = reply.clock_ahead.or(state.clock_ahead);
        if let Some(ahead) = state.skew.news(reply.clock_ahead, now) {
            shared.journal.clock(ahead);
        }
    }
    let journal = &shared.journal;
    match state.dispatch.finished(ticket, result, now) {
        Outcome::Taken { items, duplicates, rejected } => {
            state.succeeded();
            state.settling += items.len() as u64;
            drop(state);
            let duplicates = duplicates.min(items.len() as u64);
            journal.works(client.host(), now);
            rejected.into_iter().for_each(|hit| journal.rejected(&hit, now));
            let (rejected, exported) = items.into_iter().partition(|(_, is_rejected)| *is_rejected);
            let hits = |items: Vec<(Waiting, bool)>| items.into_iter().map(|(hit, _)| hit).collect();
            end(shared, &Ended { exported: hits(exported), duplicates, rejected: hits(rejected) })
        }
        Outcome::Refused { items, status, reason } => {
            state.settling += items.len() as u64;
            drop(state);
            for hit in &items {
                set_aside(shared, hit, status, &reason);
            }
            end(shared, &Ended { rejected: items, ..Ended::default() })
        }
        Outcome::Again { reason, pause } => {
            if let Some(pause) = pause {
                journal.fails(client.host(), &reason, pause, now);
            }
            state.failed(reason);
            state
        }
        Outcome::Stopped { status, reason } => {
            state.failed(journal.stopped("attacks", client.host(), status, &reason, now));
            state
        }
        Outcome::Split | Outcome::Nothing => state,
    }
}

/// Hits that have come to their end.
#[derive(Default)]
struct Ended {
    exported: Vec<Waiting>,
    duplicates: u64,
    rejected: Vec<Waiting>,
}

/// Tells the queue, and then counts: what is counted here the queue has always counted as done.
fn end<'a>(shared: &'a Shared, ended: &Ended) -> MutexGuard<'a, State> {
    for hit in ended.exported.iter().chain(&ended.rejected) {
        shared.context.queue.done(hit.sequence);
    }
    let (exported, rejected) = (ended.exported.len() as u64, ended.rejected.len() as u64);
    let mut state = shared.lock();
    state.settling -= exported + rejected;
    state.exported += exported;
    state.duplicates += ended.duplicates;
    state.rejected += rejected;
    state
}

/// Keeps a hit that the Cloud refused where somebody can look at it. The queue must go on, whether that succeeds or not.
fn set_aside(shared: &Shared, hit: &Waiting, status: u16, reason: &str) {
    let now = shared.now();
    let HitId(request, kind) = hit.id();
    let why = one_line(&format!("{status} {reason}"));
    shared.journal.rejected(&Rejected { id: HitId(request.clone(), kind.clone()), why }, now);
    let mut file = shared.set_aside.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if let Err(error) = file.append(hit.json(), status, reason) {
        let path = shared.context.set_aside.display();
        shared.journal.hourly("set-aside", now, format_args!("{path}: cannot keep a refused attack: {error}"));
    }
}

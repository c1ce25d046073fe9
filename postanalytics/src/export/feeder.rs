//! Fetches hits from the queue, as many as the next uploads want and no more: what was fetched takes memory.

use std::sync::Arc;
use std::time::Duration;

use spool::Entry;

use super::shared::{Shared, State};
use super::waiting::Waiting;
use crate::log::Part;

/// How long the queue is waited for at a time; the end of the export is noticed in between.
const PATIENCE: Duration = Duration::from_millis(250);

/// What the thread does until the export ends.
pub(super) fn run(shared: &Arc<Shared>) {
    let queue = &shared.context.queue;
    // The queue said that there is something, and then gave nothing: its disk fails, and it is asked slowly.
    let mut in_vain = false;
    while let Some(wanted) = wait_until_wanted(shared) {
        let entries = queue.next(wanted);
        if !entries.is_empty() {
            in_vain = false;
            take(shared, &entries);
        } else if in_vain {
            rest(shared);
            in_vain = false;
        } else {
            in_vain = queue.wait_for_entries(PATIENCE);
        }
    }
}

/// How many hits are wanted, as soon as there are any; none when the export ends.
fn wait_until_wanted(shared: &Shared) -> Option<usize> {
    let mut state = shared.lock();
    while !state.ending {
        let wanted = wanted(&state);
        let pause = state.dispatch.pause(shared.now());
        state = match (wanted, pause) {
            (0, _) => shared.wait(state),
            (_, Some(until)) => shared.wait_until(state, until),
            (wanted, None) => return Some(wanted),
        };
    }
    None
}

fn take(shared: &Shared, entries: &[Entry]) {
    let (log, queue) = (&shared.context.log, &shared.context.queue);
    let mut hits = Vec::new();
    let mut strange = 0;
    for entry in entries {
        let Some(hit) = Waiting::read(entry) else {
            log.error(Part::Export, format_args!("entry {} of the spool is no hit: it is dropped", entry.sequence.0));
            queue.done(entry.sequence);
            strange += 1;
            continue;
        };
        hits.push(hit);
    }
    let mut state = shared.lock();
    state.rejected += strange;
    hits.into_iter().for_each(|hit| state.dispatch.push(hit));
    drop(state);
    shared.wake();
}

fn rest(shared: &Shared) {
    let end = shared.now() + PATIENCE;
    let mut state = shared.lock();
    while !state.ending && shared.now() < end {
        state = shared.wait_until(state, end);
    }
}

/// How many more hits the next uploads can take.
fn wanted(state: &State) -> usize {
    let most = state.link.as_ref().map_or(0, |link| link.threads * link.chunk);
    most.saturating_sub(state.dispatch.fresh())
}

//! Fetches hits from the queue, as many as the next uploads want and no more: what was fetched takes memory.

use std::sync::Arc;
use std::time::Duration;

use super::shared::{Shared, State};
use super::waiting::Waiting;
use crate::log::Part;

/// How long the queue is waited for at a time; the end of the export is noticed in between.
const PATIENCE: Duration = Duration::from_millis(250);

/// What the thread does until the export ends.
pub(super) fn run(shared: &Arc<Shared>) {
    let queue = &shared.context.queue;
    loop {
        let mut state = shared.lock();
        let wanted = loop {
            if state.ending {
                return;
            }
            let wanted = wanted(&state);
            let pause = state.dispatch.pause(shared.now());
            state = match (wanted, pause) {
                (0, _) => shared.wait(state),
                (_, Some(until)) => shared.wait_until(state, until),
                (wanted, None) => break wanted,
            };
        };
        // Under the lock: at every moment, a hit is in the queue or here.
        match queue.next(wanted) {
            Ok(entries) if entries.is_empty() => {
                drop(state);
                queue.wait_for_entries(PATIENCE);
            }
            Ok(entries) => {
                let mut strange = Vec::new();
                for entry in entries {
                    match Waiting::read(&entry) {
                        Some(hit) => state.dispatch.push(hit),
                        None => strange.push(entry.sequence),
                    }
                }
                for sequence in &strange {
                    queue.done(*sequence);
                    state.rejected += 1;
                }
                drop(state);
                shared.wake();
                for sequence in strange {
                    let log = &shared.context.log;
                    log.error(Part::Export, format_args!("entry {} of the spool is no hit: it is dropped", sequence.0));
                }
            }
            Err(error) => {
                state.failed(error.to_string());
                drop(state);
                shared.journal.hourly("queue", shared.now(), format_args!("cannot fetch attacks: {error}"));
                let then = shared.now() + shared.context.pace.dispatch.backoff.shortest;
                let mut state = shared.lock();
                while !state.ending && shared.now() < then {
                    state = shared.wait_until(state, then);
                }
            }
        }
    }
}

/// How many more hits the next uploads can take.
fn wanted(state: &State) -> usize {
    let most = state.link.as_ref().map_or(0, |link| link.threads * link.chunk);
    most.saturating_sub(state.dispatch.fresh())
}

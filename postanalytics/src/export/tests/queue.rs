//! A queue in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Condvar, Mutex};
use std::time::Duration;

use spool::{Entry, Sequence};

use crate::export::context::Queue;

#[derive(Default)]
pub(super) struct MemoryQueue {
    state: Mutex<State>,
    came: Condvar,
}

#[derive(Default)]
struct State {
    entries: BTreeMap<u64, Vec<u8>>,
    pushed: u64,
    /// The first that was not handed out.
    cursor: u64,
    done_twice: BTreeSet<u64>,
}

impl MemoryQueue {
    /// Adds a hit of this request.
    pub(super) fn push(&self, request: &str) {
        let value = "private".repeat(3);
        self.push_bytes(format!(r#"{{"id":["{request}","xss"],"type":"xss","value":"{value}"}}"#).as_bytes());
    }

    pub(super) fn push_bytes(&self, bytes: &[u8]) {
        let mut state = self.state.lock().unwrap();
        state.pushed += 1;
        let sequence = state.pushed;
        state.entries.insert(sequence, bytes.to_vec());
        self.came.notify_all();
    }

    /// Adds hits of requests with these numbers.
    pub(super) fn fill(&self, requests: std::ops::Range<u32>) {
        requests.for_each(|number| self.push(&format!("r{number}")));
    }

    /// Hits that have not come to their end.
    pub(super) fn open(&self) -> usize {
        self.state.lock().unwrap().entries.len()
    }

    pub(super) fn pushed(&self) -> u64 {
        self.state.lock().unwrap().pushed
    }

    /// The server was started anew: what is not done is handed out again.
    pub(super) fn reopen(&self) {
        self.state.lock().unwrap().cursor = 0;
    }

    pub(super) fn done_twice(&self) -> usize {
        self.state.lock().unwrap().done_twice.len()
    }
}

impl Queue for MemoryQueue {
    fn wait_for_entries(&self, at_most: Duration) -> bool {
        let nothing = |state: &mut State| state.entries.range(state.cursor..).next().is_none();
        let waited = self.came.wait_timeout_while(self.state.lock().unwrap(), at_most, nothing).unwrap();
        !waited.1.timed_out()
    }

    fn next(&self, most: usize) -> Vec<Entry> {
        let mut state = self.state.lock().unwrap();
        let entry = |(sequence, bytes): (&u64, &Vec<u8>)| Entry {
            sequence: Sequence(*sequence),
            written: 0,
            bytes: bytes.clone(),
        };
        let entries: Vec<Entry> = state.entries.range(state.cursor..).take(most).map(entry).collect();
        if let Some(last) = entries.last() {
            state.cursor = last.sequence.0 + 1;
        }
        entries
    }

    fn done(&self, sequence: Sequence) {
        let mut state = self.state.lock().unwrap();
        if state.entries.remove(&sequence.0).is_none() {
            state.done_twice.insert(sequence.0);
        }
    }
}

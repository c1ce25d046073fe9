//! What the threads of a worker do: they ask the outbox, send what it says, and tell it what came of it.

use cloud_api::client::Client;
use cloud_api::reply::{Reply, Silent};
use module_logic::cloud::{Next, Outbox, Settings};
use module_logic::upstream::Moment;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// What a worker and its senders share.
pub struct Shared {
    client: Arc<Client>,
    state: Mutex<State>,
    changed: Condvar,
    started: Instant,
}

/// What changes of it. It is held for microseconds: the worker waits for nothing else.
pub struct State {
    /// The hits.
    pub outbox: Outbox,
    /// Senders that run.
    pub senders: usize,
}

impl Shared {
    /// Nothing waits, and nobody sends.
    #[must_use]
    pub fn new(client: Arc<Client>, settings: Settings) -> Self {
        Self {
            client,
            state: Mutex::new(State { outbox: Outbox::new(settings), senders: 0 }),
            changed: Condvar::new(),
            started: Instant::now(),
        }
    }

    /// The clock of the outbox; that of NGINX belongs to its own thread.
    #[must_use]
    pub fn now(&self) -> Moment {
        Moment::default().plus(self.started.elapsed())
    }

    /// The host of the API, for messages.
    #[must_use]
    pub fn host(&self) -> &str {
        self.client.host()
    }

    /// Takes hold of the state.
    pub fn lock(&self) -> MutexGuard<'_, State> {
        // A sender that panicked did so without the state.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// There is something new: the senders ask again.
    pub fn wake(&self) {
        self.changed.notify_all();
    }

    /// Ends what senders wait for on the network.
    pub fn interrupt(&self) {
        self.client.interrupt();
    }

    /// Waits until no sender runs, as long as `patience`. Returns whether that is so.
    pub fn wait_for_senders(&self, patience: Duration) -> bool {
        let running = |state: &mut State| state.senders > 0;
        let waited = self.changed.wait_timeout_while(self.lock(), patience, running);
        waited.unwrap_or_else(PoisonError::into_inner).0.senders == 0
    }
}

/// Counts a sender out, however it ends.
struct Leaving<'a>(&'a Shared);

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        self.0.lock().senders -= 1;
        self.0.changed.notify_all();
    }
}

/// What a sender does until the worker ends. It was counted in by who made it.
pub fn run(shared: &Shared) {
    let _leaving = Leaving(shared);
    let mut state = shared.lock();
    loop {
        let now = shared.now();
        state = match state.outbox.next(now) {
            Next::Send(batch) => {
                drop(state);
                let result = send(&shared.client, &batch.json);
                let mut state = shared.lock();
                state.outbox.finished(batch.ticket, result, shared.now());
                shared.changed.notify_all();
                state
            }
            Next::Until(then) => {
                let waited = shared.changed.wait_timeout(state, then.since(now));
                waited.unwrap_or_else(PoisonError::into_inner).0
            }
            Next::Rest => shared.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
            // The guard must go first: leaving takes hold of the state.
            Next::End => return drop(state),
        };
    }
}

fn send(client: &Client, json: &[u8]) -> Result<Reply, Silent> {
    // A panic must not take the worker with it.
    catch_unwind(AssertUnwindSafe(|| client.post_hits(json)))
        .unwrap_or_else(|_| Err(Silent("a defect while attacks were sent".to_owned())))
}

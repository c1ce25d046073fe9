//! What the threads of the export share.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use cloud_api::client::Client;
use cloud_api::dispatch::{Dispatch, Refused, Settings};
use cloud_api::node_yaml::ExportAttacks;
use cloud_api::skew::Skew;

use super::context::Context;
use super::credentials::Looked;
use super::figures::{Failure, Figures, Registration};
use super::journal::Journal;
use super::set_aside::SetAside;
use super::waiting::Waiting;
use crate::log::Part;

/// The way to the Cloud.
#[derive(Clone)]
pub(super) struct Link {
    pub client: Arc<Client>,
    /// Threads that send.
    pub threads: usize,
    /// Hits of an upload.
    pub chunk: usize,
}

/// See the fields.
pub(super) struct Shared {
    pub context: Context,
    pub journal: Journal,
    pub set_aside: Mutex<SetAside>,
    state: Mutex<State>,
    changed: Condvar,
    started: Instant,
}

/// What changes. It is never held while a call waits for the Cloud.
pub(super) struct State {
    pub looked: Option<Looked>,
    pub registration: Registration,
    pub link: Option<Link>,
    /// Every client that may have a call under way.
    clients: Vec<Weak<Client>>,
    pub dispatch: Dispatch<Waiting>,
    pub exported: u64,
    pub duplicates: u64,
    pub rejected: u64,
    /// Hits that have come to their end but for what is still written about them.
    pub settling: u64,
    pub last_success: Option<SystemTime>,
    pub last_failure: Option<Failure>,
    pub clock_ahead: Option<i64>,
    pub skew: Skew,
    /// Somebody wants the credentials to be looked at now.
    pub told: bool,
    pub ending: bool,
    /// Threads that send, and all threads.
    pub senders: usize,
    threads: usize,
}

impl Shared {
    pub(super) fn new(context: Context) -> Self {
        let chunk = usize::from(ExportAttacks::default().api_chunk);
        let settings = Settings { chunk, refused: Refused::Split, pace: context.pace.dispatch };
        let state = State {
            looked: None,
            registration: Registration::Unregistered,
            link: None,
            clients: Vec::new(),
            dispatch: Dispatch::new(settings),
            exported: 0,
            duplicates: 0,
            rejected: 0,
            settling: 0,
            last_success: None,
            last_failure: None,
            clock_ahead: None,
            skew: Skew::default(),
            told: false,
            ending: false,
            senders: 0,
            threads: 0,
        };
        Self {
            journal: Journal::new(Arc::clone(&context.log)),
            set_aside: Mutex::new(SetAside::new(context.set_aside.clone())),
            context,
            state: Mutex::new(state),
            changed: Condvar::new(),
            started: Instant::now(),
        }
    }

    /// What the clock of the export shows.
    pub(super) fn now(&self) -> Duration {
        self.started.elapsed()
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        // A thread that panicked did so without the state, or between two changes that do not depend on each other.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something has changed: all threads look again.
    pub(super) fn wake(&self) {
        self.changed.notify_all();
    }

    /// Waits until something has changed.
    pub(super) fn wait<'a>(&self, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        self.changed.wait(state).unwrap_or_else(PoisonError::into_inner)
    }

    /// The same, until the clock of the export shows `then`.
    pub(super) fn wait_until<'a>(&self, state: MutexGuard<'a, State>, then: Duration) -> MutexGuard<'a, State> {
        let left = then.saturating_sub(self.now());
        self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0
    }

    pub(super) fn figures(&self, state: &State) -> Figures {
        let now = self.now();
        Figures {
            registration: state.registration.clone(),
            exported: state.exported,
            duplicates: state.duplicates,
            rejected: state.rejected,
            in_flight: state.dispatch.len() as u64 + state.settling,
            last_success: state.last_success,
            last_failure: state.last_failure.clone(),
            paused: state.dispatch.pause(now).map(|until| until.saturating_sub(now)),
            clock_ahead: state.clock_ahead,
        }
    }

    /// Starts a thread, and another run of it should it panic: a defect that one call brings to light must not end the export.
    pub(super) fn spawn(self: &Arc<Self>, name: &str, run: impl Fn(&Arc<Self>) + Send + 'static) {
        self.lock().threads += 1;
        let shared = Arc::clone(self);
        let body = move || {
            let _leaving = Leaving(Arc::clone(&shared));
            while catch_unwind(AssertUnwindSafe(|| run(&shared))).is_err() {
                shared.context.log.error(Part::Export, format_args!("a thread of the export failed by a defect"));
                let pause = shared.now() + shared.context.pace.look;
                let mut state = shared.lock();
                while !state.ending && shared.now() < pause {
                    state = shared.wait_until(state, pause);
                }
            }
        };
        if let Err(error) = thread::Builder::new().name(name.to_owned()).spawn(body) {
            self.lock().threads -= 1;
            self.context.log.error(Part::Export, format_args!("cannot start the thread {name}: {error}"));
        }
    }

    /// Waits until no thread runs, at most so long. Returns whether that is so.
    pub(super) fn wait_for_threads(&self, patience: Duration) -> bool {
        let running = |state: &mut State| state.threads > 0;
        let waited = self.changed.wait_timeout_while(self.lock(), patience, running);
        waited.unwrap_or_else(PoisonError::into_inner).0.threads == 0
    }

    /// Ends what threads wait for on the network.
    pub(super) fn interrupt(&self) {
        let clients: Vec<_> = self.lock().clients.iter().filter_map(Weak::upgrade).collect();
        clients.iter().for_each(|client| client.interrupt());
    }
}

impl State {
    /// There is another way to the Cloud, or none.
    pub(super) fn set_link(&mut self, link: Option<Link>) {
        if let Some(link) = &link {
            self.clients.retain(|client| client.strong_count() > 0);
            self.clients.push(Arc::downgrade(&link.client));
            self.dispatch.set_chunk(link.chunk);
        }
        self.link = link;
    }

    /// Whether calls of this client are still those to be made.
    pub(super) fn is_current(&self, client: &Arc<Client>) -> bool {
        self.link.as_ref().is_some_and(|link| Arc::ptr_eq(&link.client, client))
    }

    pub(super) fn succeeded(&mut self) {
        self.last_success = Some(SystemTime::now());
    }

    pub(super) fn failed(&mut self, reason: String) {
        self.last_failure = Some(Failure { at: SystemTime::now(), reason });
    }
}

/// Counts a thread out, however it ends. The state must be free by then.
struct Leaving(Arc<Shared>);

impl Drop for Leaving {
    fn drop(&mut self) {
        self.0.lock().threads -= 1;
        self.0.wake();
    }
}

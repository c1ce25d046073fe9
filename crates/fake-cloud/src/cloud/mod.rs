//! The server.

mod serving;
mod state;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustls::ServerConfig;
use serde_json::{Value, json};

use crate::endpoint::Credentials;
use crate::ledger::{Call, KEPT, Ledger};
use crate::loopback::{Loopback, locked};
use crate::script::{Player, Script};
use state::State;

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(20);

/// What was waited for did not come.
#[derive(Debug, thiserror::Error)]
#[error("waited {PATIENCE:?} in vain for {wanted}; {calls} calls came, {hits} hits were accepted")]
pub struct InVain {
    wanted: String,
    calls: u64,
    hits: u64,
}

/// What a node API is to be before it starts.
#[derive(Default)]
pub struct Builder {
    credentials: Credentials,
    tls: Option<Arc<ServerConfig>>,
    script: Script,
    keep: Option<usize>,
}

impl Builder {
    /// The only node that may call; without this anybody may who says who they are.
    #[must_use]
    pub fn node(mut self, uuid: &str, secret: &str) -> Self {
        self.credentials = Credentials(Some((uuid.to_owned(), secret.to_owned())));
        self
    }

    /// It speaks TLS, as [`crate::certificate::Authority::server`] says.
    #[must_use]
    pub fn tls(mut self, config: Arc<ServerConfig>) -> Self {
        self.tls = Some(config);
        self
    }

    /// What it answers when.
    #[must_use]
    pub fn script(mut self, script: Script) -> Self {
        self.script = script;
        self
    }

    /// How many calls it keeps whole; the fate of each hit is kept anyway.
    #[must_use]
    pub const fn keep(mut self, calls: usize) -> Self {
        self.keep = Some(calls);
        self
    }

    /// Starts it.
    ///
    /// # Errors
    ///
    /// If the listener has no address.
    pub fn start(self, listener: TcpListener) -> io::Result<FakeCloud> {
        let state = State {
            player: Player::new(&self.script, Duration::ZERO),
            ledger: Ledger::keeping(self.keep.unwrap_or(KEPT)),
            verdicts: json!([]),
            markers: json!([]),
        };
        let shared = Arc::new(Shared {
            credentials: self.credentials,
            tls: self.tls,
            script: self.script,
            started: Instant::now(),
            state: Mutex::new(state),
            came: Condvar::new(),
        });
        let kept = Arc::clone(&shared);
        let server = Loopback::start(listener, move |stream| kept.serve(stream))?;
        Ok(FakeCloud { address: server.address, shared, _server: server })
    }
}

/// A node API that runs until it is dropped.
pub struct FakeCloud {
    /// Where it listens.
    pub address: SocketAddr,
    shared: Arc<Shared>,
    _server: Loopback,
}

impl FakeCloud {
    /// One that is still to be described.
    #[must_use]
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// What came so far.
    #[must_use]
    pub fn ledger(&self) -> Ledger {
        locked(&self.shared.state).ledger.clone()
    }

    /// The calls so far that are kept.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        locked(&self.shared.state).ledger.calls().cloned().collect()
    }

    /// Calls after the one of this number, as soon as there is one or `patience` is over.
    #[must_use]
    pub fn calls_after(&self, number: u64, patience: Duration) -> Vec<Call> {
        let state = self.shared.wait(patience, |ledger| ledger.count() > number);
        state.ledger.calls().filter(|call| call.number > number).cloned().collect()
    }

    /// Waits for the first `count` calls.
    ///
    /// # Errors
    ///
    /// If they do not come.
    pub fn wait_for(&self, count: u64) -> Result<Vec<Call>, InVain> {
        self.wait_until(&format!("{count} calls"), |ledger| ledger.count() >= count)?;
        Ok(self.calls())
    }

    /// Waits until this is so.
    ///
    /// # Errors
    ///
    /// If it never is; `wanted` says what was waited for.
    pub fn wait_until(&self, wanted: &str, is_so: impl Fn(&Ledger) -> bool) -> Result<(), InVain> {
        let state = self.shared.wait(PATIENCE, &is_so);
        let ledger = &state.ledger;
        if is_so(ledger) {
            return Ok(());
        }
        Err(InVain { wanted: wanted.to_owned(), calls: ledger.count(), hits: ledger.accepted_count() })
    }

    /// What calls of `behaviour` are answered from now on.
    pub fn set_verdicts(&self, verdicts: Value) {
        locked(&self.shared.state).verdicts = verdicts;
    }

    /// What calls of `markers` are answered from now on.
    pub fn set_markers(&self, markers: Value) {
        locked(&self.shared.state).markers = markers;
    }

    /// The phases of another script begin, now; the clocks stay as they are.
    pub fn play(&self, script: &Script) {
        locked(&self.shared.state).player = Player::new(script, self.shared.now());
    }
}

struct Shared {
    credentials: Credentials,
    tls: Option<Arc<ServerConfig>>,
    script: Script,
    started: Instant,
    state: Mutex<State>,
    came: Condvar,
}

impl Shared {
    fn wait(&self, patience: Duration, is_so: impl Fn(&Ledger) -> bool) -> MutexGuard<'_, State> {
        let state = locked(&self.state);
        let waited = self.came.wait_timeout_while(state, patience, |state| !is_so(&state.ledger));
        waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

#[cfg(test)]
mod tests;

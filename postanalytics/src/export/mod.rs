//! What leaves this server: hits, and once a minute what was counted, by threads that send to the node API of the Cloud.
//!
//! | File | Holds |
//! |---|---|
//! | `mod.rs` | start, stop, figures |
//! | `context.rs` | what the server gives: the queue of hits, what was counted, files, times |
//! | `shared.rs` | what the threads share |
//! | `credentials.rs` | what `node.yaml` and `/etc/environment` say |
//! | `keeper.rs` | the thread that looks at them again |
//! | `feeder.rs` | the thread that fetches hits from the queue |
//! | `sender.rs` | the threads that send them, and what an answer means for a hit |
//! | `waiting.rs` | a hit on its way |
//! | `set_aside.rs` | the file of hits that the Cloud refused |
//! | `minutes.rs`, `part.rs`, `parcel.rs` | the thread that tells once a minute what was counted, what it tells, and what of it is on its way |
//! | `journal.rs` | lines in the log, and how often |
//! | `figures.rs`, `statistics.rs` | figures |
//!
//! Which hits are sent when is decided by `cloud_api::dispatch`, as for the module. No thread ends because of the Cloud, and none waits for
//! another one's call. See `docs/decisions/export-in-the-server.md`.

mod context;
mod credentials;
mod feeder;
mod figures;
mod journal;
mod keeper;
mod minutes;
mod parcel;
mod part;
mod sender;
mod set_aside;
mod shared;
mod statistics;
mod waiting;

use std::sync::Arc;
use std::time::Duration;

pub use context::{Context, Minutes, Pace, Queue};
pub use figures::{Figures, Registration};
use shared::Shared;
pub use statistics::ExportStatistics;

/// How long threads have to notice that their calls were ended.
const LEAVE: Duration = Duration::from_millis(500);

/// The export, which runs until it is stopped.
pub struct Exporter {
    shared: Arc<Shared>,
}

impl Exporter {
    /// Looks at the credentials and starts. A server that is not registered, or whose `node.yaml` is broken, sends nothing and goes on
    /// looking.
    #[must_use]
    pub fn start(context: Context) -> Self {
        let shared = Arc::new(Shared::new(context));
        keeper::look(&shared, true);
        shared.spawn("export-keeper", keeper::run);
        shared.spawn("export-feeder", feeder::run);
        shared.spawn("export-minutes", minutes::run);
        Self { shared }
    }

    /// Whether there is a node that hits could be sent for, even if they cannot be sent at the moment.
    #[must_use]
    pub fn is_registered(&self) -> bool {
        self.shared.lock().registration != Registration::Unregistered
    }

    /// Looks at the credentials at once, and tries again whatever waits for a better time.
    pub fn reload(&self) {
        self.shared.lock().told = true;
        self.shared.wake();
    }

    /// The figures of this moment. The queue has counted as done what is exported or rejected here, and maybe more.
    #[must_use]
    pub fn figures(&self) -> Figures {
        self.shared.figures(&self.shared.lock())
    }

    /// Ends all threads; the queue must still be there. Calls that are under way may finish within `patience`, then they are ended, too. Hits of which nobody knows
    /// whether they arrived stay in the queue. Returns whether all threads are gone; one that waits for the system to find the address of
    /// a name cannot be ended.
    pub fn stop(&self, patience: Duration) -> bool {
        self.shared.lock().ending = true;
        self.shared.wake();
        self.shared.wait_for_threads(patience.saturating_sub(LEAVE)) || {
            self.shared.interrupt();
            self.shared.wait_for_threads(LEAVE.min(patience))
        }
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        self.stop(LEAVE);
    }
}

#[cfg(test)]
mod tests;

//! What the server gives to the export.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use analysis::Minute;
use cloud_api::behaviour::Verdicts;
use cloud_api::dispatch;
use cloud_api::markers::Markers;
use spool::{Entry, Sequence};

use crate::log::Log;
use crate::spooling::Spooler;

/// The queue of hits. None of its calls waits for the export.
pub trait Queue: Send + Sync {
    /// Waits, at most so long, until there is something that was not handed out. Returns whether there is.
    fn wait_for_entries(&self, at_most: Duration) -> bool;

    /// Entries that were not handed out, oldest first.
    fn next(&self, most: usize) -> Vec<Entry>;

    /// This entry has come to its end.
    fn done(&self, sequence: Sequence);
}

impl Queue for Spooler {
    fn wait_for_entries(&self, at_most: Duration) -> bool {
        Self::wait_for_entries(self, at_most)
    }

    fn next(&self, most: usize) -> Vec<Entry> {
        Self::next(self, most)
    }

    fn done(&self, sequence: Sequence) {
        Self::done(self, sequence);
    }
}

/// What was counted, and what the Cloud says about counting.
pub trait Minutes: Send + Sync {
    /// What was counted since the last time.
    fn take(&self) -> Minute;

    /// What could not be told: one part of it, the others are empty. It is told the next time.
    fn merge_back(&self, minute: Minute);

    /// What is to be counted.
    fn set_markers(&self, markers: Markers);

    /// Whose requests are attacks.
    fn set_verdicts(&self, verdicts: Verdicts);
}

/// How long what lasts. Tests let time pass faster.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Pauses after failures and refusals.
    pub dispatch: dispatch::Pace,
    /// Time after which the credentials are looked at again.
    pub look: Duration,
    /// Time after which what was counted is told again.
    pub minute: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self { dispatch: dispatch::Pace::default(), look: Duration::from_secs(10), minute: Duration::from_secs(60) }
    }
}

/// What the export works with.
pub struct Context {
    /// Hits.
    pub queue: Arc<dyn Queue>,
    /// What was counted.
    pub minutes: Arc<dyn Minutes>,
    /// The log.
    pub log: Arc<Log>,
    /// `node.yaml`
    pub node_yaml: PathBuf,
    /// The file with the proxies, [`cloud_api::proxies::PATH`].
    pub environment: PathBuf,
    /// Where hits go that the Cloud refused.
    pub set_aside: PathBuf,
    /// How long what lasts.
    pub pace: Pace,
}

//! What the server gives to the export.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use cloud_api::acl_stats::AclStats;
use cloud_api::behaviour::{Increment, Verdicts};
use cloud_api::counters::Counters;
use cloud_api::dispatch;
use cloud_api::markers::Markers;
use spool::{Entry, ReadError, Sequence};

use crate::log::Log;

/// The queue of hits. Its calls return at once but for the one that waits; none calls the export.
pub trait Queue: Send + Sync {
    /// Waits, at most so long, until there is something that was not handed out. Returns whether there is.
    fn wait_for_entries(&self, at_most: Duration) -> bool;

    /// Entries that were not handed out, oldest first.
    ///
    /// # Errors
    ///
    /// [`ReadError`]; the same entries can be asked for again.
    fn next(&self, most: usize) -> Result<Vec<Entry>, ReadError>;

    /// This entry has come to its end.
    fn done(&self, sequence: Sequence);
}

/// What was counted, and what the Cloud says about counting.
pub trait Minutes: Send + Sync {
    /// What was counted since the last time.
    fn take(&self) -> Minute;

    /// What could not be told; it is told the next time.
    fn merge_back(&self, minute: Minute);

    /// What is to be counted.
    fn set_markers(&self, markers: Markers);

    /// Whose requests are attacks.
    fn set_verdicts(&self, verdicts: Verdicts);
}

/// What is told once a minute. Parts that do not arrive are given back, the others left empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Minute {
    /// Requests.
    pub counters: Counters,
    /// Requests of sources.
    pub behaviour: Vec<Increment>,
    /// Requests that were blocked because of where they came from.
    pub acl_stats: AclStats,
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

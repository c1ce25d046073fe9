//! One reading of everything that the status page shows.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering::{Acquire, Relaxed};
use std::time::Duration;

use super::shared::{Rare, SHARDS, Shared};
use super::split::{ClientId, ENTRIES};
use super::workers::StalledWorker;
use crate::rate_limit::Statistics;

/// What is counted for each application.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Requests processed.
    pub requests: u64,
    /// Requests with attacks.
    pub attacks: u64,
    /// Requests blocked, denylist included.
    pub blocked: u64,
    /// Requests blocked by the denylist.
    pub blocked_by_acl: u64,
    /// Requests whose analysis was cut short.
    pub overlimits_time: u64,
    /// Time of analysis.
    pub time_detect: Duration,
}

impl std::ops::AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.requests += other.requests;
        self.attacks += other.attacks;
        self.blocked += other.blocked;
        self.blocked_by_acl += other.blocked_by_acl;
        self.overlimits_time += other.overlimits_time;
        self.time_detect += other.time_detect;
    }
}

/// The counters of one tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    /// The tenant; none on a node with a single one.
    pub id: Option<ClientId>,
    /// All its applications together.
    pub counts: Counts,
    /// Each application, by number.
    pub applications: Vec<(i64, Counts)>,
}

/// How many pairs of rulesets there are, and how they fared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Instances {
    /// Pairs loaded from their own files.
    pub success: u64,
    /// Pairs loaded from the backup.
    pub fallback: u64,
    /// Pairs that could not be loaded at all.
    pub failed: u64,
}

impl Instances {
    /// All pairs.
    #[must_use]
    pub const fn total(self) -> u64 {
        self.success + self.fallback + self.failed
    }
}

/// A ruleset file in use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RulesetFile {
    /// The id that the file carries.
    pub id: u64,
    /// Its length, bytes.
    pub size: u64,
    /// When it was written, Unix time.
    pub mod_time: i64,
    /// Its path.
    pub fname: String,
}

/// What the answering worker knows itself, as against what workers share.
#[derive(Clone, Copy, Debug)]
pub struct Local<'s> {
    /// Monotonic time, of the clock that [`super::WorkerSlot::begin`] is given.
    pub now: Duration,
    /// How the pairs of rulesets fared.
    pub instances: Instances,
    /// The custom rulesets in use.
    pub custom_rulesets: &'s [RulesetFile],
    /// The `proton.db` files in use.
    pub databases: &'s [RulesetFile],
    /// The state of the rate limit.
    pub rate_limit: Statistics,
}

/// One reading of the counters.
#[derive(Clone, Debug)]
pub struct Snapshot<'s> {
    /// All clients together.
    pub totals: Counts,
    /// Each client.
    pub clients: Vec<Client>,
    /// Workers that are stalled now.
    pub stalled: Vec<StalledWorker>,
    /// What the answering worker knows itself.
    pub local: Local<'s>,
    pub(super) header: Header,
    rare: [u64; RARE.len()],
}

/// The words of the header, read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Header {
    pub(super) start_id: u64,
    /// Unix time in microseconds.
    pub(super) timestamp: u64,
    pub(super) db_id: u64,
    pub(super) db_apply_time: u64,
    pub(super) custom_id: u64,
    pub(super) custom_version: u64,
    pub(super) custom_apply_time: u64,
}

const RARE: [Rare; 7] = [
    Rare::AllowListed,
    Rare::PostanalyticsLost,
    Rare::ApiLost,
    Rare::WorkerCrash,
    Rare::MemoryLimit,
    Rare::RulesetMemoryLimit,
    Rare::EngineError,
];

impl Snapshot<'_> {
    /// The value of a counter that belongs to no application.
    #[must_use]
    pub fn rare(&self, what: Rare) -> u64 {
        RARE.iter().zip(self.rare).find(|(kind, _)| **kind == what).map_or(0, |(_, value)| value)
    }
}

impl Shared<'_> {
    /// Reads everything.
    #[must_use]
    pub fn snapshot<'s>(&self, local: Local<'s>) -> Snapshot<'s> {
        let mut by_client: BTreeMap<Option<ClientId>, BTreeMap<i64, Counts>> = BTreeMap::new();
        for (entry, application) in self.entries() {
            let counts = self.counts(entry.0);
            if counts.requests > 0 {
                *by_client.entry(application.client).or_default().entry(application.id).or_default() += counts;
            }
        }
        let mut totals = Counts::default();
        let clients = by_client.into_iter().map(|(id, applications)| {
            let mut counts = Counts::default();
            applications.values().for_each(|application| counts += *application);
            totals += counts;
            Client { id, counts, applications: applications.into_iter().collect() }
        });
        let clients = clients.collect();
        Snapshot {
            totals,
            clients,
            stalled: self.stalled(local.now),
            local,
            header: self.header(),
            rare: RARE.map(|what| self.rare_word(what).load(Relaxed)),
        }
    }

    /// An entry's counters, all shards together. Requests are read last: see the module `shared`.
    fn counts(&self, entry: usize) -> Counts {
        let mut sum = Counts::default();
        for shard in 0..SHARDS {
            let Some(line) = self.counts.get(shard * ENTRIES + entry) else { continue };
            let [requests, attacks, blocked, blocked_by_acl, overlimits, detection, ..] = line;
            sum += Counts {
                attacks: attacks.load(Acquire),
                blocked_by_acl: blocked_by_acl.load(Acquire),
                blocked: blocked.load(Acquire),
                overlimits_time: overlimits.load(Acquire),
                time_detect: Duration::from_nanos(detection.load(Relaxed)),
                requests: requests.load(Acquire),
            };
        }
        sum
    }

    fn header(&self) -> Header {
        let [_, start, timestamp, db_id, db_time, custom_id, custom_version, custom_time] = self.header;
        Header {
            start_id: start.load(Relaxed),
            timestamp: timestamp.load(Relaxed),
            db_id: db_id.load(Relaxed),
            db_apply_time: db_time.load(Relaxed),
            custom_id: custom_id.load(Relaxed),
            custom_version: custom_version.load(Relaxed),
            custom_apply_time: custom_time.load(Relaxed),
        }
    }
}

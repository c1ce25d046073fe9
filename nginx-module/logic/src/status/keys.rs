//! The keys of the status page, each declared once, in the order of the answer.
//!
//! JSON takes name and value, Prometheus metric, help and value, `docs/status.md` everything but the value, collectd's fragment the
//! names of those that are one number.

use std::time::Duration;

use super::shared::Rare;
use super::snapshot::{Client, Instances, RulesetFile, Snapshot};
use super::workers::StalledWorker;
use crate::rate_limit::Statistics;

/// A key of the status page.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// Its name in JSON.
    pub name: &'static str,
    /// What it says, as a phrase without a full stop.
    pub meaning: &'static str,
    /// The gauge that shows it to Prometheus.
    pub metric: Option<&'static str>,
    /// Its value in a reading.
    pub value: for<'s> fn(&'s Snapshot<'s>) -> Value<'s>,
}

/// A value, shaped as both formats need it.
#[derive(Clone, Copy, Debug)]
pub enum Value<'s> {
    /// A number.
    Integer(u64),
    /// The id of a ruleset of a format, which Prometheus shows as a label.
    Versioned {
        /// The id.
        id: u64,
        /// The format.
        version: u64,
    },
    /// Seconds.
    Seconds(Duration),
    /// How rulesets fared.
    Instances(Instances),
    /// Workers that are stalled.
    Workers(&'s [StalledWorker]),
    /// Files of rulesets.
    Files(&'s [RulesetFile]),
    /// The state of the rate limit.
    RateLimit(Statistics),
    /// Counters by client.
    Split(&'s [Client]),
}

impl Value<'_> {
    /// The type, for the documentation.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Integer(_) | Self::Versioned { .. } => "integer",
            Self::Seconds(_) => "number, seconds",
            Self::Instances(_) | Self::RateLimit(_) | Self::Split(_) => "object",
            Self::Workers(_) | Self::Files(_) => "list",
        }
    }

    /// The label of the metric, for the documentation.
    #[must_use]
    pub const fn label(&self) -> Option<&'static str> {
        match self {
            Self::Versioned { .. } => Some("format"),
            Self::Instances(_) => Some("status"),
            Self::Workers(_) => Some("pid"),
            _ => None,
        }
    }
}

macro_rules! keys {
    ($($name:literal, $metric:expr, $meaning:literal, $value:expr;)+) => {
        /// Every key.
        pub const KEYS: &[Key] = &[$(Key { name: $name, meaning: $meaning, metric: $metric, value: $value }),+];
    };
}

keys! {
    "requests", Some("wallarm_requests"), "Requests that the module processed, blocked ones included",
        |snapshot| Value::Integer(snapshot.totals.requests);
    "attacks", Some("wallarm_attacks"), "Requests in which attacks were found",
        |snapshot| Value::Integer(snapshot.totals.attacks);
    "blocked", Some("wallarm_blocked"), "Requests that were blocked, by the denylist too",
        |snapshot| Value::Integer(snapshot.totals.blocked);
    "blocked_by_acl", Some("wallarm_blocked_by_acl"), "Requests that the denylist blocked",
        |snapshot| Value::Integer(snapshot.totals.blocked_by_acl);
    "acl_allow_list", Some("wallarm_acl_allow_list"), "Requests from allowlisted sources",
        |snapshot| rare(snapshot, Rare::AllowListed);
    "abnormal", Some("wallarm_abnormal"), "Requests that the module processed, as `requests`",
        |snapshot| Value::Integer(snapshot.totals.requests);
    "tnt_errors", Some("wallarm_tnt_errors"), "Requests that postanalytics did not take; 0 on a healthy node",
        |snapshot| rare(snapshot, Rare::PostanalyticsLost);
    "api_errors", Some("wallarm_api_errors"), "Requests that the API did not take, where requests are sent to it",
        |snapshot| rare(snapshot, Rare::ApiLost);
    "requests_lost", Some("wallarm_requests_lost"), "The sum of `tnt_errors` and `api_errors`",
        |snapshot| Value::Integer(snapshot.rare(Rare::PostanalyticsLost) + snapshot.rare(Rare::ApiLost));
    "overlimits_time", Some("wallarm_overlimits_time"), "Requests whose analysis reached a limit (`overlimit_res`)",
        |snapshot| Value::Integer(snapshot.totals.overlimits_time);
    "segfaults", Some("wallarm_segfaults"), "Worker processes that crashed or were killed",
        |snapshot| rare(snapshot, Rare::WorkerCrash);
    "memfaults", Some("wallarm_memfaults"), "Requests that reached their memory limit (`wallarm_request_memory_limit`)",
        |snapshot| rare(snapshot, Rare::MemoryLimit);
    "softmemfaults", Some("wallarm_softmemfaults"), "Times the memory limit of a ruleset was reached",
        |snapshot| rare(snapshot, Rare::RulesetMemoryLimit);
    "proton_errors", Some("wallarm_proton_errors"), "Other errors of the engine; the request passed unanalysed",
        |snapshot| rare(snapshot, Rare::EngineError);
    "time_detect", Some("wallarm_time_detect_seconds"), "Time spent on analysis, all workers together",
        |snapshot| Value::Seconds(snapshot.totals.time_detect);
    "db_id", Some("wallarm_db_id"), "The id of `proton.db`",
        |snapshot| Value::Integer(snapshot.header.db_id);
    "lom_id", Some("wallarm_lom_id"), "The former name of `custom_ruleset_id`",
        |snapshot| Value::Integer(snapshot.header.custom_id);
    "custom_ruleset_id", Some("wallarm_custom_ruleset_id"), "The build of the custom ruleset; 0 without one",
        |snapshot| Value::Versioned { id: snapshot.header.custom_id, version: snapshot.header.custom_version };
    "custom_ruleset_ver", Some("wallarm_custom_ruleset_ver"), "The format of the custom ruleset",
        |snapshot| Value::Integer(snapshot.header.custom_version);
    "db_apply_time", Some("wallarm_db_apply_time"), "When this `proton.db` came into use, Unix time",
        |snapshot| Value::Integer(snapshot.header.db_apply_time);
    "lom_apply_time", Some("wallarm_lom_apply_time"), "The former name of `custom_ruleset_apply_time`",
        |snapshot| Value::Integer(snapshot.header.custom_apply_time);
    "custom_ruleset_apply_time", Some("wallarm_custom_ruleset_apply_time"),
        "When this custom ruleset came into use, Unix time",
        |snapshot| Value::Integer(snapshot.header.custom_apply_time);
    "proton_instances", Some("wallarm_proton_instances"),
        "Pairs of rulesets: loaded, loaded from the backup, and not loaded",
        |snapshot| Value::Instances(snapshot.local.instances);
    "stalled_workers_count", None, "Workers that analyse one request for longer than `wallarm_stalled_worker_timeout`",
        |snapshot| Value::Integer(u64::try_from(snapshot.stalled.len()).unwrap_or(u64::MAX));
    "stalled_workers", Some("wallarm_stalled_worker_time_seconds"), "Those workers, and how long they have been at it",
        |snapshot| Value::Workers(&snapshot.stalled);
    "ts_files", None, "The custom rulesets in use",
        |snapshot| Value::Files(snapshot.local.custom_rulesets);
    "db_files", None, "The `proton.db` files in use",
        |snapshot| Value::Files(snapshot.local.databases);
    "startid", Some("wallarm_startid"), "A random number that changes when NGINX is started anew",
        |snapshot| Value::Integer(snapshot.header.start_id);
    "timestamp", None, "When the last request was processed, Unix time with microseconds; 0 before the first",
        |snapshot| Value::Seconds(Duration::from_micros(snapshot.header.timestamp));
    "rate_limit", None, "The state of the rate limit",
        |snapshot| Value::RateLimit(snapshot.local.rate_limit);
    "split", None, "The counters of each client and application",
        |snapshot| Value::Split(&snapshot.clients);
}

fn rare<'s>(snapshot: &Snapshot<'_>, what: Rare) -> Value<'s> {
    Value::Integer(snapshot.rare(what))
}

/// A field of `rate_limit`: name, meaning, value.
pub type RateLimitField = (&'static str, &'static str, fn(&Statistics) -> u64);

/// The fields of `rate_limit`.
pub const RATE_LIMIT: &[RateLimitField] = &[
    ("shm_zone_size", "Bytes of shared memory (`wallarm_rate_limit_shm_size`)", |limit| limit.shm_zone_size),
    ("buckets_count", "Parts of the table, each swept by one worker", |limit| limit.buckets_count),
    ("entries", "Keys that are remembered", |limit| limit.entries),
    ("delayed", "Requests that were delayed", |limit| limit.delayed),
    ("exceeded", "Requests that were refused", |limit| limit.exceeded),
    ("expired", "Keys forgotten because they were idle", |limit| limit.expired),
    ("removed", "Keys forgotten early, to make room for others", |limit| limit.removed),
    (
        "no_free_nodes",
        "Requests that passed unlimited because all places of their key were taken by limited ones",
        |limit| limit.no_free_nodes,
    ),
];

//! What is told the Cloud once a minute.

use cloud_api::acl_stats::AclStats;
use cloud_api::behaviour::Increment;
use cloud_api::counters::Counters;

/// What was counted since the last time. Parts that do not arrive are given back, with the others left empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Minute {
    /// Requests, for `POST /node/v1/counters`.
    pub counters: Counters,
    /// Requests of sources, for `POST /node/v1/behaviour`.
    pub behaviour: Vec<Increment>,
    /// Blocked sources, for `POST /node/v1/acl_stats`.
    pub acl: AclStats,
}

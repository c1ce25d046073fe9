//! What is told the Cloud once a minute.

use cloud_api::acl_stats::AclStats;
use cloud_api::behaviour::Increment;
use cloud_api::counters::Counters;

use crate::behaviour::Telling;
use crate::moment::Clocks;

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

/// A minute that is being taken, piece by piece: [`crate::Analysis::begin_minute`].
#[derive(Debug)]
pub struct Taking {
    pub(crate) clocks: Clocks,
    pub(crate) counters: Counters,
    pub(crate) telling: Telling,
    pub(crate) acl: AclStats,
}

impl Taking {
    /// What was taken.
    #[must_use]
    pub fn minute(self) -> Minute {
        Minute { counters: self.counters, behaviour: self.telling.increments, acl: self.acl }
    }
}

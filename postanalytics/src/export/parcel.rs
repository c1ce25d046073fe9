//! Parts of minutes on their way: each has a name from when it is sent first until the Cloud has said what becomes of it.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;

use cloud_api::acl_stats::AclStats;
use cloud_api::behaviour::Increment;
use cloud_api::counters::Counters;

/// A part with a name.
pub(super) struct Parcel<P> {
    /// By which the Cloud knows it when it comes again.
    pub name: String,
    /// What is told.
    pub part: P,
}

/// Parts that were sent and may have been taken or not. They are sent again as they are, before anything newer of their kind.
#[derive(Default)]
pub(super) struct InDoubt {
    pub counters: Option<Parcel<Counters>>,
    pub behaviour: Option<Parcel<Vec<Increment>>>,
    pub acl: Option<Parcel<AclStats>>,
}

/// Makes names that no other has.
pub(super) struct Names {
    random: RandomState,
    count: u64,
}

impl Names {
    /// Those of one life of the export.
    pub(super) fn new() -> Self {
        Self { random: RandomState::new(), count: 0 }
    }

    /// Gives a part a name: 32 hexadecimal digits.
    pub(super) fn name<P>(&mut self, part: P) -> Parcel<P> {
        self.count += 1;
        let [high, low] = [0, 1].map(|half: u64| self.random.hash_one((self.count, half)));
        Parcel { name: format!("{high:016x}{low:016x}"), part }
    }
}

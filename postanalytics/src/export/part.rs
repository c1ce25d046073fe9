//! What is told once a minute.

use analysis::Minute;
use cloud_api::acl_stats::{self, AclStats};
use cloud_api::behaviour::{self, Increment, Verdicts};
use cloud_api::counters::{self, Counters};
use serde::Serialize;
use serde::de::{DeserializeOwned, IgnoredAny};

use super::context::Minutes;

/// A part of what is told once a minute, which is sent by a call of its own.
pub(super) trait Part: Serialize + Sized {
    /// What the log calls it.
    const NAME: &'static str;
    /// The call.
    const PATH: &'static str;
    /// What the Cloud says to it.
    type Answer: DeserializeOwned + Default;

    /// Whether there is nothing to tell.
    fn is_empty(&self) -> bool;

    /// Two smaller ones, or itself if there are none.
    fn halved(self) -> Result<[Self; 2], Self>;

    /// It, to be given back.
    fn into_minute(self) -> Minute;

    /// What the Cloud said goes to those who count.
    fn answered(answer: Self::Answer, to: &dyn Minutes);
}

impl Part for Counters {
    const NAME: &'static str = "counters";
    const PATH: &'static str = counters::PATH;
    type Answer = IgnoredAny;

    /// A minute without requests is told, too: the Cloud sees that the node is there.
    fn is_empty(&self) -> bool {
        false
    }

    fn halved(self) -> Result<[Self; 2], Self> {
        Err(self)
    }

    fn into_minute(self) -> Minute {
        Minute { counters: self, ..Minute::default() }
    }

    fn answered(_: IgnoredAny, _: &dyn Minutes) {}
}

impl Part for Vec<Increment> {
    const NAME: &'static str = "behaviour";
    const PATH: &'static str = behaviour::PATH;
    type Answer = Verdicts;

    fn is_empty(&self) -> bool {
        self.as_slice().is_empty()
    }

    fn halved(mut self) -> Result<[Self; 2], Self> {
        if self.len() < 2 {
            return Err(self);
        }
        let rest = self.split_off(self.len() / 2);
        Ok([self, rest])
    }

    fn into_minute(self) -> Minute {
        Minute { behaviour: self, ..Minute::default() }
    }

    fn answered(answer: Verdicts, to: &dyn Minutes) {
        to.set_verdicts(answer);
    }
}

impl Part for AclStats {
    const NAME: &'static str = "blocked sources";
    const PATH: &'static str = acl_stats::PATH;
    type Answer = IgnoredAny;

    fn is_empty(&self) -> bool {
        self.events.is_empty() && self.sampled == 0
    }

    fn halved(mut self) -> Result<[Self; 2], Self> {
        if self.events.len() < 2 {
            return Err(self);
        }
        let rest = self.events.split_off(self.events.len() / 2);
        Ok([self, Self { events: rest, sampled: 0 }])
    }

    fn into_minute(self) -> Minute {
        Minute { acl: self, ..Minute::default() }
    }

    fn answered(_: IgnoredAny, _: &dyn Minutes) {}
}

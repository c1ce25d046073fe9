//! What was counted, for whoever tells the Cloud, and what the Cloud says about counting, for the analysis.

use std::sync::{Arc, Weak};

use analysis::{Minute, Moment, UnixMillis};
use cloud_api::behaviour::Verdicts;
use cloud_api::markers::Markers;

use crate::analyst::Work;
use crate::export::Minutes;
use crate::log::Part;
use crate::server::Server;
use crate::system::unix_now;

/// The counting side of a server, as the export sees it. It keeps no server alive.
pub struct Counting(Weak<Server>);

impl Counting {
    /// That of `server`.
    #[must_use]
    pub fn of(server: &Arc<Server>) -> Self {
        Self(Arc::downgrade(server))
    }

    fn with<T: Default>(&self, act: impl FnOnce(&Server, &mut Work, Moment, UnixMillis) -> T) -> T {
        let Some(server) = self.0.upgrade() else { return T::default() };
        let now = Moment(server.store.clock().now());
        act(&server, &mut server.analyst.lock(), now, UnixMillis(unix_now()))
    }
}

impl Minutes for Counting {
    fn take(&self) -> Minute {
        self.with(|server, work, now, wall| {
            // Counts of windows that reach further back than the requests that are kept cannot be checked by anybody.
            let timeframe = server.store.statistics().timeframe as u64;
            if server.store.statistics().evicted > 0 {
                for marker in work.analysis.unreliable_markers(timeframe) {
                    server.log.warning(Part::Analysis, format_args!("{marker}"));
                }
            }
            work.analysis.take_minute(now, wall)
        })
    }

    fn merge_back(&self, minute: Minute) {
        self.with(|_, work, _, _| work.analysis.merge_back(minute));
    }

    fn set_markers(&self, markers: Markers) {
        self.with(|server, work, _, _| {
            for refused in work.analysis.set_markers(&markers) {
                server.log.warning(Part::Analysis, format_args!("{refused}"));
            }
        });
    }

    fn set_verdicts(&self, verdicts: Verdicts) {
        self.with(|_, work, now, wall| work.analysis.set_marks(&verdicts.verdicts, now, wall));
    }
}

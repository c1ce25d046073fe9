//! Runs the analysis: connections look at what they store, before they answer.
//!
//! So nothing waits to be looked at, no request gives way before it was seen, and a request that was answered has its hits on
//! their way to the disk. Intake is as fast as the analysis; `docs/decisions/overload.md` says what that means under load.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, MutexGuard, PoisonError};

use analysis::{Analysis, Hit, Moment, Record, UnixMillis};

use crate::export::Exporter;
use crate::server::Server;
use crate::system::unix_now;

/// The analysis, for one at a time.
pub struct Analyst {
    work: Mutex<Work>,
}

/// What whoever analyses holds.
pub struct Work {
    /// All that is counted.
    pub analysis: Analysis,
    /// Hits that were not kept, since this server is not registered.
    pub withheld: u64,
    /// Requests over which the analysis stumbled.
    pub stumbles: u64,
}

impl Analyst {
    /// An analyst that has seen nothing yet.
    #[must_use]
    pub fn new(analysis: Analysis) -> Self {
        Self { work: Mutex::new(Work { analysis, withheld: 0, stumbles: 0 }) }
    }

    /// Looks at records that have just been stored. Of some there is nothing to look at: they could be stored and not be read.
    pub fn look<'a>(&self, server: &Server, records: impl IntoIterator<Item = Option<&'a Record<'a>>>) {
        let registered = server.exporter.get().is_some_and(Exporter::is_registered);
        let mut work = self.lock();
        // Read under the lock, so that time never goes backwards for the analysis.
        let (now, wall) = (server.store.clock().now(), unix_now());
        for record in records {
            let mut follows = false;
            work.look(record, Moment(now), UnixMillis(wall), |json| {
                if registered {
                    server.spooler.offer(json, wall, follows);
                    follows = true;
                }
                registered
            });
        }
    }

    /// The analysis, for whoever reads its figures or takes its counters. Intake waits meanwhile.
    pub fn lock(&self) -> MutexGuard<'_, Work> {
        // Who held it has left the tables whole: what goes wrong with a record ends in `Work::look`.
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Work {
    /// `keep` takes a hit, or says that it does not.
    fn look(
        &mut self,
        record: Option<&Record<'_>>,
        now: Moment,
        wall: UnixMillis,
        mut keep: impl FnMut(&[u8]) -> bool,
    ) {
        let Self { analysis, withheld, stumbles } = self;
        // A fault of ours in one record must cost neither the others nor the connection. The panic itself is logged.
        let looked = catch_unwind(AssertUnwindSafe(|| {
            analysis.look_at(record, now, wall, &mut |hit: Hit<'_>| *withheld += u64::from(!keep(hit.json)));
        }));
        *stumbles += u64::from(looked.is_err());
    }
}

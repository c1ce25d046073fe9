//! What was counted, for whoever tells the Cloud, and what the Cloud says about counting, for the analysis.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use analysis::{Minute, Moment, Scopes, UnixMillis, UnreliableMarker};
use cloud_api::behaviour::Verdicts;
use cloud_api::markers::Markers;

use crate::analyst::Work;
use crate::export::Minutes;
use crate::log::Part;
use crate::server::Server;
use crate::system::unix_now;

/// The counting side of a server, as the export sees it. It keeps no server alive.
pub struct Counting {
    server: Weak<Server>,
    told: Mutex<Told>,
}

/// What was told before, and need not be told again each minute.
#[derive(Default)]
struct Told {
    /// What the Cloud wants counted.
    markers: Option<Markers>,
    /// Which of these cannot be relied on, as the log has it.
    unreliable: Vec<UnreliableMarker>,
}

impl Counting {
    /// That of `server`.
    #[must_use]
    pub fn of(server: &Arc<Server>) -> Self {
        Self { server: Arc::downgrade(server), told: Mutex::default() }
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with<T: Default>(&self, act: impl FnOnce(&Server, &mut Work, Moment, UnixMillis) -> T) -> T {
        let Some(server) = self.server.upgrade() else { return T::default() };
        let now = Moment(server.store.clock().now());
        act(&server, &mut server.analyst.lock(), now, UnixMillis(unix_now()))
    }
}

impl Minutes for Counting {
    fn take(&self) -> Minute {
        let begun = self.with(|server, work, now, wall| {
            // A window that reaches further back than the requests that are kept holds counts that nobody can check. Before the first
            // request had to go, all of them are kept.
            let store = server.store.statistics();
            let timeframe = if store.evicted > 0 { store.timeframe as u64 } else { u64::MAX };
            let unreliable: Vec<_> = work.analysis.unreliable_markers(timeframe).collect();
            let mut told = self.told();
            for marker in unreliable.iter().filter(|marker| !told.unreliable.contains(marker)) {
                server.log.warning(Part::Analysis, format_args!("{marker}"));
            }
            told.unreliable = unreliable;
            Some(work.analysis.begin_minute(now, wall))
        });
        let Some(mut taking) = begun else { return Minute::default() };
        // Each piece takes the lock anew: intake does not wait for all of them.
        while self.with(|_, work, _, _| work.analysis.go_on(&mut taking)) {}
        taking.minute()
    }

    fn merge_back(&self, minute: Minute) {
        self.with(|_, work, _, _| work.analysis.merge_back(minute));
    }

    fn set_markers(&self, markers: Markers) {
        // They are asked for every minute, change rarely, and are compiled when they are set.
        if self.told().markers.as_ref() == Some(&markers) {
            return;
        }
        let (scopes, refused) = Scopes::compile(&markers);
        self.with(|server, work, _, _| {
            work.analysis.set_scopes(scopes);
            for refused in refused {
                server.log.warning(Part::Analysis, format_args!("{refused}"));
            }
        });
        self.told().markers = Some(markers);
    }

    fn set_verdicts(&self, verdicts: Verdicts) {
        self.with(|_, work, now, wall| work.analysis.set_marks(&verdicts.verdicts, now, wall));
    }
}

#[cfg(test)]
mod tests {
    use cloud_api::behaviour::Behaviour;
    use cloud_api::markers::Marker;

    use super::*;
    use crate::log::Log;
    use crate::settings::Settings;

    fn marker(uri: &str) -> Marker {
        let (apps, sources) = (Vec::new(), Vec::new());
        Marker { id: 7, kind: Some(Behaviour::Brute), uri: Some(uri.to_owned()), apps, sources, window: 60 }
    }

    #[test]
    fn a_marker_that_cannot_be_used_is_told_of_when_it_comes_and_not_each_minute() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        let settings = Settings { workdir: folder.path().to_owned(), ..Settings::default() };
        let server = Arc::new(Server::new(settings, Arc::new(Log::open(&log).unwrap())).unwrap());
        let counting = Counting::of(&server);
        let told = || std::fs::read_to_string(&log).unwrap().lines().filter(|line| line.contains("marker 7")).count();
        for _ in 0..3 {
            counting.set_markers(Markers(vec![marker("/{{(}}")]));
        }
        assert_eq!(told(), 1);
        counting.set_markers(Markers(vec![marker("/login")]));
        counting.set_markers(Markers(vec![marker("/{{(}}")]));
        assert_eq!(told(), 2);
    }
}

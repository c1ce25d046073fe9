//! How many requests there were, of each application.

use cloud_api::counters::{AppCounters, Counters};

/// Applications that are told apart. Their numbers come from the configuration of NGINX; whoever can write to port 3313 can make up
/// any number of them.
const MOST_APPS: usize = 256;

/// Counts since they were last taken.
#[derive(Debug, Default)]
pub(crate) struct RequestCounters {
    /// When counting began, Unix seconds; none before the first request.
    since: Option<u64>,
    /// By application.
    apps: Vec<AppCounters>,
    /// The applications for which no place was left.
    others: AppCounters,
}

impl RequestCounters {
    /// Counts a request.
    pub(crate) fn count(&mut self, app: i64, attacked: bool, blocked: bool, unix: u64) {
        self.since.get_or_insert(unix);
        let counters = self.of(Some(app));
        counters.requests += 1;
        counters.attacks += u64::from(attacked);
        counters.blocked += u64::from(blocked);
    }

    fn of(&mut self, app: Option<i64>) -> &mut AppCounters {
        if app.is_none() {
            return &mut self.others;
        }
        match self.apps.binary_search_by_key(&app, |counters| counters.app) {
            Ok(at) => self.apps.get_mut(at).unwrap_or(&mut self.others),
            Err(_) if self.apps.len() >= MOST_APPS => &mut self.others,
            Err(at) => {
                self.apps.insert(at, AppCounters { app, ..AppCounters::default() });
                self.apps.get_mut(at).unwrap_or(&mut self.others)
            }
        }
    }

    /// The counts so far; counting begins anew.
    pub(crate) fn take(&mut self, unix: u64) -> Counters {
        let from = self.since.replace(unix).unwrap_or(unix).min(unix);
        let mut counters = Counters { from, to: unix, ..Counters::default() };
        let others = std::mem::take(&mut self.others);
        // Applications that fell silent leave their places to others.
        counters.per_app = std::mem::take(&mut self.apps);
        if others.requests > 0 {
            counters.per_app.push(others);
        }
        for app in &counters.per_app {
            counters.requests += app.requests;
            counters.attacks += app.attacks;
            counters.blocked += app.blocked;
        }
        counters
    }

    /// Adds counts that were taken and did not arrive.
    pub(crate) fn give_back(&mut self, counters: &Counters) {
        if counters.requests == 0 {
            return;
        }
        self.since = Some(self.since.unwrap_or(counters.from).min(counters.from));
        for app in &counters.per_app {
            let sum = self.of(app.app);
            sum.requests += app.requests;
            sum.attacks += app.attacks;
            sum.blocked += app.blocked;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn applications_are_counted_apart_and_together() {
        let mut counters = RequestCounters::default();
        counters.count(7, true, true, 100);
        counters.count(-1, false, false, 101);
        counters.count(7, true, false, 102);
        let taken = counters.take(160);
        assert_eq!((taken.from, taken.to, taken.requests, taken.attacks, taken.blocked), (100, 160, 3, 2, 1));
        let apps: Vec<_> = taken.per_app.iter().map(|app| (app.app, app.requests)).collect();
        assert_eq!(apps, [(Some(-1), 1), (Some(7), 2)]);
        assert_eq!(counters.take(220), Counters { from: 160, to: 220, ..Counters::default() });
    }

    #[test]
    fn applications_beyond_the_256th_share_a_place() {
        let mut counters = RequestCounters::default();
        (0..1000).for_each(|app| counters.count(app, false, false, 100));
        let taken = counters.take(160);
        let others = taken.per_app.iter().find(|app| app.app.is_none()).unwrap();
        assert_eq!((taken.per_app.len(), others.requests, taken.requests), (MOST_APPS + 1, 744, 1000));
    }

    #[test]
    fn what_did_not_arrive_is_part_of_the_next_minute() {
        let mut counters = RequestCounters::default();
        (0..1000).for_each(|app| counters.count(app, true, false, 100));
        let lost = counters.take(160);
        (500..1500).for_each(|app| counters.count(app, false, true, 170));
        counters.give_back(&lost);
        let taken = counters.take(220);
        assert_eq!((taken.from, taken.to, taken.requests), (100, 220, 2000));
        assert_eq!((taken.attacks, taken.blocked, taken.per_app.len()), (1000, 1000, MOST_APPS + 1));
    }
}

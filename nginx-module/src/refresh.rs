//! Files that others replace while NGINX runs: those of rule sets and of lists of addresses.
//!
//! A worker looks at them every `wallarm_file_check_interval`, and reads what changed in a thread, whose result the timer picks up.

use crate::conf::{self, MainConf};
use crate::ip_lists::Lists;
use crate::ngx::log::{Level, Log};
use crate::ngx::repeating::Repeating;
use crate::ngx::thread;
use crate::rulesets::Keeper;
use module_logic::{ip_lists, rulesets};
use std::cell::RefCell;
use std::thread::JoinHandle;
use std::time::Duration;

/// How often the result of a thread is asked for, and how soon a worker looks for the first time: one that takes the place of a worker
/// that crashed has what the master loaded long ago.
const IMPATIENCE: Duration = Duration::from_millis(50);

/// What a worker does to keep files fresh.
#[derive(Default)]
pub struct Refresh(RefCell<State>);

#[derive(Default)]
struct State {
    timer: Option<Repeating>,
    running: Option<JoinHandle<Read>>,
}

/// What is to be read.
struct Due {
    pairs: Vec<rulesets::Job>,
    lists: Option<ip_lists::Job>,
}

/// What was read.
struct Read {
    pairs: Vec<rulesets::Outcome>,
    lists: Option<ip_lists::Outcome>,
}

impl Due {
    fn of(main: &MainConf) -> Option<Self> {
        let pairs = main.keeper.as_ref().map(Keeper::due).unwrap_or_default();
        let lists = main.lists.as_ref().and_then(Lists::due);
        (!pairs.is_empty() || lists.is_some()).then_some(Self { pairs, lists })
    }

    /// Reads the lists first: rule sets take longer.
    fn read(self) -> Read {
        let lists = self.lists.map(ip_lists::Job::run);
        Read { lists, pairs: self.pairs.into_iter().map(rulesets::Job::run).collect() }
    }
}

impl Refresh {
    /// A worker starts: it begins to look at the files, if there are any.
    pub fn start(&self, main: &MainConf) {
        if let Some(lists) = &main.lists {
            lists.start();
        }
        let keeps = main.keeper.as_ref().is_some_and(Keeper::start);
        let interval = interval(main);
        if let Ok(mut state) = self.0.try_borrow_mut()
            && keeps
            && !interval.is_zero()
        {
            state.timer = Some(Repeating::start(IMPATIENCE.min(interval), look));
        }
    }

    /// The worker ends: nothing of this library may run any more.
    pub fn stop(&self) {
        let Ok(mut state) = self.0.try_borrow_mut() else { return };
        state.timer = None;
        if let Some(thread) = state.running.take() {
            // Its result is of no use any more.
            drop(thread.join());
        }
    }

    /// The timer rang: picks up what a thread brought, or looks at the files. Returns when to ring again.
    fn look(&self, main: &MainConf) -> Duration {
        let log = Log::of_cycle();
        let Ok(mut state) = self.0.try_borrow_mut() else { return IMPATIENCE };
        match state.running.take() {
            Some(thread) if !thread.is_finished() => {
                state.running = Some(thread);
                return IMPATIENCE;
            }
            Some(thread) => match thread.join() {
                Ok(read) => finish(main, read, log),
                Err(_) => log.write(
                    Level::Error,
                    "wallarm: a defect while rule sets or lists of addresses were loaded; the loaded ones stay in use",
                ),
            },
            None => {
                if let Some(due) = Due::of(main) {
                    state.running = thread::spawn("wallarm-rules", || due.read());
                    return IMPATIENCE;
                }
            }
        }
        interval(main)
    }
}

fn finish(main: &MainConf, read: Read, log: Log<'_>) {
    if let (Some(lists), Some(outcome)) = (&main.lists, read.lists) {
        lists.finish(outcome, log);
    }
    if let Some(keeper) = main.keeper.as_ref().filter(|_| !read.pairs.is_empty()) {
        keeper.finish(read.pairs, log);
    }
}

fn interval(main: &MainConf) -> Duration {
    main.holds.as_ref().map_or(Duration::ZERO, |holds| holds.file_check_interval)
}

/// The timer rang; returns when to ring again.
fn look() -> Duration {
    conf::running().map_or(IMPATIENCE, |main| main.refresh.look(main))
}

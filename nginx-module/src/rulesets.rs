//! The rule sets of the configuration: loaded at start, replaced while NGINX runs.
//!
//! What is loaded, kept and replaced is decided in `module_logic::rulesets`; here are the times at which it happens. The master
//! loads everything before it starts workers. A worker looks at the files every `wallarm_file_check_interval`, and compiles in
//! a thread, whose result the timer picks up.

use crate::ngx::log::{Level, Log};
use crate::ngx::repeating::Repeating;
use crate::ngx::{process, thread};
use detection::Rules;
use module_logic::rulesets::{Event, Job, Outcome, PairId, Rulesets, State};
use module_logic::settings::Block;
use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

/// How often the result of a thread is asked for.
const IMPATIENCE: Duration = Duration::from_millis(50);

/// The rule set of a location, as it stands.
pub enum Available {
    /// It can be used.
    Rules {
        /// The rules.
        rules: Arc<Rules>,
        /// The id of the custom ruleset beside them; 0 without one.
        custom_id: u64,
    },
    /// It is larger than its limit: requests are answered with 500.
    OverLimit,
    /// There is none: requests pass unseen.
    None,
}

/// The rule sets of a configuration, and what keeps them fresh.
pub struct Keeper {
    rulesets: RefCell<Rulesets>,
    /// Pairs without which NGINX must not start, since `wallarm_fallback` is `off` where they are used.
    required: Vec<(PairId, PathBuf)>,
    refresh: RefCell<Refresh>,
}

/// What a worker does to keep rule sets fresh.
#[derive(Default)]
struct Refresh {
    interval: Duration,
    timer: Option<Repeating>,
    running: Option<JoinHandle<Vec<Outcome>>>,
}

/// A rule set cannot be loaded, and `wallarm_fallback off` forbids to run without.
#[derive(Debug, thiserror::Error)]
#[error(
    "wallarm: a block uses the rule set {}, which cannot be loaded, and \"wallarm_fallback off\" forbids to run without; see \
     the message above",
    path.display()
)]
pub struct Missing {
    path: PathBuf,
}

impl Keeper {
    /// Without rule sets yet; backups are kept in `cache`.
    #[must_use]
    pub fn new(cache: &Path, interval: Duration) -> Self {
        Self {
            rulesets: RefCell::new(Rulesets::new(cache)),
            required: Vec::new(),
            refresh: RefCell::new(Refresh { interval, ..Refresh::default() }),
        }
    }

    /// The pair of a block. It is loaded by [`Keeper::load`].
    pub fn add(&mut self, block: &Block) -> PairId {
        let id = self.rulesets.get_mut().add(&block.ruleset_paths(), block.ruleset_memory_limit);
        if !block.fallback {
            self.required.push((id, block.protondb_path.clone()));
        }
        id
    }

    /// Loads everything, once the configuration was read.
    ///
    /// # Errors
    ///
    /// When a pair is missing that some block does not want to run without.
    pub fn load(&mut self, log: Log<'_>) -> Result<(), Missing> {
        let rulesets = self.rulesets.get_mut();
        tell(log, rulesets.load());
        let missing = self.required.iter().find(|(id, _)| matches!(rulesets.state(*id), State::Failed | State::New));
        missing.map_or(Ok(()), |(_, path)| Err(Missing { path: path.clone() }))
    }

    /// The rules of a pair.
    #[must_use]
    pub fn rules(&self, id: PairId) -> Available {
        let Ok(rulesets) = self.rulesets.try_borrow() else { return Available::None };
        match rulesets.state(id) {
            State::Loaded(pair) | State::Fallback(pair) => {
                Available::Rules { rules: Arc::clone(&pair.rules), custom_id: pair.custom.id }
            }
            State::OverLimit => Available::OverLimit,
            State::New | State::Failed => Available::None,
        }
    }

    /// Reads what is known of the pairs, for the status page.
    pub fn with<T>(&self, read: impl FnOnce(&Rulesets) -> T) -> Option<T> {
        self.rulesets.try_borrow().ok().map(|rulesets| read(&rulesets))
    }

    /// A worker starts: one of them keeps the backup, all begin to look at the files.
    pub fn start(&self) {
        let log = Log::of_cycle();
        if let Ok(rulesets) = self.rulesets.try_borrow() {
            tell(log, rulesets.check_access());
            if process::worker_number() == 0 {
                tell(log, rulesets.back_up());
            }
            let counts = rulesets.instances();
            if counts.success + counts.fallback + counts.failed == 0 {
                return;
            }
        }
        let Ok(mut refresh) = self.refresh.try_borrow_mut() else { return };
        if !refresh.interval.is_zero() {
            refresh.timer = Some(Repeating::start(refresh.interval, look));
        }
    }

    /// The worker ends: nothing of this library may run any more.
    pub fn stop(&self) {
        let Ok(mut refresh) = self.refresh.try_borrow_mut() else { return };
        refresh.timer = None;
        if let Some(thread) = refresh.running.take() {
            // Its result is of no use any more.
            drop(thread.join());
        }
    }

    /// The timer rang: picks up what a thread brought, or looks at the files. Returns when to ring again.
    fn look(&self) -> Duration {
        let log = Log::of_cycle();
        let Ok(mut refresh) = self.refresh.try_borrow_mut() else { return IMPATIENCE };
        match refresh.running.take() {
            Some(thread) if !thread.is_finished() => {
                refresh.running = Some(thread);
                return IMPATIENCE;
            }
            Some(thread) => match thread.join() {
                Ok(outcomes) => self.finish(outcomes, log),
                Err(_) => log
                    .write(Level::Error, "wallarm: a defect while a rule set was loaded; the loaded ones stay in use"),
            },
            None => {
                let due = self.with(Rulesets::due).unwrap_or_default();
                if !due.is_empty() {
                    refresh.running = thread::spawn("wallarm-rules", || due.into_iter().map(Job::run).collect());
                    return IMPATIENCE;
                }
            }
        }
        refresh.interval
    }

    fn finish(&self, outcomes: Vec<Outcome>, log: Log<'_>) {
        let Ok(mut rulesets) = self.rulesets.try_borrow_mut() else { return };
        let events: Vec<Event> = outcomes.into_iter().filter_map(|outcome| rulesets.finish(outcome)).collect();
        // Inspections at rest hold on to the rules they used last.
        crate::analysis::forget_resting();
        crate::status::applied(&rulesets);
        tell(log, events);
    }
}

/// The timer rang; returns when to ring again.
fn look() -> Duration {
    let keeper = crate::conf::running().and_then(|main| main.keeper.as_ref());
    keeper.map_or(IMPATIENCE, Keeper::look)
}

/// Writes what happened.
fn tell(log: Log<'_>, events: Vec<Event>) {
    for event in events {
        let level = match &event {
            Event::Replaced(_) => Level::Notice,
            Event::Warning(_) => Level::Warning,
            Event::Error(_) => Level::Error,
            Event::OverLimit(_) => {
                crate::report::ruleset_over_limit();
                Level::Error
            }
        };
        log.write(level, &format!("wallarm: {}", event.text()));
    }
}

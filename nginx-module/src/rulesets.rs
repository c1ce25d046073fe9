//! The rule sets of the configuration: loaded at start, replaced while NGINX runs.
//!
//! What is loaded, kept and replaced is decided in `module_logic::rulesets`; here it meets NGINX. The master loads everything
//! before it starts workers, which look at the files as [`crate::refresh`] says.

use crate::ngx::log::{Level, Log};
use crate::ngx::process;
use detection::Rules;
use module_logic::rulesets::{Event, Job, Outcome, PairId, Rulesets, State};
use module_logic::settings::Block;
use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::sync::Arc;

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

/// The rule sets of a configuration.
pub struct Keeper {
    rulesets: RefCell<Rulesets>,
    /// Pairs without which NGINX must not start, since `wallarm_fallback` is `off` where they are used.
    required: Vec<(PairId, PathBuf)>,
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
    pub fn new(cache: &Path) -> Self {
        Self { rulesets: RefCell::new(Rulesets::new(cache)), required: Vec::new() }
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

    /// A worker starts: one of them keeps the backup. Whether there is anything to keep fresh.
    pub fn start(&self) -> bool {
        let log = Log::of_cycle();
        let Ok(rulesets) = self.rulesets.try_borrow() else { return false };
        tell(log, rulesets.check_access());
        if process::worker_number() == 0 {
            tell(log, rulesets.back_up());
        }
        let counts = rulesets.instances();
        counts.success + counts.fallback + counts.failed > 0
    }

    /// What a thread has to read.
    #[must_use]
    pub fn due(&self) -> Vec<Job> {
        self.with(Rulesets::due).unwrap_or_default()
    }

    /// Takes up what it brought.
    pub fn finish(&self, outcomes: Vec<Outcome>, log: Log<'_>) {
        let Ok(mut rulesets) = self.rulesets.try_borrow_mut() else { return };
        let events: Vec<Event> = outcomes.into_iter().filter_map(|outcome| rulesets.finish(outcome)).collect();
        // Inspections at rest hold on to the rules they used last.
        crate::analysis::forget_resting();
        crate::status::applied(&rulesets);
        tell(log, events);
    }
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

//! Lines of the export in the log, and how often they are written: what lasts is told once an hour, what comes often is counted.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cloud_api::envelope::one_line;
use cloud_api::hit::HitId;
use cloud_api::upload::Rejected;

use crate::log::{Log, Part};

/// Time after which the same is told again.
const HOUR: Duration = Duration::from_secs(3600);
/// Time after which a Cloud that fails now and then is told of again, and in which rejected hits are counted.
const MINUTE: Duration = Duration::from_secs(60);
/// Rejected hits that are told of in a minute.
const REJECTED: u64 = 50;

/// Writes lines.
pub(super) struct Journal {
    log: Arc<Log>,
    memory: Mutex<Memory>,
}

#[derive(Default)]
struct Memory {
    /// When which kind of line may be written again. Kinds are few: none is made from what the Cloud says.
    quiet_until: HashMap<String, Duration>,
    /// Whether the last line about uploads was about a failure.
    failing: bool,
    /// The minute in which rejected hits are counted, and how many there were.
    rejected_until: Duration,
    rejected: u64,
}

impl Memory {
    fn permits(&mut self, kind: &str, now: Duration, quiet: Duration) -> bool {
        match self.quiet_until.get(kind) {
            Some(until) if now < *until => false,
            _ => {
                self.quiet_until.insert(kind.to_owned(), now.saturating_add(quiet));
                true
            }
        }
    }
}

impl Journal {
    pub(super) fn new(log: Arc<Log>) -> Self {
        Self { log, memory: Mutex::default() }
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Somebody has looked after it: what is still wrong is told again.
    pub(super) fn forget(&self) {
        self.memory().quiet_until.clear();
    }

    /// Something that stays wrong until somebody looks after it.
    #[track_caller]
    pub(super) fn hourly(&self, kind: &str, now: Duration, text: fmt::Arguments<'_>) {
        if self.memory().permits(kind, now, HOUR) {
            self.log.error(Part::Export, text);
        }
    }

    /// The Cloud refuses this node. Returns the line, whether it was written or not.
    #[track_caller]
    pub(super) fn stopped(&self, what: &str, host: &str, status: u16, reason: &str, now: Duration) -> String {
        let said = said(reason);
        let why = match status {
            401 => "refuses \"uuid\" and \"secret\" of node.yaml (401)".to_owned(),
            403 => "refuses this node (403)".to_owned(),
            300..=399 => format!("sends elsewhere ({status}), which is not followed"),
            _ => format!("is no node API, or an older one ({status})"),
        };
        let line = format!("{host} {why}{said}");
        let next = "the next try is in an hour, after SIGHUP, or when node.yaml changes";
        self.hourly(&format!("stopped {what} {status}"), now, format_args!("{what} cannot be sent: {line}; {next}"));
        line
    }

    /// Hits could not be sent.
    #[track_caller]
    pub(super) fn fails(&self, host: &str, reason: &str, pause: Duration, now: Duration) {
        let mut memory = self.memory();
        let quiet = if memory.failing { HOUR } else { MINUTE };
        if memory.permits("again", now, quiet) {
            memory.failing = true;
            let seconds = pause.as_secs_f64();
            let text = format!("{host}: {reason}; attacks wait on disk, the next try is in {seconds:.0} s");
            self.log.warning(Part::Export, format_args!("{text}"));
        }
    }

    /// Hits were sent.
    #[track_caller]
    pub(super) fn works(&self, host: &str, now: Duration) {
        let mut memory = self.memory();
        if std::mem::take(&mut memory.failing) {
            memory.quiet_until.insert("again".to_owned(), now.saturating_add(MINUTE));
            self.log.info(Part::Export, format_args!("{host} takes attacks again"));
        }
    }

    /// The Cloud will never take a hit; nothing of the hit but its name is told.
    #[track_caller]
    pub(super) fn rejected(&self, hit: &Rejected, now: Duration) {
        let mut memory = self.memory();
        if now >= memory.rejected_until {
            let silent = memory.rejected.saturating_sub(REJECTED);
            if silent > 0 {
                self.log.error(Part::Export, format_args!("{silent} more hits were rejected in the minute before"));
            }
            (memory.rejected_until, memory.rejected) = (now.saturating_add(MINUTE), 0);
        }
        memory.rejected += 1;
        if memory.rejected <= REJECTED {
            let HitId(request, kind) = &hit.id;
            let (request, kind, said) = (one_line(request), one_line(kind), said(&one_line(&hit.why)));
            self.log.error(Part::Export, format_args!("the hit {request} {kind} was rejected{said}"));
        }
    }

    /// Something that is told once a minute was not taken.
    #[track_caller]
    pub(super) fn lost(&self, what: &str, host: &str, reason: &str, now: Duration) {
        if self.memory().permits(&format!("later {what}"), now, HOUR) {
            self.log.warning(Part::Export, format_args!("{what} could not be told to {host}: {reason}"));
        }
    }

    /// The clocks differ.
    #[track_caller]
    pub(super) fn clock(&self, ahead: i64) {
        let (seconds, which) = (ahead.unsigned_abs(), if ahead > 0 { "ahead of" } else { "behind" });
        self.log.warning(Part::Export, format_args!("the clock of the Cloud is {seconds} s {which} this machine's"));
    }
}

/// What the Cloud said, behind a colon.
fn said(reason: &str) -> String {
    if reason.is_empty() { String::new() } else { format!(": {reason}") }
}

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
    fn permits(&mut self, kind: &str, now: Duration) -> bool {
        match self.quiet_until.get(kind) {
            Some(until) if now < *until => false,
            _ => {
                self.quiet_until.insert(kind.to_owned(), now.saturating_add(HOUR));
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
        if self.memory().permits(kind, now) {
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
        if memory.permits("again", now) {
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
        if self.memory().permits(&format!("later {what}"), now) {
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Lines that are written while `act` does something.
    fn lines(act: impl FnOnce(&Journal)) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        act(&Journal::new(Arc::new(Log::open(&path).unwrap())));
        let text = std::fs::read_to_string(&path).unwrap();
        text.lines().map(|line| line.split("> ").nth(1).unwrap().to_owned()).collect()
    }

    fn at(second: u64) -> Duration {
        Duration::from_secs(second)
    }

    #[test]
    fn an_outage_is_told_at_its_begin_every_hour_and_at_its_end() {
        let told = lines(|journal| {
            for second in 0..8000 {
                journal.fails("a:443", "connection refused", at(300), at(second));
            }
            journal.works("a:443", at(8000));
            journal.works("a:443", at(8001));
            // One that fails now and then is told of once a minute.
            for second in 8001..8121 {
                journal.fails("a:443", "busy", at(1), at(second));
                journal.works("a:443", at(second));
            }
        });
        assert_eq!(told.iter().filter(|line| line.contains("connection refused")).count(), 3, "{told:#?}");
        assert_eq!(told[3], "a:443 takes attacks again");
        assert_eq!(told.iter().filter(|line| line.contains("busy")).count(), 2, "{told:#?}");
    }

    #[test]
    fn rejected_hits_are_told_up_to_a_number_and_counted_beyond() {
        let hit =
            |number: u64| Rejected { id: HitId(format!("r{number}\n"), "xss".to_owned()), why: "old\u{7}".to_owned() };
        let told = lines(|journal| {
            (0..70).for_each(|number| journal.rejected(&hit(number), at(0)));
            journal.rejected(&hit(70), at(60));
        });
        assert_eq!((told.len(), told[0].as_str()), (52, "the hit r0  xss was rejected: old "));
        assert_eq!(told[50], "20 more hits were rejected in the minute before");
    }

    #[test]
    fn what_stays_wrong_is_told_again_after_somebody_looked_after_it() {
        let told = lines(|journal| {
            (0..3).for_each(|second| _ = journal.stopped("attacks", "a:443", 403, "subscription limited", at(second)));
            journal.forget();
            journal.stopped("attacks", "a:443", 403, "subscription limited", at(4));
        });
        assert_eq!(told.len(), 2);
        assert!(told[0].starts_with("attacks cannot be sent: a:443 refuses this node (403): subscription limited; "));
    }
}

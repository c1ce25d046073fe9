//! Which of what happens to the spool is worth a line in the log. Attacks come by the thousand; lines must not.

use std::fmt::{self, Display};
use std::time::{Duration, Instant};

use spool::{OpenError, ReadError, Recovery};

use super::{Figures, Say};
use crate::log::Level;

/// The same is said again no sooner.
const PAUSE: Duration = Duration::from_secs(60);

/// What was said, and when.
pub struct Report {
    say: Say,
    degraded: Paused,
    read: Paused,
    dropped: Paused,
    /// The log says that the disk fails, and not yet that it does no more.
    told: bool,
    /// Attacks that the log has told as dropped.
    told_dropped: u64,
}

/// When something was said last.
#[derive(Debug, Default)]
struct Paused {
    last: Option<Instant>,
}

impl Paused {
    /// Whether it may be said now; then it counts as said.
    fn may_speak(&mut self) -> bool {
        let speaks = self.last.is_none_or(|last| last.elapsed() >= PAUSE);
        if speaks {
            self.last = Some(Instant::now());
        }
        speaks
    }
}

impl Report {
    /// Nothing was said yet.
    pub fn new(say: Say) -> Self {
        let (degraded, read, dropped) = Default::default();
        Self { say, degraded, read, dropped, told: false, told_dropped: 0 }
    }

    fn line(&self, level: Level, text: fmt::Arguments<'_>) {
        (self.say)(level, text);
    }

    /// A newer server wrote the spool.
    pub fn cannot_start(&self, error: &OpenError) {
        self.line(Level::Fatal, format_args!("{error}"));
    }

    /// The spool is open.
    pub fn opened(&self, recovery: &Recovery) {
        let (waiting, damage) = (recovery.waiting, recovery.damage);
        if damage != spool::Damage::default() {
            let text = format!("the spool was damaged in {} places ({} bytes)", damage.places, damage.bytes);
            self.line(Level::Warning, format_args!("{text}: {} attacks are lost, {waiting} are there", damage.lost));
        }
        if recovery.progress_lost && waiting > 0 {
            self.line(
                Level::Warning,
                format_args!("what was exported is not known: {waiting} attacks are exported again"),
            );
        } else if waiting > 0 {
            self.line(Level::Info, format_args!("{waiting} attacks wait in the spool"));
        }
    }

    /// The disk takes nothing, for the first time or again.
    pub fn failed(&mut self, why: &dyn Display, waiting: u64) {
        if self.degraded.may_speak() {
            let still = if self.told { "still " } else { "" };
            self.told = true;
            self.line(
                Level::Error,
                format_args!("attacks are {still}kept in memory only, {waiting} now, and the oldest are dropped when it is full: {why}"),
            );
        }
    }

    /// The disk takes attacks again.
    pub fn recovered(&mut self) {
        // An interruption that was not told needs no end.
        if std::mem::take(&mut self.told) {
            self.line(Level::Info, format_args!("attacks are saved on disk again"));
        }
    }

    /// A segment cannot be read.
    pub fn cannot_read(&mut self, error: &ReadError) {
        if self.read.may_speak() {
            self.line(Level::Error, format_args!("{error}"));
        }
    }

    /// Tells of attacks that gave way, if there are any that were not told.
    pub fn dropped(&mut self, figures: &Figures) {
        let new = figures.dropped - self.told_dropped;
        if new > 0 && self.dropped.may_speak() {
            self.told_dropped = figures.dropped;
            self.line(
                Level::Warning,
                format_args!("{new} attacks were dropped before they were exported: there is no more room"),
            );
        }
    }

    /// What the server leaves behind.
    pub fn stopped(&mut self, figures: &Figures) {
        let unsaved = figures.waiting.count;
        if unsaved > 0 {
            self.line(Level::Error, format_args!("{unsaved} attacks could not be saved and are lost"));
        }
    }
}

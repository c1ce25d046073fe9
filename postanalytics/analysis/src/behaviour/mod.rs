//! Behavioural attacks: what shows only across many requests. Requests are counted here; thresholds are compared in the Cloud, which
//! answers with marks: further requests of a source that a counter counts are attacks.
//!
//! | File | Holds |
//! |---|---|
//! | `scope` | which requests are counted |
//! | `pattern`, `path` | URIs in scopes, and in requests |
//! | `counted` | how many requests of whom were counted |
//! | `marks` | whose further requests are attacks |

mod counted;
mod marks;
mod path;
mod pattern;
mod scope;

use std::net::IpAddr;

use cloud_api::behaviour::{Behaviour, Increment, Verdict};

use crate::budget::Division;
use crate::hash::Hashing;
use crate::moment::Clocks;
use crate::record::Record;
use crate::table::TableFigures;

pub(crate) use counted::Telling;
use counted::{Counted, Subject};
use marks::Marks;
pub use pattern::PatternError;
pub use scope::{RefusedMarker, Scopes, UnreliableMarker, WhyRefused};

/// The status that forced browsing meets.
const NOT_FOUND: u16 = 404;

/// Figures about behaviour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BehaviourFigures {
    /// Scopes in which requests are counted.
    pub scopes: u64,
    /// Times that a request was counted; several scopes may count one.
    pub counted: u64,
    /// Of those, what had to make room to others before it was told.
    pub lost: u64,
    /// Requests that a scope could have counted, had they a source: those from a unix socket have none.
    pub without_source: u64,
}

/// What is counted, and what came of it.
#[derive(Debug)]
pub(crate) struct Behaviours {
    scopes: Scopes,
    counted: Counted,
    marks: Marks,
    figures: BehaviourFigures,
}

/// Kinds of behaviour that a request is an attack of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Marked([bool; Behaviour::ALL.len()]);

impl Marked {
    pub(crate) fn is_empty(self) -> bool {
        self.0 == [false; Behaviour::ALL.len()]
    }

    pub(crate) fn iter(self) -> impl Iterator<Item = Behaviour> {
        Behaviour::ALL.into_iter().zip(self.0).filter(|(_, marked)| *marked).map(|(kind, _)| kind)
    }
}

impl Behaviours {
    pub(crate) fn new(division: &Division) -> Self {
        Self {
            scopes: Scopes::default(),
            counted: Counted::new(division.counted, division.increments),
            marks: Marks::new(division.marks),
            figures: BehaviourFigures::default(),
        }
    }

    /// Takes the scopes of the Cloud in place of those before.
    pub(crate) fn set_scopes(&mut self, scopes: Scopes) {
        self.scopes = scopes;
        self.figures.scopes = self.scopes.iter().count() as u64;
    }

    /// Scopes with windows that are longer than so many seconds.
    pub(crate) fn longer_than(&self, timeframe: u64) -> impl Iterator<Item = UnreliableMarker> {
        let long = self.scopes.iter().filter(move |scope| u64::from(scope.window) > timeframe);
        long.map(|scope| UnreliableMarker { id: scope.id, window: scope.window })
    }

    pub(crate) fn set_marks(&mut self, hashing: &Hashing, verdicts: &[Verdict], clocks: Clocks) {
        verdicts.iter().for_each(|verdict| self.marks.set(hashing, verdict, clocks));
    }

    /// Counts a request without signs of attacks, and says what it is an attack of nevertheless.
    pub(crate) fn count(&mut self, hashing: &Hashing, record: &Record<'_>, now: u32) -> Marked {
        let mut marked = Marked::default();
        let concerns = |kind| self.scopes.has(kind) && (kind != Behaviour::Dirbust || record.status == NOT_FOUND);
        let kinds = Behaviour::ALL.map(|kind| Some(kind).filter(|kind| concerns(*kind)));
        if kinds == [None; Behaviour::ALL.len()] {
            return marked;
        }
        let Some(source) = source(record.remote_addr) else {
            self.figures.without_source += 1;
            return marked;
        };
        let path = path::plain(record.path());
        for (kind, marked) in kinds.into_iter().zip(&mut marked.0) {
            let Some(kind) = kind else { continue };
            for scope in self.scopes.counting(kind, record.app, record.host, &path, source) {
                let subject = Subject { kind, source, app: record.app, counter: scope.id };
                let key = subject.key(hashing);
                self.counted.count(key, &subject, scope.window, now);
                self.figures.counted += 1;
                *marked |= self.marks.holds(key, now);
            }
        }
        marked
    }

    pub(crate) fn begin(&self) -> Telling {
        self.counted.begin()
    }

    pub(crate) fn go_on(&mut self, telling: &mut Telling, pages: usize, clocks: Clocks) -> bool {
        self.counted.go_on(telling, pages, clocks)
    }

    pub(crate) fn give_back(&mut self, hashing: &Hashing, increments: &[Increment], clocks: Clocks) {
        for increment in increments {
            let scope = self.scopes.iter().find(|scope| scope.id == increment.counter);
            self.counted.give_back(hashing, increment, scope.map(|scope| scope.window), clocks);
        }
    }

    pub(crate) fn figures(&self) -> BehaviourFigures {
        BehaviourFigures { lost: self.counted.lost(), ..self.figures }
    }

    pub(crate) fn tables(&self) -> [TableFigures; 2] {
        [self.counted.table(), self.marks.table()]
    }
}

/// The address of a client. One that connected through a unix socket has none.
fn source(text: &[u8]) -> Option<IpAddr> {
    let address: IpAddr = str::from_utf8(text).ok()?.parse().ok()?;
    Some(address.to_canonical()).filter(|address| !address.is_unspecified())
}

#[cfg(test)]
mod tests;

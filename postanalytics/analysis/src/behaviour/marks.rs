//! Marks: sources whose further requests are attacks, as the Cloud has decided.

use cloud_api::behaviour::{Reaction, Verdict};

use super::counted::Subject;
use crate::hash::{Hashing, Key};
use crate::moment::Clocks;
use crate::table::{Table, TableFigures, Value, Worth};

#[derive(Clone, Copy, Debug, Default)]
struct Mark {
    /// The second in which it ends.
    until: u32,
}

impl Value for Mark {
    /// The one that ends first matters least.
    fn worth(&self, now: u32) -> Worth {
        Worth { weight: u32::from(now < self.until), seen: self.until }
    }
}

/// The marks.
#[derive(Debug)]
pub(crate) struct Marks(Table<Mark>);

impl Marks {
    pub(crate) fn new(bytes: usize) -> Self {
        Self(Table::new(bytes))
    }

    /// Takes a verdict. It replaces an earlier one about the same source and counter; reactions that are for the lists of addresses change
    /// nothing here.
    pub(crate) fn set(&mut self, hashing: &Hashing, verdict: &Verdict, clocks: Clocks) {
        let (Some(kind), Reaction::Mark) = (verdict.kind, verdict.reaction) else { return };
        let subject = Subject { kind, source: verdict.ip.to_canonical(), app: verdict.app, counter: verdict.counter };
        let until = clocks.monotonic(verdict.until);
        if let Some(place) = self.0.claim(subject.key(hashing), clocks.now.seconds()) {
            place.value.until = until;
        }
    }

    /// Whether a subject is marked.
    pub(crate) fn holds(&self, key: Key, now: u32) -> bool {
        self.0.get(key).is_some_and(|mark| now < mark.until)
    }

    pub(crate) fn table(&self) -> TableFigures {
        self.0.figures()
    }
}

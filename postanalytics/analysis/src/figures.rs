//! What an operator wants to read.

use crate::behaviour::BehaviourFigures;
use crate::blocked::BlockedFigures;
use crate::groups::GroupFigures;
use crate::kind::Kind;
use crate::sampling::ShareFigures;
use crate::table::TableFigures;

/// Figures of one moment. Copying them costs a kilobyte.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Records that were looked at: the sum of the next three.
    pub records: u64,
    /// Those without an attack.
    pub clean: u64,
    /// Those with attacks.
    pub attacked: u64,
    /// Those that could not be read.
    pub malformed: u64,
    /// Hits that were made of them.
    pub hits: HitFigures,
    /// How large the share of attacks is.
    pub share: ShareFigures,
    /// Attacks that hits were put into.
    pub groups: GroupFigures,
    /// Behaviour.
    pub behaviour: BehaviourFigures,
    /// Requests of blocked sources.
    pub blocked: BlockedFigures,
    /// The tables.
    pub tables: Tables,
    /// Bytes that may be taken.
    pub budget: u64,
    /// Bytes that are taken.
    pub memory: u64,
}

/// The tables, in which everything is remembered that may be forgotten when there is too much of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tables {
    /// Sources and the requests of theirs that are counted.
    pub counted: TableFigures,
    /// Sources whose further requests are attacks.
    pub marks: TableFigures,
    /// Hits that are alike.
    pub alike: TableFigures,
    /// Payloads of hits.
    pub payloads: TableFigures,
    /// Attacks on targets.
    pub targets: TableFigures,
    /// Sources of hits.
    pub sources: TableFigures,
    /// Blocked sources.
    pub blocked: TableFigures,
}

impl Tables {
    /// Each table under its name.
    #[must_use]
    pub const fn named(&self) -> [(&'static str, TableFigures); 7] {
        [
            ("counted", self.counted),
            ("marks", self.marks),
            ("alike", self.alike),
            ("payloads", self.payloads),
            ("targets", self.targets),
            ("sources", self.sources),
            ("blocked", self.blocked),
        ]
    }
}

/// Hits by kind of attack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HitFigures([Tally; Kind::PLACES]);

/// What became of hits. Each that was made was kept or sampled out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// All of them.
    pub made: u64,
    /// Those that are to be exported.
    pub kept: u64,
    /// Those that are only counted, because enough that are alike were kept.
    pub sampled: u64,
}

impl Default for HitFigures {
    fn default() -> Self {
        Self([Tally::default(); Kind::PLACES])
    }
}

impl HitFigures {
    /// Hits of one kind.
    #[must_use]
    pub fn of(&self, kind: Kind) -> Tally {
        self.0.get(kind.place()).copied().unwrap_or_default()
    }

    /// Hits of all kinds.
    #[must_use]
    pub fn total(&self) -> Tally {
        self.0.iter().fold(Tally::default(), |sum, tally| Tally {
            made: sum.made + tally.made,
            kept: sum.kept + tally.kept,
            sampled: sum.sampled + tally.sampled,
        })
    }

    /// Counts a hit that was made.
    pub(crate) fn count(&mut self, kind: Kind, kept: bool) {
        if let Some(tally) = self.0.get_mut(kind.place()) {
            tally.made += 1;
            tally.kept += u64::from(kept);
            tally.sampled += u64::from(!kept);
        }
    }
}

//! Attacks: groups of hits that belong together.
//!
//! | Group | Hits in it |
//! |---|---|
//! | of a target | the same kind, parameter and address; sources and payloads may differ |
//! | of a source | those of an IP address that has made many in a short time, from then on |
//!
//! A hit can be in one of each. A group is named by what it is about and when it began, so that its hits say the same name
//! however often they are sent.

use attacks::Attack;

use crate::hash::{Hashing, Key, Purpose};
use crate::kind::Kind;
use crate::moment::Clocks;
use crate::table::{Table, TableFigures, Value, Worth};
use crate::window::Window;

/// Seconds without a hit after which the next one begins a new attack.
const TARGET_IDLE: u32 = 3600;
/// A source has a group of its own after more hits than this …
const SOURCE_HITS: u32 = 50;
/// … in so many seconds, …
const SOURCE_SECONDS: u32 = 15 * 60;
/// … which are counted in as many slots.
const SOURCE_SLOTS: usize = 15;
const SLOT_SECONDS: u32 = SOURCE_SECONDS / SOURCE_SLOTS as u32;

/// The groups that hits were put into lately.
#[derive(Debug)]
pub(crate) struct Groups {
    targets: Table<TargetGroup>,
    sources: Table<SourceGroup>,
    figures: GroupFigures,
}

/// Figures about groups.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GroupFigures {
    /// Attacks on a target that began.
    pub of_targets: u64,
    /// Attacks of a source that began.
    pub of_sources: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct TargetGroup {
    /// Unix seconds, kept as they were: a clock that is set later renames no group.
    began: u32,
    hits: u32,
    seen: u32,
}

impl Value for TargetGroup {
    fn worth(&self, now: u32) -> Worth {
        let lives = now.saturating_sub(self.seen) <= TARGET_IDLE;
        Worth { weight: if lives { self.hits } else { 0 }, seen: self.seen }
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct SourceGroup {
    hits: Window<SOURCE_SLOTS>,
    seen: u32,
    /// When it became a group, Unix seconds.
    began: Option<u32>,
}

impl Value for SourceGroup {
    fn worth(&self, now: u32) -> Worth {
        Worth { weight: self.hits.sum(now / SLOT_SECONDS), seen: self.seen }
    }
}

impl Groups {
    pub(crate) fn new(target_bytes: usize, source_bytes: usize) -> Self {
        Self { targets: Table::new(target_bytes), sources: Table::new(source_bytes), figures: GroupFigures::default() }
    }

    /// Counts a hit, and gives the keys of the groups that it belongs to with the Unix seconds in which they began.
    pub(crate) fn join(&mut self, kind: Kind, target: Key, source: Key, clocks: Clocks) -> [Option<(Key, u32)>; 2] {
        let now = clocks.now.seconds();
        let unix = u32::try_from(clocks.wall.seconds()).unwrap_or(u32::MAX);
        let of_source = if can_be_of_source(kind) { self.join_source(source, now, unix) } else { None };
        [self.join_target(target, now, unix).map(|began| (target, began)), of_source.map(|began| (source, began))]
    }

    fn join_target(&mut self, key: Key, now: u32, unix: u32) -> Option<u32> {
        let place = self.targets.claim(key, now)?;
        let group = place.value;
        if place.is_new || now.saturating_sub(group.seen) > TARGET_IDLE {
            *group = TargetGroup { began: unix, hits: 0, seen: now };
            self.figures.of_targets += 1;
        }
        group.hits = group.hits.saturating_add(1);
        group.seen = now;
        Some(group.began)
    }

    /// The hit that goes beyond the limit makes the group; only later ones are in it.
    fn join_source(&mut self, key: Key, now: u32, unix: u32) -> Option<u32> {
        let group = self.sources.claim(key, now)?.value;
        let slot = now / SLOT_SECONDS;
        if group.hits.sum(slot) == 0 {
            group.began = None;
        }
        let joined = group.began;
        group.hits.add(slot, 1);
        group.seen = now;
        if joined.is_none() && group.hits.sum(slot) > SOURCE_HITS {
            group.began = Some(unix);
            self.figures.of_sources += 1;
        }
        joined
    }

    pub(crate) fn figures(&self) -> GroupFigures {
        self.figures
    }

    pub(crate) fn tables(&self) -> [TableFigures; 2] {
        [self.targets.figures(), self.sources.figures()]
    }
}

/// The name of a group.
pub(crate) fn name(hashing: &Hashing, key: Key, began: u32) -> String {
    hashing.begin(Purpose::GroupName).key(key).number(began.into()).name()
}

/// Kinds of which hits of one source can have nothing else in common stay out of its group, and do not make it.
const fn can_be_of_source(kind: Kind) -> bool {
    !matches!(kind, Kind::Behaviour(_) | Kind::Sign(Attack::OverlimitRes | Attack::DataBomb | Attack::Vpatch))
}

#[cfg(test)]
mod tests {
    use cloud_api::behaviour::Behaviour;

    use super::*;
    use crate::moment::{Moment, UnixMillis};

    const XSS: Kind = Kind::Sign(Attack::Xss);

    fn key(number: u64) -> Key {
        Hashing::new(&[3; 16]).begin(Purpose::Group).number(number).end()
    }

    fn groups() -> Groups {
        Groups::new(1 << 16, 1 << 16)
    }

    /// Both clocks show the same.
    fn at(seconds: u32) -> Clocks {
        let millis = u64::from(seconds) * 1000;
        Clocks { now: Moment(millis), wall: UnixMillis(millis) }
    }

    fn began(joined: [Option<(Key, u32)>; 2]) -> [Option<u32>; 2] {
        joined.map(|group| group.map(|(_, began)| began))
    }

    #[test]
    fn hits_on_one_target_are_one_attack_until_an_hour_passes_without_any() {
        let mut groups = groups();
        let mut join = |target, now: u32| began(groups.join(XSS, key(target), key(now.into()), at(now)))[0];
        assert_eq!((join(1, 10), join(1, 3610), join(2, 3611)), (Some(10), Some(10), Some(3611)));
        assert_eq!((join(1, 7210), join(1, 7210 + 3601)), (Some(10), Some(7210 + 3601)));
        assert_eq!(groups.figures(), GroupFigures { of_targets: 3, of_sources: 0 });
    }

    #[test]
    fn after_51_hits_in_15_minutes_further_ones_of_a_source_are_one_attack() {
        let mut groups = groups();
        let mut join = |now| began(groups.join(XSS, key(1), key(2), at(now)))[1];
        assert!((0..51).all(|hit| join(hit * 10).is_none()));
        assert_eq!((join(510), join(600)), (Some(500), Some(500)));
        assert_eq!((join(1400), join(1400 + SOURCE_SECONDS)), (Some(500), None));
    }

    #[test]
    fn slow_hits_of_a_source_stay_apart() {
        let mut groups = groups();
        assert!((0..500).all(|hit| began(groups.join(XSS, key(1), key(2), at(hit * 20)))[1].is_none()));
    }

    #[test]
    fn some_kinds_neither_make_nor_join_the_group_of_a_source() {
        let mut groups = groups();
        let others = [
            Kind::Behaviour(Behaviour::Brute),
            Kind::Behaviour(Behaviour::Dirbust),
            Kind::Behaviour(Behaviour::Bola),
            Kind::Sign(Attack::OverlimitRes),
            Kind::Sign(Attack::DataBomb),
            Kind::Sign(Attack::Vpatch),
        ];
        let mut join = |kind| began(groups.join(kind, key(1), key(2), at(5)))[1];
        others.iter().for_each(|kind| (0..60).for_each(|_| assert_eq!(join(*kind), None)));
        assert!((0..51).all(|_| join(XSS).is_none()) && join(XSS).is_some());
        assert!(others.iter().all(|kind| join(*kind).is_none()));
    }

    #[test]
    fn a_clock_that_is_set_renames_no_group() {
        let mut groups = groups();
        let first = groups.join(XSS, key(1), key(2), at(100));
        let later = Clocks { wall: UnixMillis(1_700_000_000_000), ..at(200) };
        assert_eq!(groups.join(XSS, key(1), key(2), later), first);
    }

    #[test]
    fn a_name_says_what_the_group_is_about_and_when_it_began() {
        let hashing = Hashing::new(&[3; 16]);
        let first = name(&hashing, key(1), 1_700_000_000);
        assert_eq!((first.len(), &first), (32, &name(&hashing, key(1), 1_700_000_000)));
        assert_ne!(first, name(&hashing, key(1), 1_700_000_001));
        assert_ne!(first, name(&hashing, key(2), 1_700_000_000));
    }
}

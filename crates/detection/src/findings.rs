//! What an inspection found.

use std::fmt::Write as _;
use std::ops::Range;

use crate::attack::{Attack, AttackSet};
use crate::point::{Point, PointId, Points};
use crate::scan::Match;
use crate::values::{Buffers, Slice};

/// Findings that are kept with their point and value. Of further ones, only the kind of attack is kept.
pub const MAX_FINDINGS: usize = 64;

/// Bytes of a value that a finding shows. Of a longer value it shows the part where the attack lies.
pub const SHOWN_VALUE: usize = 4096;

/// Bytes before the sign of an attack that a finding shows of a value longer than [`SHOWN_VALUE`].
const SHOWN_BEFORE: usize = 512;

/// An attack that was found in one value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finding<'a> {
    /// Its kind.
    pub attack: Attack,
    /// Where the value stands.
    pub point: Point<'a>,
    /// The value, decoded; at most [`SHOWN_VALUE`] bytes of it.
    pub value: &'a [u8],
    /// Where in `value` the sign of the attack begins.
    pub sign: usize,
    /// The ids of the rules that found it, ascending. Empty for limits, which no rule finds.
    pub stamps: &'a [u32],
}

#[derive(Debug)]
struct Entry {
    attack: Attack,
    point: Range<usize>,
    value: Range<usize>,
    sign: usize,
    stamps: Range<usize>,
}

/// The findings of one request. They hold copies, since the values themselves are gone when the caller asks.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    attacks: AttackSet,
    entries: Vec<Entry>,
    points: String,
    values: Vec<u8>,
    stamps: Vec<u32>,
}

/// Where the value of a finding stands.
pub(crate) struct Found<'a> {
    pub(crate) bytes: Slice,
    pub(crate) point: PointId,
    pub(crate) buffers: &'a Buffers,
    pub(crate) points: &'a Points,
}

impl Findings {
    pub(crate) fn clear(&mut self) {
        self.attacks = AttackSet::EMPTY;
        self.entries.clear();
        self.points.clear();
        self.values.clear();
        self.stamps.clear();
    }

    /// Bytes held.
    pub(crate) fn held(&self) -> usize {
        self.entries.len() * size_of::<Entry>() + self.points.len() + self.values.len() + self.stamps.len() * 4
    }

    pub(crate) const fn attacks(&self) -> AttackSet {
        self.attacks
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Finding<'_>> {
        self.entries.iter().map(|entry| Finding {
            attack: entry.attack,
            point: Point(self.points.get(entry.point.clone()).unwrap_or("[]")),
            value: self.values.get(entry.value.clone()).unwrap_or_default(),
            sign: entry.sign,
            stamps: self.stamps.get(entry.stamps.clone()).unwrap_or_default(),
        })
    }

    /// Adds an attack that belongs to no value.
    pub(crate) const fn add_attack(&mut self, attack: Attack) {
        self.attacks.insert(attack);
    }

    /// Adds what a scan found in one value: one finding for each kind of attack.
    pub(crate) fn add(&mut self, matches: &[Match], found: &Found<'_>) {
        let attacks: AttackSet = matches.iter().map(|one| one.attack).collect();
        for attack in attacks.iter() {
            let of_attack = || matches.iter().filter(move |one| one.attack == attack);
            let start = self.stamps.len();
            let at = of_attack().map(|one| one.span.start).min().unwrap_or(0);
            if self.add_one(attack, at, found) {
                self.stamps.extend(of_attack().map(|one| one.rule));
                if let Some(stamps) = self.stamps.get_mut(start..) {
                    stamps.sort_unstable();
                }
                if let Some(entry) = self.entries.last_mut() {
                    entry.stamps = start..self.stamps.len();
                }
            }
        }
    }

    /// Adds one finding without stamps, whose sign is at `at`; false when no more are kept.
    pub(crate) fn add_one(&mut self, attack: Attack, at: usize, found: &Found<'_>) -> bool {
        self.attacks.insert(attack);
        if self.entries.len() >= MAX_FINDINGS {
            return false;
        }
        let point = self.points.len();
        // Writing to a String cannot fail.
        let _ = write!(self.points, "{}", found.points.show(found.point, found.buffers));
        let value = self.values.len();
        let from = if found.bytes.len() <= SHOWN_VALUE { 0 } else { at.saturating_sub(SHOWN_BEFORE) };
        let shown = found.bytes.part(from, from.saturating_add(SHOWN_VALUE));
        self.values.extend_from_slice(found.buffers.get(shown));
        self.entries.push(Entry {
            attack,
            point: point..self.points.len(),
            value: value..self.values.len(),
            sign: at.saturating_sub(from),
            stamps: 0..0,
        });
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::point::Tag;

    fn found_in(value: &[u8], matches: &[Match]) -> Findings {
        let mut buffers = Buffers::default();
        let bytes = buffers.keep_head(value);
        let mut points = Points::default();
        let point = points.tag(PointId::ROOT, Tag::Uri);
        let mut findings = Findings::default();
        findings.add(matches, &Found { bytes, point, buffers: &buffers, points: &points });
        findings
    }

    fn one(attack: Attack, rule: u32, at: usize) -> Match {
        Match { attack, rule, span: at..at + 1 }
    }

    #[test]
    fn rules_of_one_kind_share_a_finding() {
        let matches = [one(Attack::Xss, 9, 2), one(Attack::Sqli, 5, 0), one(Attack::Xss, 3, 1)];
        let findings = found_in(b"value", &matches);
        let shown: Vec<_> = findings.iter().map(|found| (found.attack, found.stamps.to_vec())).collect();
        assert_eq!(shown, [(Attack::Xss, vec![3, 9]), (Attack::Sqli, vec![5])]);
        assert!(findings.iter().all(|found| found.point.as_str() == r#"["uri"]"# && found.value == b"value"));
    }

    #[test]
    fn of_a_long_value_the_part_with_the_attack_is_shown() {
        let mut value = vec![b'x'; 100_000];
        value[70_000] = b'!';
        let findings = found_in(&value, &[one(Attack::Rce, 1, 70_000)]);
        let found = findings.iter().next().expect("a finding");
        assert_eq!(found.value.len(), SHOWN_VALUE);
        assert_eq!(found.value[found.sign], b'!');
    }

    #[test]
    fn beyond_the_limit_only_the_kind_is_kept() {
        let mut buffers = Buffers::default();
        let bytes = buffers.keep_head(b"v");
        let points = Points::default();
        let found = Found { bytes, point: PointId::ROOT, buffers: &buffers, points: &points };
        let mut findings = Findings::default();
        for _ in 0..MAX_FINDINGS {
            findings.add(&[one(Attack::Xss, 1, 0)], &found);
        }
        findings.add(&[one(Attack::Ssti, 2, 0)], &found);
        assert_eq!(findings.iter().count(), MAX_FINDINGS);
        assert!(findings.attacks().contains(Attack::Ssti));
    }
}

//! A rule set ready for use: the literals of all rules, one regular expression for each rule that has one.

use std::ops::Range;

use regex::bytes::{Regex, RegexBuilder};

use super::db::{MOST_LITERAL_BYTES, MOST_RULES, decode};
use super::literals::Literals;
use super::{DbError, PlaceSet, Rule};
use crate::attack::Attack;
use crate::detectors::Detector;
use crate::scan::Place;

/// The most bytes a compiled regular expression may have. It keeps a hostile file from asking for gigabytes; rules need a tenth.
const REGEX_SIZE: usize = 512 * 1024;

/// The most bytes that the lazy automaton of one regular expression may cache. Each rule has its own, so that this is far more
/// than one needs, and attack-like input does not make it start over.
const REGEX_CACHE: usize = 4 * 1024 * 1024;

/// The places whose values are long and mostly no text.
const BULK: &[Place] = &[Place::FileContent, Place::RawBody, Place::Response];

/// Compiles a rule's regular expression, within bounds.
pub fn compile_regex(pattern: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(pattern)
        .case_insensitive(true)
        .unicode(false)
        .dot_matches_new_line(true)
        .size_limit(REGEX_SIZE)
        .dfa_size_limit(REGEX_CACHE)
        .build()
}

/// A compiled rule set. It never changes once loaded; workers share it as an `Arc`.
#[derive(Debug)]
pub struct Rules {
    id: u64,
    /// The literals of rules for values.
    literals: Literals,
    /// The literals of rules for what is long: files, responses, and bodies without a structure. They are few, so that the bytes of an
    /// image hardly ever look like one.
    literals_of_bulk: Literals,
    rules: Vec<CompiledRule>,
    /// For each place, the rules that look at it.
    by_place: Vec<RuleSet>,
    /// The places where even a plain value has to be looked at.
    plain_places: PlaceSet,
}

/// A rule without what only people read.
#[derive(Debug)]
pub struct CompiledRule {
    /// Its number.
    pub id: u32,
    /// What it finds.
    pub attack: Attack,
    /// What the value has to match.
    pub regex: Option<Regex>,
    /// Who confirms it.
    pub detector: Option<Detector>,
    /// Whether it counts only without confirmation.
    pub unconfirmed: bool,
}

impl Rules {
    /// Loads a `proton.db`.
    ///
    /// # Errors
    ///
    /// When the bytes are not a `proton.db` that this version reads, or a damaged one.
    pub fn from_db(bytes: &[u8]) -> Result<Self, DbError> {
        let (id, rules) = decode(bytes)?;
        let literal_bytes = rules.iter().flat_map(|rule| &rule.literals).map(|literal| literal.bytes.len()).sum();
        if literal_bytes > MOST_LITERAL_BYTES {
            return Err(DbError::TooMany { what: "bytes of literals", found: literal_bytes, most: MOST_LITERAL_BYTES });
        }
        let literals = Literals::of(&rules, |_| true);
        let bulk: PlaceSet = BULK.iter().copied().collect();
        let literals_of_bulk = Literals::of(&rules, |rule| rule.places.intersects(bulk));
        let by_place = PlaceSet::every_place().map(|place| rules_at(&rules, place)).collect();
        let plain_places =
            rules.iter().filter(|rule| rule.plain).fold(PlaceSet::default(), |all, rule| all.union(rule.places));
        let rules = rules.iter().map(compile_rule).collect::<Result<_, _>>()?;
        Ok(Self { id, literals, literals_of_bulk, rules, by_place, plain_places })
    }

    /// The number of this rule set, as `db_id` of the status page shows it.
    #[must_use]
    pub const fn id(&self) -> u64 {
        self.id
    }

    /// Whether plain values matter at this place.
    pub(crate) const fn looks_at_plain(&self, place: Place) -> bool {
        self.plain_places.contains(place)
    }

    /// The rules that look at this place and one of whose literals occurs in the value.
    pub(crate) fn candidates(&self, value: &[u8], place: Place) -> RuleSet {
        let literals = if BULK.contains(&place) { &self.literals_of_bulk } else { &self.literals };
        let mut hit = RuleSet::default();
        literals.each(value, |wanted, _| {
            wanted.rules.iter().for_each(|rule| hit.insert(*rule));
            false
        });
        if let Some(rules) = self.by_place.get(place as usize) {
            hit.intersect(rules);
        }
        hit
    }

    /// The rules of a set, in the order of their numbers.
    pub(crate) fn rules_in(&self, set: RuleSet) -> impl Iterator<Item = &CompiledRule> {
        set.iter().filter_map(|index| self.rules.get(index))
    }

    /// The first place in the value where one of the literals of a rule stands, for rules that have nothing else to show.
    pub(crate) fn literal_of(&self, rule: u32, value: &[u8]) -> Range<usize> {
        let mut first = 0..value.len();
        self.literals.each(value, |wanted, span| {
            let names = |index: &u16| self.rules.get(usize::from(*index)).is_some_and(|known| known.id == rule);
            let found = wanted.rules.iter().any(names);
            if found {
                first = span;
            }
            found
        });
        first
    }
}

fn compile_rule(rule: &Rule) -> Result<CompiledRule, DbError> {
    let regex = rule.regex.as_deref().map(compile_regex).transpose();
    Ok(CompiledRule {
        id: rule.id,
        attack: rule.attack,
        regex: regex.map_err(|source| DbError::Regex { id: rule.id, source: Box::new(source) })?,
        detector: rule.detector,
        unconfirmed: rule.unconfirmed,
    })
}

fn rules_at(rules: &[Rule], place: Place) -> RuleSet {
    let mut set = RuleSet::default();
    for (rule, index) in rules.iter().zip(0_u16..) {
        if rule.places.contains(place) {
            set.insert(index);
        }
    }
    set
}

/// A set of rules, by their index: a bit for each, on the stack.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RuleSet([u64; MOST_RULES / 64]);

impl RuleSet {
    fn insert(&mut self, index: u16) {
        if let Some(word) = self.0.get_mut(usize::from(index) / 64) {
            *word |= 1 << (index % 64);
        }
    }

    fn intersect(&mut self, other: &Self) {
        self.0.iter_mut().zip(&other.0).for_each(|(one, two)| *one &= two);
    }

    fn iter(self) -> impl Iterator<Item = usize> {
        self.0.into_iter().enumerate().flat_map(|(word, mut bits)| {
            std::iter::from_fn(move || {
                let bit = bits.trailing_zeros() as usize;
                bits &= bits.wrapping_sub(1);
                (bit < 64).then_some(word * 64 + bit)
            })
        })
    }
}

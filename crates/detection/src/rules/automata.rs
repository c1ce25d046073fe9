//! A rule set ready for use: one automaton over all literals, one regular expression for each rule that has one.

use std::ops::Range;

use aho_corasick::automaton::{Automaton, StateID};
use aho_corasick::dfa::DFA;
use aho_corasick::{Anchored, MatchKind};
use regex::bytes::{Regex, RegexBuilder};

use super::db::{MOST_LITERAL_BYTES, MOST_RULES, decode};
use super::{DbError, Literal, PlaceSet, Rule};
use crate::attack::Attack;
use crate::detectors::Detector;
use crate::scan::Place;

/// The most bytes a compiled regular expression may have. It keeps a hostile file from asking for gigabytes; rules need a tenth.
const REGEX_SIZE: usize = 512 * 1024;

/// The most bytes that the lazy automaton of one regular expression may cache. Each rule has its own, so that this is far more
/// than one needs, and attack-like input does not make it start over.
const REGEX_CACHE: usize = 4 * 1024 * 1024;

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
    automaton: DFA,
    start: StateID,
    /// For each pattern of the automaton, what it stands for.
    patterns: Vec<Pattern>,
    rules: Vec<CompiledRule>,
    /// For each place, the rules that look at it.
    by_place: Vec<RuleSet>,
    /// The places where even a plain value has to be looked at.
    plain_places: PlaceSet,
}

/// What a hit of the automaton means.
#[derive(Debug)]
pub struct Pattern {
    word: bool,
    length: usize,
    rules: Box<[u16]>,
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
        let (literals, patterns) = patterns(&rules);
        let literal_bytes = literals.iter().map(|literal| literal.len()).sum();
        if literal_bytes > MOST_LITERAL_BYTES {
            return Err(DbError::TooMany { what: "bytes of literals", found: literal_bytes, most: MOST_LITERAL_BYTES });
        }
        let refused = |source| DbError::Literals { source: Box::new(source) };
        let automaton = DFA::builder()
            .ascii_case_insensitive(true)
            .match_kind(MatchKind::Standard)
            .prefilter(false)
            .build(&literals)
            .map_err(refused)?;
        let start =
            automaton.start_state(Anchored::No).map_err(|source| DbError::Start { source: Box::new(source) })?;
        let by_place = PlaceSet::every_place().map(|place| rules_at(&rules, place)).collect();
        let plain_places =
            rules.iter().filter(|rule| rule.plain).fold(PlaceSet::default(), |all, rule| all.union(rule.places));
        let rules = rules.iter().map(compile_rule).collect::<Result<_, _>>()?;
        Ok(Self { id, automaton, start, patterns, rules, by_place, plain_places })
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
        let mut hit = RuleSet::default();
        self.each_hit(value, |pattern, _| {
            pattern.rules.iter().for_each(|rule| hit.insert(*rule));
            false
        });
        self.by_place.get(place as usize).map(|rules| hit.intersection(rules)).unwrap_or_default()
    }

    /// Calls `wanted` for every occurrence of a literal until it says that it has enough.
    ///
    /// The automaton is driven by hand: prose is full of the short words that rules look for, and the iterators of the crate set up
    /// a search anew behind each of them.
    fn each_hit(&self, value: &[u8], mut wanted: impl FnMut(&Pattern, Range<usize>) -> bool) {
        let mut state = self.start;
        for (at, byte) in value.iter().enumerate() {
            state = self.automaton.next_state(Anchored::No, state, *byte);
            if !self.automaton.is_special(state) || !self.automaton.is_match(state) {
                continue;
            }
            for index in 0..self.automaton.match_len(state) {
                let Some(pattern) = self.patterns.get(self.automaton.match_pattern(state, index).as_usize()) else {
                    continue;
                };
                let span = (at + 1).saturating_sub(pattern.length)..at + 1;
                if (!pattern.word || stands_alone(value, span.start, span.end)) && wanted(pattern, span) {
                    return;
                }
            }
        }
    }

    /// The rules of a set, in the order of their numbers.
    pub(crate) fn rules_in(&self, set: RuleSet) -> impl Iterator<Item = &CompiledRule> {
        set.iter().filter_map(|index| self.rules.get(index))
    }

    /// The first place in the value where one of the literals of a rule stands, for rules that have nothing else to show.
    pub(crate) fn literal_of(&self, rule: u32, value: &[u8]) -> Range<usize> {
        let mut first = 0..value.len();
        self.each_hit(value, |pattern, span| {
            let names = |index: &u16| self.rules.get(usize::from(*index)).is_some_and(|known| known.id == rule);
            let found = pattern.rules.iter().any(names);
            if found {
                first = span;
            }
            found
        });
        first
    }
}

/// Whether the bytes from `start` to `end` are a word of their own. A digit may stand before it: `1or 2` is valid SQL.
fn stands_alone(value: &[u8], start: usize, end: usize) -> bool {
    let letter = |byte: &u8| byte.is_ascii_alphabetic() || *byte == b'_';
    let before = start.checked_sub(1).and_then(|at| value.get(at));
    let behind = value.get(end);
    !before.is_some_and(letter) && !behind.is_some_and(|byte| letter(byte) || byte.is_ascii_digit())
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

/// The distinct literals of all rules, and beside each of them which rules want it.
fn patterns(rules: &[Rule]) -> (Vec<&[u8]>, Vec<Pattern>) {
    let mut wanted: Vec<(&Literal, u16)> = rules
        .iter()
        .zip(0_u16..)
        .flat_map(|(rule, index)| rule.literals.iter().map(move |literal| (literal, index)))
        .collect();
    wanted.sort_unstable();
    wanted
        .chunk_by(|one, two| one.0 == two.0)
        .filter_map(|same| {
            let (literal, _) = same.first()?;
            let rules = same.iter().map(|(_, index)| *index).collect();
            Some((literal.bytes.as_slice(), Pattern { word: literal.word, length: literal.bytes.len(), rules }))
        })
        .unzip()
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

    fn intersection(mut self, other: &Self) -> Self {
        self.0.iter_mut().zip(&other.0).for_each(|(one, two)| *one &= two);
        self
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

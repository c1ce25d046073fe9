//! Finds the literals of all rules in one pass over a value.
//!
//! The pass is made for each value of each request, and nearly all of them hold no literal. It must see that from little memory: a
//! worker comes to it from NGINX and the kernel, which use the same caches, and a table of transitions of two megabytes would be
//! cold for each request anew. So three bytes at a time are folded to lower case and hashed to one of 32,768 bits, 8 KB for literals that may
//! stand anywhere and for those that have to be a word; only where a bit is set are literals compared. Literals of one byte and of two
//! are told by their first, which is hardly ever a letter.

use std::ops::Range;

use super::Rule;

/// What to look for, and which rules want it.
#[derive(Debug)]
pub struct Literals {
    /// By hash: literals may begin anywhere with these bytes.
    anywhere: Box<Bits>,
    /// By hash: literals begin with these bytes where no letter stands before them.
    words: Box<Bits>,
    /// Each byte in lower case.
    folded: Box<[u8; 256]>,
    /// What each byte is: [`LETTER`], [`SHORT`].
    kinds: Box<[u8; 256]>,
    /// Literals of three bytes and more, by hash.
    long: Vec<Wanted>,
    /// Which of them have one of 64 hashes.
    long_runs: Box<[Run; HASHES / 64]>,
    /// Literals of one byte and of two, by the first.
    short: Vec<Wanted>,
    /// Which of them begin with a byte.
    short_runs: Box<[Run; 256]>,
}

/// A bit for each hash.
type Bits = [u64; HASHES / 64];

/// The byte is a letter or `_`, behind which no word begins.
const LETTER: u8 = 1;
/// A literal of one byte or of two begins with it, and it is no letter: letters are too many to compare at each.
const SHORT: u8 = 2;

/// A literal and the rules that it speaks for.
#[derive(Debug)]
pub struct Wanted {
    /// Its fourth byte, which tells most others with the same beginning apart before the rest is fetched; 0 in a shorter one.
    fourth: u8,
    /// Folded to lower case.
    bytes: Box<[u8]>,
    /// It must stand alone.
    word: bool,
    /// Its rules, by index.
    pub rules: Box<[u16]>,
}

/// The hashes of three bytes.
const HASHES: usize = 1 << 15;

/// Some literals that follow each other.
#[derive(Clone, Copy, Debug, Default)]
struct Run {
    start: u16,
    end: u16,
}

impl Run {
    /// Makes it hold the literal at `index`; literals come in order.
    const fn add(&mut self, index: u16) {
        if self.end == 0 {
            self.start = index;
        }
        self.end = index + 1;
    }

    fn of(self, literals: &[Wanted]) -> &[Wanted] {
        literals.get(usize::from(self.start)..usize::from(self.end)).unwrap_or_default()
    }
}

/// The last three bytes, folded: the first of them lowest.
#[derive(Clone, Copy, Debug, Default)]
struct Three(u32);

impl Three {
    /// The first bytes of a literal; with less than three, zeros follow.
    fn of(bytes: &[u8]) -> Self {
        let at = |index: usize| bytes.get(index).copied().unwrap_or_default();
        Self::default().then(at(0)).then(at(1)).then(at(2))
    }

    /// With one more byte, and without the first.
    const fn then(self, folded: u8) -> Self {
        Self(self.0 >> 8 | (folded as u32) << 16)
    }

    /// Their hash, by multiplication with 2³² divided by the golden ratio.
    const fn hash(self) -> usize {
        (self.0.wrapping_mul(0x9e37_79b1) >> (u32::BITS - HASHES.ilog2())) as usize
    }
}

impl Literals {
    /// The literals of the rules that `wanted` picks.
    pub fn of(rules: &[Rule], wanted: impl Fn(&Rule) -> bool) -> Self {
        let mut sorted: Vec<_> = rules
            .iter()
            .zip(0_u16..)
            .filter(|(rule, _)| wanted(rule))
            .flat_map(|(rule, index)| rule.literals.iter().map(move |literal| (literal, index)))
            .map(|(literal, index)| (literal.bytes.to_ascii_lowercase(), literal.word, index))
            .collect();
        sorted.sort_unstable();
        sorted.dedup();
        let mut literals = Self::empty();
        for same in sorted.chunk_by(|one, two| (&one.0, one.1) == (&two.0, two.1)) {
            if let Some((bytes, word, _)) = same.first() {
                let rules = same.iter().map(|(_, _, index)| *index).collect();
                let fourth = bytes.get(3).copied().unwrap_or_default();
                literals.add(Wanted { fourth, bytes: bytes.as_slice().into(), word: *word, rules });
            }
        }
        literals.long.sort_by_key(|wanted| Three::of(&wanted.bytes).hash());
        // A rule set has fewer literals than there are numbers: see `MOST_LITERAL_BYTES`.
        for (wanted, index) in literals.long.iter().zip(0..u16::MAX) {
            if let Some(run) = literals.long_runs.get_mut(Three::of(&wanted.bytes).hash() / 64) {
                run.add(index);
            }
        }
        for (wanted, index) in literals.short.iter().zip(0..u16::MAX) {
            if let Some(run) = wanted.bytes.first().and_then(|byte| literals.short_runs.get_mut(usize::from(*byte))) {
                run.add(index);
            }
        }
        literals
    }

    fn empty() -> Self {
        let mut kinds = Box::new([0; 256]);
        let mut folded = Box::new([0; 256]);
        for ((kind, folded), byte) in kinds.iter_mut().zip(folded.iter_mut()).zip(0..=u8::MAX) {
            *kind = if is_letter(byte) { LETTER } else { 0 };
            *folded = byte.to_ascii_lowercase();
        }
        Self {
            anywhere: Box::new([0; HASHES / 64]),
            words: Box::new([0; HASHES / 64]),
            folded,
            kinds,
            long: Vec::new(),
            long_runs: Box::new([Run::default(); HASHES / 64]),
            short: Vec::new(),
            short_runs: Box::new([Run::default(); 256]),
        }
    }

    /// Marks where the literal may begin, and keeps it.
    fn add(&mut self, wanted: Wanted) {
        match *wanted.bytes {
            [] => {}
            [one, two] if is_letter(one) => {
                for third in 0..=u8::MAX {
                    if !wanted.word || !continues_word(third) {
                        self.mark(Three::of(&[one, two, third.to_ascii_lowercase()]), wanted.word);
                    }
                }
                self.short.push(wanted);
            }
            [one] | [one, _] => {
                for byte in [one, one.to_ascii_uppercase()] {
                    if let Some(kind) = self.kinds.get_mut(usize::from(byte)) {
                        *kind |= SHORT;
                    }
                }
                self.short.push(wanted);
            }
            _ => {
                self.mark(Three::of(&wanted.bytes), wanted.word);
                self.long.push(wanted);
            }
        }
    }

    fn mark(&mut self, three: Three, word: bool) {
        let hash = three.hash();
        let bits = if word { &mut self.words } else { &mut self.anywhere };
        if let Some(bits) = bits.get_mut(hash / 64) {
            *bits |= 1 << (hash % 64);
        }
    }

    /// Calls `found` for every occurrence of a literal until it says that it has enough. They come in the order in which they begin.
    pub fn each(&self, value: &[u8], mut found: impl FnMut(&Wanted, Range<usize>) -> bool) {
        let folded = |byte: u8| self.folded.get(usize::from(byte)).copied().unwrap_or_default();
        let ahead = |at: usize| value.get(at).map_or(0, |byte| folded(*byte));
        let mut three = Three::default().then(ahead(0)).then(ahead(1));
        let mut at_word = u64::MAX;
        let mut look = |at: usize, byte: u8, third: u8| {
            three = three.then(third);
            let hash = three.hash();
            let bits = |of: &Bits| of.get(hash / 64).copied().unwrap_or_default();
            let kind = self.kinds.get(usize::from(byte)).copied().unwrap_or_default();
            let marked = (bits(&self.anywhere) | bits(&self.words) & at_word) >> (hash % 64) & 1 == 1;
            // All bits behind what is no letter, and none behind a letter.
            at_word = u64::from(kind & LETTER).wrapping_sub(1);
            (marked || kind & SHORT != 0) && self.compare(value, at, hash, &mut found)
        };
        let thirds = value.get(2..).unwrap_or_default();
        for (at, (byte, third)) in value.iter().zip(thirds).enumerate() {
            if look(at, *byte, folded(*third)) {
                return;
            }
        }
        for (at, byte) in value.iter().enumerate().skip(thirds.len()) {
            if look(at, *byte, 0) {
                return;
            }
        }
    }

    /// Compares what stands at this place, whose first three bytes have this hash, with the literals that it may be; whether `found` has enough.
    #[inline(never)]
    fn compare(
        &self,
        value: &[u8],
        at: usize,
        hash: usize,
        found: &mut impl FnMut(&Wanted, Range<usize>) -> bool,
    ) -> bool {
        let fourth = value.get(at + 3).map_or(0, u8::to_ascii_lowercase);
        let short = value.get(at).and_then(|byte| self.short_runs.get(usize::from(byte.to_ascii_lowercase())));
        let long = self.long_runs.get(hash / 64);
        for run in [short.map_or(&[][..], |run| run.of(&self.short)), long.map_or(&[][..], |run| run.of(&self.long))] {
            for wanted in run {
                if wanted.fourth != fourth && wanted.fourth != 0 {
                    continue;
                }
                let span = at..at + wanted.bytes.len();
                if wanted.is_at(value, &span) && found(wanted, span) {
                    return true;
                }
            }
        }
        false
    }
}

impl Wanted {
    /// Whether it stands at this place of the value.
    fn is_at(&self, value: &[u8], span: &Range<usize>) -> bool {
        let here = value.get(span.clone()).unwrap_or_default();
        here.len() == self.bytes.len()
            && here.iter().zip(&self.bytes).all(|(here, wanted)| here.to_ascii_lowercase() == *wanted)
            && (!self.word || stands_alone(value, span.start, span.end))
    }
}

/// Whether the bytes from `start` to `end` are a word of their own. A digit may stand before it: `1or 2` is valid SQL.
fn stands_alone(value: &[u8], start: usize, end: usize) -> bool {
    let before = start.checked_sub(1).and_then(|at| value.get(at));
    !before.is_some_and(|byte| is_letter(*byte)) && !value.get(end).is_some_and(|byte| continues_word(*byte))
}

const fn is_letter(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_'
}

const fn continues_word(byte: u8) -> bool {
    is_letter(byte) || byte.is_ascii_digit()
}

#[cfg(test)]
mod tests {
    use super::super::{Literal, PlaceSet};
    use super::*;
    use crate::attack::Attack;
    use proptest::prelude::*;

    fn rule(id: u32, literals: &[(&[u8], bool)]) -> Rule {
        Rule {
            id,
            attack: Attack::Sqli,
            places: PlaceSet::default(),
            literals: literals.iter().map(|(bytes, word)| Literal { bytes: bytes.to_vec(), word: *word }).collect(),
            regex: None,
            detector: None,
            plain: false,
            unconfirmed: false,
            why: String::new(),
        }
    }

    /// Every occurrence, as (rules, begin, end).
    fn occurrences(literals: &Literals, value: &[u8]) -> Vec<(Vec<u16>, usize, usize)> {
        let mut all = Vec::new();
        literals.each(value, |wanted, span| {
            all.push((wanted.rules.to_vec(), span.start, span.end));
            false
        });
        all.sort();
        all
    }

    #[test]
    fn literals_of_every_length_are_found_at_both_ends_and_in_any_case() {
        let rules = [rule(1, &[(b";", false), (b"--", false), (b"<scRipt", false)])];
        let literals = Literals::of(&rules, |_| true);
        let found = occurrences(&literals, b";<SCRIPT--");
        assert_eq!(found, [(vec![0], 0, 1), (vec![0], 1, 8), (vec![0], 8, 10)]);
    }

    #[test]
    fn a_word_is_found_only_where_it_stands_alone() {
        let rules = [rule(1, &[(b"or", true), (b"union", true)])];
        let literals = Literals::of(&rules, |_| true);
        for (value, count) in [
            (&b"or"[..], 1),
            (b"1or 2", 1),
            (b"for or", 1),
            (b"or_", 0),
            (b"or2", 0),
            (b"(union)", 1),
            (b"reunion", 0),
            (b"unions", 0),
        ] {
            assert_eq!(occurrences(&literals, value).len(), count, "{}", String::from_utf8_lossy(value));
        }
    }

    #[test]
    fn a_literal_speaks_for_each_rule_that_wants_it() {
        let rules = [rule(1, &[(b"abc", false)]), rule(2, &[(b"x", false)]), rule(3, &[(b"ABC", false)])];
        assert_eq!(occurrences(&Literals::of(&rules, |_| true), b"abc"), [(vec![0, 2], 0, 3)]);
        assert_eq!(occurrences(&Literals::of(&rules, |rule| rule.id != 1), b"abc"), [(vec![2], 0, 3)]);
    }

    proptest! {
        #[test]
        fn nothing_is_missed_and_nothing_made_up(
            literals in prop::collection::vec(("[a-cA-C_1;%\u{0}\u{e9}]{1,5}", any::<bool>()), 1..12),
            value in "[a-cA-C_1;% \u{0}\u{e9}]{0,60}",
        ) {
            let rules: Vec<Rule> =
                literals.iter().zip(0..).map(|((text, word), id)| rule(id, &[(text.as_bytes(), *word)])).collect();
            let value = value.as_bytes();
            let mut expected = std::collections::BTreeMap::<_, Vec<u16>>::new();
            for ((text, word), index) in literals.iter().zip(0_u16..) {
                for start in 0..value.len() {
                    let end = start + text.len();
                    let here = value.get(start..end).is_some_and(|bytes| bytes.eq_ignore_ascii_case(text.as_bytes()));
                    if here && (!word || stands_alone(value, start, end)) {
                        let rules = expected.entry((start, end, text.to_ascii_lowercase(), *word)).or_default();
                        rules.push(index);
                    }
                }
            }
            let mut expected: Vec<_> =
                expected.into_iter().map(|((start, end, ..), rules)| (rules, start, end)).collect();
            expected.sort();
            prop_assert_eq!(occurrences(&Literals::of(&rules, |_| true), value), expected);
        }
    }
}

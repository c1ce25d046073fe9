//! Sets of sequences, as the ranges that they consist of.

use std::collections::BTreeMap;
use std::ops::Range;

/// A set of sequences. Neighbours are one range, so that what is done in about the order of writing takes next to nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ranges {
    /// Start to end, the end not included; ranges neither overlap nor touch.
    ranges: BTreeMap<u64, u64>,
}

impl Ranges {
    /// Adds a range.
    pub fn insert(&mut self, added: Range<u64>) {
        if added.is_empty() {
            return;
        }
        let Range { mut start, mut end } = added;
        if let Some((&before, &before_end)) = self.ranges.range(..=start).next_back()
            && before_end >= start
        {
            (start, end) = (before, end.max(before_end));
        }
        while let Some((&after, &after_end)) = self.ranges.range(start..=end).next() {
            end = end.max(after_end);
            self.ranges.remove(&after);
        }
        self.ranges.insert(start, end);
    }

    /// Whether a sequence is in it.
    pub fn contains(&self, sequence: u64) -> bool {
        self.ranges.range(..=sequence).next_back().is_some_and(|(_, &end)| sequence < end)
    }

    /// How many of a range are not in it.
    pub fn missing(&self, of: Range<u64>) -> u64 {
        if of.is_empty() {
            return 0;
        }
        let overlap = |(start, end): (&u64, &u64)| (*end).min(of.end).saturating_sub((*start).max(of.start));
        let before = self.ranges.range(..of.start).next_back().map_or(0, overlap);
        let within: u64 = self.ranges.range(of.clone()).map(overlap).sum();
        of.end - of.start - before - within
    }

    /// Its ranges in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Range<u64>> {
        self.ranges.iter().map(|(&start, &end)| start..end)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn ranges_are_the_set_that_was_put_in(added in prop::collection::vec((0_u64..60, 0_u64..9), 0..30), of in (0_u64..60, 0_u64..60)) {
            let (mut ranges, mut set) = (Ranges::default(), BTreeSet::new());
            for (start, length) in added {
                ranges.insert(start..start + length);
                set.extend(start..start + length);
            }
            prop_assert!((0..80).all(|each| ranges.contains(each) == set.contains(&each)));
            let missing = (of.0..of.1).filter(|each| !set.contains(each)).count() as u64;
            prop_assert_eq!(ranges.missing(of.0..of.1), missing);
            let all: Vec<_> = ranges.iter().collect();
            prop_assert!(all.windows(2).all(|pair| pair[0].end < pair[1].start), "they touch: {:?}", all);
        }
    }
}

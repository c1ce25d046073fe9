//! Which generations stay when newer ones are there.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime};

use signing::UtcTime;

use super::Generation;

/// What stays of older generations: a client that has read the entry point before still finds what that refers to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keep {
    /// This many stay, the current one among them; never less than one.
    pub generations: usize,
    /// Those stay, too, which were current less than this long ago.
    pub younger_than: Duration,
}

impl Default for Keep {
    /// The two newest, and whatever was current within a day.
    fn default() -> Self {
        Self { generations: 2, younger_than: Duration::from_secs(86_400) }
    }
}

impl Keep {
    /// Nothing but the current one.
    pub const CURRENT: Self = Self { generations: 1, younger_than: Duration::ZERO };

    /// The numbers of the generations that stay. `current` is one of them, `pinned` are.
    ///
    /// What is on no way back from the current one was never published: a publisher was killed, or lost a race.
    pub(crate) fn choose(
        self,
        records: &BTreeMap<u64, Generation>,
        current: u64,
        pinned: &BTreeSet<u64>,
        now: SystemTime,
    ) -> BTreeSet<u64> {
        let now = UtcTime::from(now).seconds();
        let mut kept: BTreeSet<u64> = records.keys().copied().filter(|number| pinned.contains(number)).collect();
        let mut replaced_at = None;
        for (age, generation) in lineage(records, current).enumerate() {
            let left = replaced_at.map_or(0, |at| now.saturating_sub(at));
            if age < self.generations.max(1) || left < self.younger_than.as_secs() {
                kept.insert(generation.number);
            }
            replaced_at = Some(generation.published);
        }
        kept
    }
}

/// A generation, the one that it replaced, and so on, as far as there are records.
pub(crate) fn lineage(records: &BTreeMap<u64, Generation>, from: u64) -> impl Iterator<Item = &Generation> {
    std::iter::successors(records.get(&from), |generation| {
        // Parents have lower numbers, so that no record, however wrong, leads in a circle.
        generation.parent.filter(|parent| *parent < generation.number).and_then(|parent| records.get(&parent))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::publish::FileRecord;
    use crate::{Sha256Hex, TreePath};

    /// Published at these seconds, each replacing the one before.
    fn records(published: &[u64]) -> BTreeMap<u64, Generation> {
        let entry = FileRecord { path: TreePath::new("a/InRelease").unwrap(), size: 1, sha256: Sha256Hex::of(b"x") };
        let one = |(number, published): (u64, &u64)| Generation {
            repository: TreePath::new("a").unwrap(),
            number,
            parent: number.checked_sub(1).filter(|parent| *parent > 0),
            published: *published,
            dated: *published,
            publisher: "Test".to_owned(),
            entry: entry.clone(),
            statement: String::new(),
            signature: None,
        };
        (1..).zip(published).map(one).map(|generation| (generation.number, generation)).collect()
    }

    fn chosen(keep: Keep, records: &BTreeMap<u64, Generation>, current: u64, pinned: &[u64], now: u64) -> Vec<u64> {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(now);
        keep.choose(records, current, &pinned.iter().copied().collect(), now).into_iter().collect()
    }

    #[test]
    fn a_generation_is_as_old_as_its_replacement() {
        let records = records(&[100, 200, 300, 400]);
        let keep = Keep { generations: 1, younger_than: Duration::from_secs(150) };
        // The second was current until 300, which is 149 seconds ago.
        assert_eq!(chosen(keep, &records, 4, &[], 449), [2, 3, 4]);
        assert_eq!(chosen(keep, &records, 4, &[], 450), [3, 4]);
        assert_eq!(chosen(keep, &records, 4, &[], 10_000), [4]);
    }

    #[test]
    fn so_many_stay_whatever_their_age_and_pinned_ones_always() {
        let records = records(&[100, 200, 300, 400]);
        let keep = Keep { generations: 2, younger_than: Duration::ZERO };
        assert_eq!(chosen(keep, &records, 4, &[1], 10_000), [1, 3, 4]);
        assert_eq!(chosen(Keep { generations: 0, ..keep }, &records, 4, &[], 10_000), [4], "the current one at least");
    }

    #[test]
    fn what_was_never_current_does_not_count() {
        let mut records = records(&[100, 200, 300]);
        records.get_mut(&3).unwrap().parent = Some(1);
        let keep = Keep { generations: 2, younger_than: Duration::ZERO };
        assert_eq!(chosen(keep, &records, 3, &[], 10_000), [1, 3], "the second lost its race");
    }

    #[test]
    fn a_record_that_names_itself_as_parent_leads_nowhere() {
        let mut records = records(&[100, 200]);
        records.get_mut(&2).unwrap().parent = Some(2);
        assert_eq!(lineage(&records, 2).count(), 1);
    }
}

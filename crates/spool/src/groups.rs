//! Counting things of which entries give way, where several entries may belong to one thing.

use std::ops::Range;

/// Goes through the entries that give way and those between them, in the order of their sequences.
#[derive(Debug, Default)]
pub struct Groups {
    /// The sequences of the thing that the last entry belonged to, as far as it was gone through.
    current: Range<u64>,
    /// Whether an entry of it gave way.
    is_counted: bool,
    /// Things of which an entry gave way.
    count: u64,
}

impl Groups {
    /// The next entry: whether it belongs with the one before, and whether it gives way.
    ///
    /// Without the entry that it belongs with, which may be lost, it counts as a thing of its own.
    pub fn pass(&mut self, sequence: u64, follows: bool, gives_way: bool) {
        if follows && sequence == self.current.end {
            self.current.end += 1;
        } else {
            self.current = sequence..sequence + 1;
            self.is_counted = false;
        }
        if gives_way && !self.is_counted {
            self.is_counted = true;
            self.count += 1;
        }
    }

    /// Entries give way of which nothing is known: each may be a thing of its own.
    pub fn pass_unknown(&mut self, entries: u64) {
        self.count += entries;
    }

    /// Things of which an entry gave way.
    pub fn count(&self) -> u64 {
        self.count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The count after these: sequence, follows, gives way.
    fn count(entries: &[(u64, bool, bool)]) -> u64 {
        let mut groups = Groups::default();
        entries.iter().for_each(|(sequence, follows, gives_way)| groups.pass(*sequence, *follows, *gives_way));
        groups.count()
    }

    #[test]
    fn a_thing_counts_once_however_many_of_its_entries_give_way() {
        assert_eq!(count(&[(1, false, true), (2, true, true), (3, true, true), (4, false, true)]), 2);
        assert_eq!(count(&[(1, false, true), (2, true, false), (3, true, true)]), 1);
        assert_eq!(count(&[(1, false, false), (2, true, false), (3, false, false)]), 0);
        assert_eq!(count(&[(1, false, false), (2, true, true), (3, false, false)]), 1);
    }

    #[test]
    fn an_entry_whose_first_is_missing_counts_by_itself() {
        assert_eq!(count(&[(5, true, true)]), 1);
        assert_eq!(count(&[(1, false, true), (3, true, true), (4, true, true)]), 2);
    }
}

//! How many stored requests carried which attack.

use std::sync::atomic::{AtomicU64, Ordering};

use attacks::{Attack, AttackSet};

/// A counter for each kind of attack. A request counts once for each kind that it carries.
#[derive(Debug, Default)]
pub struct AttackCounters([AtomicU64; Attack::ALL.len()]);

impl AttackCounters {
    /// Counts one request.
    pub fn count(&self, attacks: AttackSet) {
        if attacks.is_empty() {
            return;
        }
        for (attack, counter) in Attack::ALL.iter().zip(&self.0) {
            if attacks.contains(*attack) {
                counter.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// Every kind with its count so far.
    pub fn counts(&self) -> impl Iterator<Item = (Attack, u64)> {
        Attack::ALL.iter().zip(&self.0).map(|(attack, counter)| (*attack, counter.load(Ordering::Relaxed)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_counts_once_for_each_kind_it_carries() {
        let counters = AttackCounters::default();
        counters.count(AttackSet::from_iter([Attack::Xss, Attack::Ptrav]));
        counters.count(AttackSet::from_iter([Attack::Ptrav]));
        counters.count(AttackSet::EMPTY);
        let seen: Vec<_> = counters.counts().filter(|(_, count)| *count > 0).collect();
        assert_eq!(seen, [(Attack::Xss, 1), (Attack::Ptrav, 2)]);
    }
}

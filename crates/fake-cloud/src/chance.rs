//! Chance that comes out the same for the same seed.

/// Knuth's MMIX generator, of which the upper bits are used: good enough to choose among faults.
#[derive(Debug, Clone)]
pub struct Chance(u64);

impl Chance {
    /// Chance that begins with `seed`.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below `most`; 0 if that is 0.
    pub fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33).checked_rem(most).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_numbers_and_another_one_others() {
        let drawn = |seed| {
            let mut chance = Chance::new(seed);
            (0..32).map(|_| chance.below(1000)).collect::<Vec<_>>()
        };
        assert_eq!(drawn(1), drawn(1));
        assert_ne!(drawn(1), drawn(2));
        assert!(drawn(1).iter().all(|number| *number < 1000));
        assert_eq!(Chance::new(3).below(0), 0);
    }
}

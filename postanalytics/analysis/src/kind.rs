//! Kinds of attack, of both sorts: those that a single request shows, and those that only many show.

use attacks::Attack;
use cloud_api::behaviour::Behaviour;

/// A kind of attack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// One that the module found in a request.
    Sign(Attack),
    /// One that the Cloud found in many requests.
    Behaviour(Behaviour),
}

impl Kind {
    /// A place for each kind: one for each bit of `attack_type`, then the kinds of behaviour.
    pub(crate) const PLACES: usize = u32::BITS as usize + Behaviour::ALL.len();

    /// Every kind.
    pub fn all() -> impl Iterator<Item = Self> {
        let signs = Attack::ALL.iter().map(|attack| Self::Sign(*attack));
        signs.chain(Behaviour::ALL.into_iter().map(Self::Behaviour))
    }

    /// The code that hits and the API use.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Sign(attack) => attack.code(),
            Self::Behaviour(behaviour) => behaviour.code(),
        }
    }

    /// Its number among [`Self::PLACES`].
    pub(crate) const fn place(self) -> usize {
        match self {
            Self::Sign(attack) => (attack as u32).trailing_zeros() as usize,
            Self::Behaviour(behaviour) => u32::BITS as usize + behaviour as usize,
        }
    }

    pub(crate) const fn is_input_validation(self) -> bool {
        match self {
            Self::Sign(attack) => attack.is_input_validation(),
            Self::Behaviour(_) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_kind_has_a_place_of_its_own() {
        let places: BTreeSet<usize> = Kind::all().map(Kind::place).collect();
        assert_eq!(places.len(), Attack::ALL.len() + 3);
        assert!(places.iter().all(|place| *place < Kind::PLACES));
    }
}

//! Ids of requests: 32 hexadecimal digits, as NGINX's `$request_id`, without asking a random generator for each.

use std::hash::{BuildHasher as _, RandomState};

use siphasher::sip128::{Hasher128 as _, SipHasher24};

/// Digits of an id.
pub const DIGITS: usize = 32;

/// Makes ids that nobody can foretell who does not know the key: the keyed hash of a counter.
#[derive(Clone)]
pub struct Generator {
    key: SipHasher24,
    made: u64,
}

impl Generator {
    /// A generator with a key of its own, from the system's random numbers.
    #[must_use]
    pub fn new() -> Self {
        let random = RandomState::new();
        Self { key: SipHasher24::new_with_keys(random.hash_one(0), random.hash_one(1)), made: 0 }
    }

    /// The next id.
    pub fn next_id(&mut self) -> [u8; DIGITS] {
        self.made = self.made.wrapping_add(1);
        let mut hasher = self.key;
        std::hash::Hasher::write_u64(&mut hasher, self.made);
        let number = hasher.finish128().as_u128();
        std::array::from_fn(|digit| {
            let nibble = (number >> (4 * (DIGITS - 1 - digit))) & 0xf;
            b"0123456789abcdef"[nibble as usize]
        })
    }
}

impl Default for Generator {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn an_id_is_32_lower_case_hexadecimal_digits() {
        let id = Generator::new().next_id();
        assert!(id.iter().all(|digit| digit.is_ascii_digit() || (b'a'..=b'f').contains(digit)), "{id:?}");
    }

    #[test]
    fn ids_of_one_generator_and_of_two_differ() {
        let (mut one, mut other) = (Generator::new(), Generator::new());
        let ids: HashSet<_> = (0..1000).flat_map(|_| [one.next_id(), other.next_id()]).collect();
        assert_eq!(ids.len(), 2000);
    }
}

//! Sampling: of hits that say the same, a few are sent. It changes nothing but what is sent.
//!
//! | Kind | Always | While attacks are a large share |
//! |---|---|---|
//! | input validation | all | of each payload the first in an hour, and of those the first five alike |
//! | behaviour, `data_bomb`, `overlimit_res` | the first five alike in an hour | of the first tenth, the first five alike |
//! | others | all | the first tenth |

mod share;

use attacks::Attack;

use crate::hash::Key;
use crate::hourly::{HOUR, Hourly};
use crate::kind::Kind;
use crate::table::{Table, TableFigures};

pub(crate) use share::Share;
pub use share::ShareFigures;

/// Hits that are alike and are sent in an hour.
const ALIKE: u32 = 5;
/// Of so many hits one is sent.
const TENTH: u64 = 10;

/// What has been sent lately.
#[derive(Debug)]
pub(crate) struct Sampler {
    alike: Table<Hourly>,
    payloads: Table<Hourly>,
    kinds: [KindCount; Kind::PLACES],
}

/// Hits of a kind since the first of an hour.
#[derive(Clone, Copy, Debug, Default)]
struct KindCount {
    began: u32,
    count: u64,
}

/// What hits can have in common, as keys that are made only where they are needed.
pub(crate) trait Likeness {
    /// Type, parameter, address, method, status and source.
    fn alike(&self) -> Key;
    /// The payload.
    fn payload(&self) -> Key;
}

impl Sampler {
    pub(crate) fn new(alike_bytes: usize, payload_bytes: usize) -> Self {
        Self {
            alike: Table::new(alike_bytes),
            payloads: Table::new(payload_bytes),
            kinds: [KindCount::default(); Kind::PLACES],
        }
    }

    /// Whether a hit is to be sent.
    pub(crate) fn keeps(&mut self, kind: Kind, likeness: &dyn Likeness, is_high: bool, now: u32) -> bool {
        (!is_high || self.keeps_at_first(kind, likeness, now))
            && (!is_sampled(kind, is_high) || self.alike.count(likeness.alike(), now) <= ALIKE)
    }

    /// The first stage, while attacks are a large share.
    fn keeps_at_first(&mut self, kind: Kind, likeness: &dyn Likeness, now: u32) -> bool {
        if kind.is_input_validation() {
            return self.payloads.count(likeness.payload(), now) == 1;
        }
        let Some(hits) = self.kinds.get_mut(kind.place()) else { return true };
        if now.saturating_sub(hits.began) >= HOUR {
            *hits = KindCount { began: now, count: 0 };
        }
        hits.count += 1;
        hits.count % TENTH == 1
    }

    pub(crate) fn tables(&self) -> [TableFigures; 2] {
        [self.alike.figures(), self.payloads.figures()]
    }
}

/// Whether only the first ones of those that are alike are sent.
const fn is_sampled(kind: Kind, is_high: bool) -> bool {
    match kind {
        Kind::Behaviour(_) | Kind::Sign(Attack::DataBomb | Attack::OverlimitRes) => true,
        Kind::Sign(attack) => is_high && attack.is_input_validation(),
    }
}

#[cfg(test)]
mod tests {
    use cloud_api::behaviour::Behaviour;

    use super::*;
    use crate::hash::{Hashing, Purpose};

    const XSS: Kind = Kind::Sign(Attack::Xss);
    const BOMB: Kind = Kind::Sign(Attack::DataBomb);
    const VPATCH: Kind = Kind::Sign(Attack::Vpatch);
    const BRUTE: Kind = Kind::Behaviour(Behaviour::Brute);

    /// A hit that is like others with the same first number, and has the payload of those with the same second one.
    struct Like(u64, u64);

    impl Likeness for Like {
        fn alike(&self) -> Key {
            Hashing::new(&[1; 16]).begin(Purpose::Identical).number(self.0).end()
        }

        fn payload(&self) -> Key {
            Hashing::new(&[1; 16]).begin(Purpose::Payload).number(self.1).end()
        }
    }

    fn sampler() -> Sampler {
        Sampler::new(1 << 20, 1 << 20)
    }

    /// How many of 100 hits with different payloads are sent.
    fn sent(sampler: &mut Sampler, kind: Kind, is_high: bool, now: u32) -> usize {
        (0..100).filter(|payload| sampler.keeps(kind, &Like(1, *payload), is_high, now)).count()
    }

    #[test]
    fn in_quiet_times_only_some_kinds_are_sampled() {
        for (kind, expected) in [(XSS, 100), (VPATCH, 100), (BOMB, 5), (BRUTE, 5)] {
            assert_eq!(sent(&mut sampler(), kind, false, 10), expected, "{kind:?}");
        }
    }

    #[test]
    fn five_alike_are_sent_in_an_hour_and_five_in_the_next() {
        let mut sampler = sampler();
        let counts = [10, 3609, 3610].map(|now| sent(&mut sampler, BOMB, false, now));
        assert_eq!(counts, [5, 0, 5]);
        assert!(sampler.keeps(BOMB, &Like(2, 0), false, 3610));
    }

    #[test]
    fn under_a_large_share_a_payload_is_sent_once_and_like_ones_five_times() {
        let mut sampler = sampler();
        assert_eq!(sent(&mut sampler, XSS, true, 10), 5);
        let mut keeps = |alike, payload, now| sampler.keeps(XSS, &Like(alike, payload), true, now);
        assert_eq!(
            [keeps(2, 7, 11), keeps(2, 700, 11), keeps(3, 700, 11), keeps(3, 700, 3611)],
            [false, true, false, true]
        );
    }

    #[test]
    fn under_a_large_share_a_tenth_of_other_kinds_is_left_to_the_second_stage() {
        assert_eq!(sent(&mut sampler(), VPATCH, true, 10), 10);
        assert_eq!(sent(&mut sampler(), BRUTE, true, 10), 5);
        let mut sampler = sampler();
        assert!(sampler.keeps(VPATCH, &Like(1, 1), true, 10));
        assert!(!sampler.keeps(VPATCH, &Like(1, 1), true, 10));
        assert!(sampler.keeps(VPATCH, &Like(1, 1), true, 3610));
    }
}

//! Whether attacks are a large share of the traffic.

use crate::config::ShareLimits;

/// The minute is looked at in slots of so many seconds.
const SLOT_SECONDS: u32 = 5;
const SLOTS: u32 = 12;
const MINUTE: u64 = (SLOT_SECONDS * SLOTS) as u64;

/// Counts the requests of the last minute.
#[derive(Debug)]
pub(crate) struct Share {
    limits: ShareLimits,
    slots: [Slot; SLOTS as usize],
    sum: Slot,
    /// The number of the slot that is being filled.
    slot: u32,
    is_high: bool,
    /// How often it became high.
    times_high: u64,
    /// The slot since which the share is low.
    low_since: Option<u32>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    requests: u64,
    attacks: u64,
}

/// Figures about the share of attacks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ShareFigures {
    /// Requests of the last minute.
    pub requests: u64,
    /// Those with attacks.
    pub attacks: u64,
    /// Whether that is a large share.
    pub is_high: bool,
    /// How often it became one.
    pub times_high: u64,
}

impl Share {
    pub(crate) fn new(limits: ShareLimits) -> Self {
        Self {
            limits,
            slots: [Slot::default(); SLOTS as usize],
            sum: Slot::default(),
            slot: 0,
            is_high: false,
            times_high: 0,
            low_since: Some(0),
        }
    }

    pub(crate) fn set_limits(&mut self, limits: ShareLimits) {
        self.limits = limits;
    }

    /// Counts a request.
    pub(crate) fn count(&mut self, attacked: bool, now: u32) {
        self.pass(now);
        let attacks = u64::from(attacked);
        self.sum = Slot { requests: self.sum.requests + 1, attacks: self.sum.attacks + attacks };
        if let Some(slot) = self.slots.get_mut((self.slot % SLOTS) as usize) {
            *slot = Slot { requests: slot.requests + 1, attacks: slot.attacks + attacks };
        }
        if attacked && !self.is_high && self.is_above() {
            self.is_high = true;
            self.times_high += 1;
            self.low_since = None;
        }
    }

    /// Lets time pass: old slots fall out, and a share that stayed low long enough is high no more.
    pub(crate) fn pass(&mut self, now: u32) {
        let current = now / SLOT_SECONDS;
        if current <= self.slot {
            return;
        }
        // After a whole minute without a request nothing changes any more until `current`.
        let last = self.slot.saturating_add(SLOTS).min(current);
        while self.slot < last {
            self.judge();
            self.slot += 1;
            if let Some(slot) = self.slots.get_mut((self.slot % SLOTS) as usize) {
                self.sum.requests -= slot.requests;
                self.sum.attacks -= slot.attacks;
                *slot = Slot::default();
            }
        }
        self.judge();
        self.slot = current;
        let low = self.low_since.map_or(0, |since| current - since);
        if self.is_high && low.saturating_mul(SLOT_SECONDS) >= self.limits.low_seconds {
            self.is_high = self.low_since.is_none();
        }
    }

    /// Notes whether the share is low at the end of a slot, or was not.
    fn judge(&mut self) {
        self.low_since = if self.is_below() { self.low_since.or(Some(self.slot)) } else { None };
    }

    fn is_above(&self) -> bool {
        let Slot { requests, attacks } = self.sum;
        attacks * 100 > requests * u64::from(self.limits.high_percent)
            && attacks > MINUTE * u64::from(self.limits.high_per_second)
    }

    fn is_below(&self) -> bool {
        let Slot { requests, attacks } = self.sum;
        attacks == 0 || attacks * 100 < requests * u64::from(self.limits.low_percent)
    }

    pub(crate) fn is_high(&self) -> bool {
        self.is_high
    }

    pub(crate) fn figures(&self) -> ShareFigures {
        ShareFigures {
            requests: self.sum.requests,
            attacks: self.sum.attacks,
            is_high: self.is_high,
            times_high: self.times_high,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share() -> Share {
        Share::new(ShareLimits::default())
    }

    /// So many requests with and without attacks in each second.
    fn pass(share: &mut Share, seconds: std::ops::Range<u32>, attacks: u32, clean: u32) {
        for second in seconds {
            (0..attacks).for_each(|_| share.count(true, second));
            (0..clean).for_each(|_| share.count(false, second));
        }
    }

    #[test]
    fn many_attacks_are_no_large_share_of_very_many_requests() {
        let mut share = share();
        pass(&mut share, 1..200, 20, 85);
        assert!(!share.is_high());
        pass(&mut share, 200..260, 20, 70);
        assert!(share.is_high());
    }

    #[test]
    fn few_attacks_are_never_a_large_share() {
        let mut share = share();
        pass(&mut share, 1..1000, 9, 0);
        assert!(!share.is_high());
        pass(&mut share, 1000..1060, 12, 0);
        assert!(share.is_high());
    }

    #[test]
    fn it_ends_after_five_low_minutes() {
        let mut share = share();
        pass(&mut share, 1..100, 50, 50);
        assert!(share.is_high());
        // 9 % begins to be all there is at 160.
        pass(&mut share, 100..450, 9, 91);
        assert!(share.is_high());
        pass(&mut share, 450..470, 9, 91);
        assert!(!share.is_high());
        assert_eq!(share.figures().times_high, 1);
    }

    #[test]
    fn what_is_neither_high_nor_low_lets_it_last() {
        let mut share = share();
        pass(&mut share, 1..100, 50, 50);
        pass(&mut share, 100..2000, 15, 85);
        assert!(share.is_high());
        pass(&mut share, 2000..2200, 0, 100);
        pass(&mut share, 2200..2270, 15, 85);
        pass(&mut share, 2270..2500, 0, 100);
        assert!(share.is_high());
    }

    #[test]
    fn silence_is_low() {
        let mut share = share();
        pass(&mut share, 1..100, 50, 0);
        share.pass(100 + 60 + 280);
        assert!(share.is_high());
        share.pass(100 + 60 + 310);
        assert!(!share.is_high());
        assert_eq!((share.figures().requests, share.figures().attacks), (0, 0));
    }

    #[test]
    fn the_limits_can_be_set() {
        let mut share = share();
        share.set_limits(ShareLimits { high_percent: 1, high_per_second: 0, low_percent: 1, low_seconds: 10 });
        pass(&mut share, 1..10, 1, 10);
        assert!(share.is_high());
        share.pass(90);
        assert!(!share.is_high());
    }
}

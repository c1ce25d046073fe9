//! A number of events within the time before now, in as many slots as it takes to let old ones fall out.

/// Events of the last `N` slots of time. What is older than all of them is forgotten, so that the sum is at most a slot's length short of
/// the whole window.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window<const N: usize> {
    slots: [u32; N],
    /// The number of the slot that was written to last.
    last: u32,
}

impl<const N: usize> Default for Window<N> {
    fn default() -> Self {
        Self { slots: [0; N], last: 0 }
    }
}

impl<const N: usize> Window<N> {
    /// Counts `events` in the slot of this number. Slots never go back: what comes late counts as now.
    pub(crate) fn add(&mut self, slot: u32, events: u32) {
        let slot = slot.max(self.last);
        let passed = (slot - self.last).min(Self::length());
        for old in 0..passed {
            self.set(slot - old, 0);
        }
        self.last = slot;
        let sum = self.get(slot).saturating_add(events);
        self.set(slot, sum);
    }

    /// Events in the window that ends with the slot of this number.
    pub(crate) fn sum(&self, slot: u32) -> u32 {
        let slot = slot.max(self.last);
        let kept = Self::length().saturating_sub(slot - self.last);
        let first = self.last.saturating_add(1).saturating_sub(kept);
        (first..=self.last).take(kept as usize).fold(0_u32, |sum, slot| sum.saturating_add(self.get(slot)))
    }

    const fn length() -> u32 {
        N as u32
    }

    fn get(&self, slot: u32) -> u32 {
        self.slots.get((slot % Self::length()) as usize).copied().unwrap_or(0)
    }

    fn set(&mut self, slot: u32, events: u32) {
        if let Some(place) = self.slots.get_mut((slot % Self::length()) as usize) {
            *place = events;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_sum_is_that_of_the_slots_that_are_left(steps in prop::collection::vec((0u32..9, 1u32..5), 1..60), later in 0u32..9) {
            let (mut window, mut all, mut slot) = (Window::<6>::default(), BTreeMap::<u32, u32>::new(), 1000);
            for (step, events) in steps {
                slot += step;
                window.add(slot, events);
                *all.entry(slot).or_default() += events;
            }
            let now = slot + later;
            let expected: u32 = all.range(now - 5..).map(|(_, events)| events).sum();
            prop_assert_eq!(window.sum(now), expected);
        }
    }

    #[test]
    fn the_first_slots_of_all_are_as_the_others() {
        let mut window = Window::<15>::default();
        window.add(0, 1);
        assert_eq!((window.sum(0), window.sum(14), window.sum(15)), (1, 1, 0));
    }

    #[test]
    fn what_comes_late_counts_as_now() {
        let mut window = Window::<4>::default();
        window.add(10, 1);
        window.add(3, 1);
        assert_eq!((window.sum(3), window.sum(10), window.sum(13), window.sum(14)), (2, 2, 2, 0));
    }
}

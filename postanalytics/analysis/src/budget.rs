//! The only place where the budget is divided.

/// The smallest budget with which an analysis works.
pub const LEAST_BUDGET: usize = 1 << 20;

/// What is set aside for hits while they are made: the longest has 80 KiB, and its buffer may be twice as large while it grows.
const SCRATCH: usize = 256 << 10;

/// Bytes for each thing that is remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Division {
    /// Which source has sent how many requests that are counted.
    pub(crate) counted: usize,
    /// Increments that are handed out at once.
    pub(crate) increments: usize,
    /// Verdicts of the Cloud.
    pub(crate) marks: usize,
    /// Which hits were sent.
    pub(crate) alike: usize,
    /// Which payloads were sent.
    pub(crate) payloads: usize,
    /// Attacks on targets.
    pub(crate) targets: usize,
    /// Attacks of sources.
    pub(crate) sources: usize,
    /// Which blocked sources were told.
    pub(crate) blocked: usize,
    /// Events of blocked sources that wait to be handed out.
    pub(crate) events: usize,
}

impl Division {
    pub(crate) fn of(budget: usize) -> Self {
        let tables = budget.max(LEAST_BUDGET) - SCRATCH;
        let per_cent = |share: usize| tables / 100 * share;
        Self {
            counted: per_cent(36),
            increments: per_cent(4),
            marks: per_cent(5),
            alike: per_cent(15),
            payloads: per_cent(10),
            targets: per_cent(12),
            sources: per_cent(8),
            blocked: per_cent(5),
            events: per_cent(5),
        }
    }

    #[cfg(test)]
    fn sum(&self) -> usize {
        let first = self.counted + self.increments + self.marks + self.alike + self.payloads;
        first + self.targets + self.sources + self.blocked + self.events
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_of_the_budget_is_given_out_and_no_more() {
        for budget in [LEAST_BUDGET, 3_355_443, 64 << 20, 1 << 32] {
            let sum = Division::of(budget).sum() + SCRATCH;
            assert!(sum <= budget && sum > budget - 200, "{sum} of {budget}");
        }
    }
}

//! Figures, goals and medians.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde::Serialize;

use super::Order;
use super::cases::Case;
use super::load::Answers;
use super::outage::Outage;
use super::variants::Variant;
use crate::nginx::program::Program;

/// The 99th percentile may grow by this factor while postanalytics is away.
pub const P99_GOAL: f64 = 2.0;

/// Everything that one run found.
#[derive(Debug, Serialize)]
pub struct Results {
    /// NGINX's version.
    pub nginx: String,
    /// Rounds that the medians are over.
    pub rounds: u32,
    /// Seconds that each load lasted.
    pub window_seconds: f64,
    /// A row for every case.
    pub cases: Vec<Row>,
    /// Postanalytics running, stopped, killed.
    pub outage: Vec<Outage>,
}

/// One case.
#[derive(Debug, Serialize)]
pub struct Row {
    /// Its name.
    pub case: &'static str,
    /// What the module may add, in microseconds of processor time.
    pub goal_us: Option<f64>,
    /// The variants, NGINX alone first.
    pub variants: Vec<Cell>,
}

/// One variant in one case: medians over rounds.
#[derive(Debug, Clone, Serialize)]
pub struct Cell {
    /// The variant.
    pub name: &'static str,
    /// Processor time of the worker by request, in microseconds.
    pub cpu_us: f64,
    /// What that is above NGINX alone in the same round.
    pub added_us: f64,
    /// Requests a second.
    pub per_second: f64,
    /// Latency, in microseconds.
    pub p50_us: f64,
    /// Latency, in microseconds.
    pub p99_us: f64,
    /// Resident memory of the worker after the load, in bytes.
    pub resident: f64,
    /// Requests without an answer, or with status 400 and above, in all rounds.
    pub failed: u64,
    /// Records that did not reach postanalytics, in all rounds; nothing for a variant that makes none.
    pub lost: Option<u64>,
}

/// One load on one variant.
#[derive(Debug, Clone, Copy)]
pub struct Sample {
    cpu_us: f64,
    per_second: f64,
    p50_us: f64,
    p99_us: f64,
    resident: u64,
    failed: u64,
    lost: Option<u64>,
}

impl Sample {
    /// From the worker's processor time, what the load generator saw, the worker's memory, and how many records were lost.
    ///
    /// # Errors
    ///
    /// If nothing was answered.
    pub fn new(used: Duration, answers: &Answers, resident: u64, lost: Option<u64>) -> Result<Self> {
        ensure!(answers.requests > 0, "no request was answered");
        let requests = answers.requests as f64;
        Ok(Self {
            cpu_us: micros(used) / requests,
            per_second: requests / answers.duration.as_secs_f64(),
            p50_us: micros(answers.p50),
            p99_us: micros(answers.p99),
            resident,
            failed: answers.failed,
            lost,
        })
    }
}

impl Row {
    /// Medians of the samples of one case: a list of rounds for each variant, NGINX alone first.
    #[must_use]
    pub fn new(case: &Case, variants: &[Variant], samples: &[Vec<Sample>]) -> Self {
        let alone = samples.first().map_or(&[][..], Vec::as_slice);
        let cells = variants.iter().zip(samples).map(|(variant, rounds)| Cell::new(variant.name, rounds, alone));
        Self { case: case.name, goal_us: case.goal, variants: cells.collect() }
    }
}

impl Cell {
    fn new(name: &'static str, rounds: &[Sample], alone: &[Sample]) -> Self {
        let of = |field: fn(&Sample) -> f64| median(rounds.iter().map(field));
        Self {
            name,
            cpu_us: of(|sample| sample.cpu_us),
            added_us: median(rounds.iter().zip(alone).map(|(sample, alone)| sample.cpu_us - alone.cpu_us)),
            per_second: of(|sample| sample.per_second),
            p50_us: of(|sample| sample.p50_us),
            p99_us: of(|sample| sample.p99_us),
            resident: of(|sample| sample.resident as f64),
            failed: rounds.iter().map(|sample| sample.failed).sum(),
            lost: rounds.iter().map(|sample| sample.lost).sum(),
        }
    }
}

impl Results {
    /// All together.
    #[must_use]
    pub fn new(program: &Program, order: &Order<'_>, cases: Vec<Row>, outage: Vec<Outage>) -> Self {
        let nginx = program.version.to_string();
        Self { nginx, rounds: order.rounds, window_seconds: order.window.as_secs_f64(), cases, outage }
    }
}

/// The middle one, or the mean of the two in the middle; 0 of none.
pub fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut sorted: Vec<f64> = values.collect();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match (sorted.get(middle.wrapping_sub(1)), sorted.get(middle)) {
        (Some(low), Some(high)) if sorted.len().is_multiple_of(2) => f64::midpoint(*low, *high),
        (_, Some(value)) => *value,
        _ => 0.0,
    }
}

/// A duration in microseconds.
pub fn micros(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_number_lies_between_the_two_in_the_middle() {
        assert_eq!(median([3.0, 1.0, 2.0].into_iter()), 2.0);
        assert_eq!(median([4.0, 1.0, 2.0, 3.0].into_iter()), 2.5);
        assert_eq!(median([7.0].into_iter()), 7.0);
        assert_eq!(median(std::iter::empty()), 0.0);
    }

    #[test]
    fn what_is_added_is_compared_within_the_round() {
        let sample = |cpu_us| Sample {
            cpu_us,
            per_second: 1.0,
            p50_us: 1.0,
            p99_us: 1.0,
            resident: 1,
            failed: 1,
            lost: Some(2),
        };
        // The second round was slow for both.
        let (alone, module) = ([sample(10.0), sample(30.0), sample(11.0)], [sample(15.0), sample(36.0), sample(16.0)]);
        let cell = Cell::new("module", &module, &alone);
        assert_eq!((cell.added_us, cell.cpu_us, cell.failed, cell.lost), (5.0, 16.0, 3, Some(6)));
    }
}

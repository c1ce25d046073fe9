//! Figures and medians.

use std::time::Duration;

use anyhow::{Result, ensure};
use iproto_load::Outcome;
use serde::Serialize;

use super::contender::Contender;
pub use crate::nginx::bench::results::median;

/// Everything that one run found. Medians are over rounds.
#[derive(Debug, Serialize)]
pub struct Results {
    /// The peer's version, if it took part.
    pub tarantool: Option<String>,
    /// Of this machine.
    pub processors: usize,
    /// Rounds that the medians are over.
    pub rounds: u32,
    /// Seconds that each load lasted at most.
    pub window_seconds: f64,
    /// By connections and requests in flight.
    pub loads: Vec<Load>,
    /// What a record takes.
    pub memory: Vec<Memory>,
    /// What happens when memory ends.
    pub limit: Vec<Limit>,
    /// The cost of a record beside many others.
    pub growth: Vec<Growth>,
    /// From start to greeting.
    pub start: Vec<Start>,
}

/// One shape of load.
#[derive(Debug, Serialize)]
pub struct Load {
    /// Connections.
    pub connections: usize,
    /// Requests in flight on each.
    pub window: usize,
    /// Ours first.
    pub contenders: Vec<Cell>,
}

/// One contender under one load.
#[derive(Debug, Clone, Serialize)]
pub struct Cell {
    /// Who.
    pub contender: &'static str,
    /// Records a second.
    pub per_second: f64,
    /// Ours divided by this one's: the median of the rounds' ratios.
    pub ratio: f64,
    /// Processor time of the server by record, in microseconds.
    pub cpu_us: f64,
    /// Processor time of the load generator by record, in microseconds.
    pub generator_us: f64,
    /// Time from sending a batch to its last answer, in microseconds.
    pub p50_us: f64,
    /// The same, of all but one in a hundred.
    pub p99_us: f64,
}

/// One load on one contender.
#[derive(Debug, Clone, Copy)]
pub struct Sample {
    per_second: f64,
    cpu_us: f64,
    generator_us: f64,
    p50_us: f64,
    p99_us: f64,
}

/// What a record takes.
#[derive(Debug, Serialize)]
pub struct Memory {
    /// Who.
    pub contender: &'static str,
    /// How many records were stored.
    pub records: u64,
    /// By how much resident memory grew with each.
    pub bytes: f64,
}

/// What happened to records beyond the memory for them.
#[derive(Debug, Serialize)]
pub struct Limit {
    /// Who.
    pub contender: &'static str,
    /// Records that were taken, in all rounds.
    pub taken: u64,
    /// Records that were refused, in all rounds.
    pub refused: u64,
    /// Why the first was.
    pub reason: Option<String>,
    /// Records a second, those that were refused included.
    pub per_second: f64,
    /// Processor time of the server by record, in microseconds.
    pub cpu_us: f64,
    /// Resident memory in the end, in bytes.
    pub resident: f64,
}

/// One round of it.
#[derive(Debug)]
pub struct LimitSample {
    sample: Sample,
    answered: u64,
    refused: u64,
    reason: Option<String>,
    resident: u64,
}

/// The cost of a record beside many others.
#[derive(Debug, Serialize)]
pub struct Growth {
    /// Who.
    pub contender: &'static str,
    /// How many were stored, and the processor time of one more in microseconds.
    pub costs: Vec<(u64, f64)>,
}

/// From start to greeting.
#[derive(Debug, Serialize)]
pub struct Start {
    /// GB of memory that may be used for records.
    pub arena: f64,
    /// Who.
    pub contender: &'static str,
    /// How long it took.
    pub seconds: f64,
}

impl Sample {
    /// From what the load generator saw and the processor time of the server.
    pub fn new(outcome: &Outcome, used: Duration) -> Result<Self> {
        ensure!(outcome.answered > 0, "no record was answered");
        let records = outcome.answered as f64;
        Ok(Self {
            per_second: records / outcome.elapsed.as_secs_f64(),
            cpu_us: micros(used) / records,
            generator_us: micros(outcome.own_cpu) / records,
            p50_us: micros(outcome.latency.p50),
            p99_us: micros(outcome.latency.p99),
        })
    }
}

impl Load {
    /// Medians of the samples of one shape: a list of rounds for each contender, ours first.
    pub fn new(connections: usize, window: usize, contenders: &[Contender], samples: &[Vec<Sample>]) -> Self {
        let ours = samples.first().map_or(&[][..], Vec::as_slice);
        let cells = contenders.iter().zip(samples).map(|(contender, rounds)| Cell::new(*contender, rounds, ours));
        Self { connections, window, contenders: cells.collect() }
    }
}

impl Cell {
    fn new(contender: Contender, rounds: &[Sample], ours: &[Sample]) -> Self {
        let of = |field: fn(&Sample) -> f64| median(rounds.iter().map(field));
        Self {
            contender: contender.name(),
            per_second: of(|sample| sample.per_second),
            ratio: median(ours.iter().zip(rounds).map(|(ours, sample)| ours.per_second / sample.per_second)),
            cpu_us: of(|sample| sample.cpu_us),
            generator_us: of(|sample| sample.generator_us),
            p50_us: of(|sample| sample.p50_us),
            p99_us: of(|sample| sample.p99_us),
        }
    }
}

impl LimitSample {
    /// From the load beyond the limit, the server's processor time for it, and its memory in the end.
    pub fn new(outcome: &Outcome, used: Duration, resident: u64) -> Result<Self> {
        Ok(Self {
            sample: Sample::new(outcome, used)?,
            answered: outcome.answered,
            refused: outcome.refused,
            reason: outcome.first_refusal.as_ref().map(ToString::to_string),
            resident,
        })
    }
}

impl Limit {
    /// All rounds together.
    pub fn new(contender: &'static str, rounds: &[LimitSample]) -> Self {
        let refused = rounds.iter().map(|round| round.refused).sum();
        Self {
            contender,
            taken: rounds.iter().map(|round| round.answered).sum::<u64>() - refused,
            refused,
            reason: rounds.iter().find_map(|round| round.reason.clone()),
            per_second: median(rounds.iter().map(|round| round.sample.per_second)),
            cpu_us: median(rounds.iter().map(|round| round.sample.cpu_us)),
            resident: median(rounds.iter().map(|round| round.resident as f64)),
        }
    }
}

impl Growth {
    /// Medians at each mark.
    pub fn new(contender: &'static str, marks: &[u64], rounds: &[Vec<f64>]) -> Self {
        let cost = |place: usize| median(rounds.iter().filter_map(|costs| costs.get(place).copied()));
        Self { contender, costs: marks.iter().enumerate().map(|(place, mark)| (*mark, cost(place))).collect() }
    }

    /// The dearest record by the one beside fewest.
    pub fn factor(&self) -> Option<f64> {
        let (_, few) = self.costs.first()?;
        Some(self.costs.iter().map(|(_, cost)| cost / few).fold(0.0, f64::max))
    }
}

/// A duration in microseconds.
fn micros(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// Results of a run in which all went at these speeds, in the order of the contenders.
    pub fn results(speeds: [f64; 5], cpu_us: f64) -> Results {
        let sample = |per_second| Sample { per_second, cpu_us, generator_us: 1.0, p50_us: 40.0, p99_us: 90.0 };
        let samples: Vec<Vec<Sample>> = speeds.iter().map(|speed| vec![sample(*speed)]).collect();
        let load = |connections, window| Load::new(connections, window, &Contender::all(true), &samples);
        let limit = |contender, refused| Limit {
            contender,
            taken: 100 - refused,
            refused,
            reason: (refused > 0).then(|| "error 2: no memory".to_owned()),
            per_second: 1.0,
            cpu_us,
            resident: 1e6,
        };
        Results {
            tarantool: Some("2.6.0".to_owned()),
            processors: 2,
            rounds: 1,
            window_seconds: 1.0,
            loads: vec![load(1, 256), load(16, 256), load(1, 1)],
            memory: vec![Memory { contender: "this project", records: 1, bytes: 1012.0 }],
            limit: vec![limit("this project", 0), limit("Tarantool, INSERT", 60)],
            growth: vec![Growth::new("this project", &[10, 100], &[vec![1.0, 1.1]])],
            start: vec![Start { arena: 1.0, contender: "this project", seconds: 0.005 }],
        }
    }

    #[test]
    fn ratios_are_taken_within_the_round() {
        let sample = |per_second| Sample { per_second, cpu_us: 1.0, generator_us: 1.0, p50_us: 1.0, p99_us: 1.0 };
        // The second round was slow for both.
        let ours = vec![sample(300.0), sample(30.0), sample(330.0)];
        let theirs = vec![sample(100.0), sample(10.0), sample(100.0)];
        let load = Load::new(1, 256, &[Contender::Ours, Contender::Insert], &[ours, theirs]);
        let [first, second] = &load.contenders[..] else { panic!("{load:?}") };
        assert_eq!((first.ratio, first.per_second), (1.0, 300.0));
        assert_eq!((second.ratio, second.per_second), (3.0, 100.0));
    }

    #[test]
    fn growth_is_the_dearest_of_all_by_the_one_beside_fewest() {
        let growth =
            Growth::new("x", &[10, 100, 1000], &[vec![2.0, 3.0, 1.0], vec![2.0, 5.0, 1.0], vec![9.0, 4.0, 1.0]]);
        assert_eq!(growth.costs, [(10, 2.0), (100, 4.0), (1000, 1.0)]);
        assert_eq!(growth.factor(), Some(2.0));
    }
}

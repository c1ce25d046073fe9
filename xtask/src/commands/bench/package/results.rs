//! Figures, goals and medians.

use serde::Serialize;

use super::contender::Job;
use crate::commands::bench::measure::Used;
use crate::nginx::bench::results::median;

/// Everything that one run found.
#[derive(Debug, Serialize)]
pub struct Results {
    /// What was packed.
    pub input: Input,
    /// Rounds that the medians are over.
    pub rounds: u32,
    /// Of this machine.
    pub processors: usize,
    /// The peers' versions.
    pub versions: Vec<String>,
    /// Who was not there, and why.
    pub left_out: Vec<String>,
    /// A row for every job.
    pub jobs: Vec<Row>,
}

/// What was packed.
#[derive(Debug, Serialize)]
pub struct Input {
    /// Its file name.
    pub name: String,
    /// Its size.
    pub bytes: u64,
}

/// One job.
#[derive(Debug, Serialize)]
pub struct Row {
    /// Its name.
    pub job: &'static str,
    /// Those who did it, this project first.
    pub contenders: Vec<Cell>,
    /// What is asked of this project.
    pub goal: Option<Goal>,
}

/// One contender in one job: medians over rounds.
#[derive(Debug, Clone, Serialize)]
pub struct Cell {
    /// Who.
    pub name: &'static str,
    /// On the clock.
    pub seconds: f64,
    /// Processor time.
    pub cpu_seconds: f64,
    /// The most memory of one process, in bytes.
    pub resident: f64,
    /// Of the package, in bytes.
    pub size: u64,
}

/// How this project is to compare with a peer, and how it does.
#[derive(Debug, Clone, Serialize)]
pub struct Goal {
    /// With whom.
    pub peer: &'static str,
    /// The clock may show this part of the peer's time.
    pub time_limit: f64,
    /// It showed this part: the median of the rounds' ratios.
    pub time: f64,
    /// The size may be this part of the peer's.
    pub size_limit: f64,
    /// It is this part.
    pub size: f64,
}

impl Goal {
    /// Both.
    pub fn met(&self) -> bool {
        self.time <= self.time_limit && self.size <= self.size_limit
    }
}

/// One run.
#[derive(Debug, Clone, Copy)]
pub struct Sample {
    seconds: f64,
    cpu_seconds: f64,
    resident: u64,
    size: u64,
}

impl Sample {
    /// From what it used and the size of what it made.
    pub fn new(used: Used, size: u64) -> Self {
        let (seconds, cpu_seconds) = (used.wall.as_secs_f64(), used.cpu.as_secs_f64());
        Self { seconds, cpu_seconds, resident: used.resident, size }
    }
}

/// Whom a job is compared with, the first that is there: time and size, as parts of theirs.
fn goals(job: &str) -> &'static [(&'static str, f64, f64)] {
    match job {
        "deb, xz" => &[("dpkg-deb", 0.6, 1.03)],
        _ => &[("nfpm", 1.0, 1.0), ("rpmbuild", 1.0, 1.0)],
    }
}

impl Row {
    /// Medians of the samples of one job: a list of rounds for each contender, this project first; empty for those who do not know the format.
    pub fn new(job: &Job, names: &[&'static str], samples: &[Vec<Sample>]) -> Self {
        let took_part = || names.iter().zip(samples).filter(|(_, rounds)| !rounds.is_empty());
        let contenders: Vec<Cell> = took_part().map(|(name, rounds)| Cell::new(name, rounds)).collect();
        let goal = goals(job.name).iter().find_map(|(peer, time_limit, size_limit)| {
            let (_, theirs) = took_part().find(|(name, _)| *name == peer)?;
            let ours = samples.first()?;
            let ratio = |of: fn(&Sample) -> f64| median(ours.iter().zip(theirs).map(|(a, b)| of(a) / of(b)));
            let (time, size) = (ratio(|sample| sample.seconds), ratio(|sample| sample.size as f64));
            Some(Goal { peer, time_limit: *time_limit, time, size_limit: *size_limit, size })
        });
        Self { job: job.name, contenders, goal }
    }
}

impl Cell {
    fn new(name: &'static str, rounds: &[Sample]) -> Self {
        let of = |field: fn(&Sample) -> f64| median(rounds.iter().map(field));
        Self {
            name,
            seconds: of(|sample| sample.seconds),
            cpu_seconds: of(|sample| sample.cpu_seconds),
            resident: of(|sample| sample.resident as f64),
            // All rounds make the same.
            size: rounds.first().map_or(0, |sample| sample.size),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::contender::JOBS;
    use super::*;

    fn sample(seconds: f64, size: u64) -> Sample {
        Sample { seconds, cpu_seconds: seconds, resident: 1, size }
    }

    #[test]
    fn a_goal_is_compared_within_the_round_and_with_the_first_peer_that_is_there() {
        // The second round was slow for all.
        let ours = vec![sample(1.0, 90), sample(10.0, 90), sample(1.2, 90)];
        let theirs = vec![sample(2.0, 100), sample(20.0, 100), sample(2.0, 100)];
        let row = Row::new(&JOBS[1], &["this project", "dpkg-deb", "rpmbuild"], &[ours, vec![], theirs]);
        let goal = row.goal.unwrap();
        assert_eq!((goal.peer, goal.time, goal.size), ("rpmbuild", 0.5, 0.9));
        assert!(goal.met());
        assert_eq!(row.contenders.iter().map(|cell| cell.name).collect::<Vec<_>>(), ["this project", "rpmbuild"]);
    }

    #[test]
    fn a_goal_without_its_peer_is_none() {
        let row = Row::new(&JOBS[0], &["this project"], &[vec![sample(1.0, 1)]]);
        assert!(row.goal.is_none());
    }
}

//! What the figures should be.

use serde::Serialize;

use super::contender::Contender;
use super::results::{Cell, Load, Results};
use crate::commands::bench::markdown::thousands;

/// A record may cost so much more beside many than beside few.
const FLAT: f64 = 1.2;

/// One goal.
#[derive(Debug, Clone, Serialize)]
pub struct Goal {
    /// What is asked for.
    pub what: String,
    /// The bound.
    pub bound: Bound,
    /// What was found.
    pub found: f64,
    /// Of both.
    pub unit: &'static str,
    /// Whether it is met.
    pub met: bool,
}

/// A bound that is met when it is reached.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    /// So much or more.
    AtLeast(f64),
    /// So much or less.
    AtMost(f64),
}

/// The results for a pipeline: figures and goals.
#[derive(Debug, Serialize)]
pub struct WithGoals<'a> {
    #[serde(flatten)]
    results: &'a Results,
    goals: Vec<Goal>,
}

impl<'a> WithGoals<'a> {
    /// Adds the goals.
    pub fn new(results: &'a Results) -> Self {
        Self { results, goals: all(results) }
    }
}

impl Goal {
    fn new(what: impl Into<String>, bound: Bound, found: f64, unit: &'static str) -> Self {
        let met = match bound {
            Bound::AtLeast(least) => found >= least,
            Bound::AtMost(most) => found <= most,
        };
        Self { what: what.into(), bound, found, unit, met }
    }
}

/// All goals of which the figures are there: without the peer, those that do not compare.
pub fn all(results: &Results) -> Vec<Goal> {
    let ours = Contender::Ours.name();
    let mut goals = Vec::new();
    let ratios = [
        (1, Contender::Insert, 1.0),
        (1, Contender::Call, 3.0),
        (1, Contender::InsertWal, 3.0),
        (16, Contender::Insert, 1.5),
    ];
    for (connections, peer, least) in ratios {
        if let Some(cell) = cell(results, connections, peer) {
            let what = format!("records/s by those of {}, {}", peer.name(), pipelined(connections));
            goals.push(Goal::new(what, Bound::AtLeast(least), cell.ratio, "×"));
        }
    }
    for connections in [1, 16] {
        if let Some(cell) = cell(results, connections, Contender::Ours) {
            let what = format!("processor time of a record, {}", pipelined(connections));
            goals.push(Goal::new(what, Bound::AtMost(3.0), cell.cpu_us, "µs"));
        }
    }
    for memory in results.memory.iter().filter(|memory| memory.contender == ours) {
        goals.push(Goal::new("memory for a record of 1,000 bytes", Bound::AtMost(1080.0), memory.bytes, "bytes"));
    }
    for limit in results.limit.iter().filter(|limit| limit.contender == ours) {
        goals.push(Goal::new("records refused when memory is full", Bound::AtMost(0.0), limit.refused as f64, ""));
    }
    for growth in results.growth.iter().filter(|growth| growth.contender == ours) {
        if let (Some(factor), Some((few, _)), Some((many, _))) =
            (growth.factor(), growth.costs.first(), growth.costs.last())
        {
            let what = format!(
                "processor time of a record beside up to {} stored ones, by that beside {}",
                thousands(*many),
                thousands(*few)
            );
            goals.push(Goal::new(what, Bound::AtMost(FLAT), factor, "×"));
        }
    }
    for start in results.start.iter().filter(|start| start.contender == ours) {
        let what = format!("from start to listening, arena of {} GB", start.arena);
        goals.push(Goal::new(what, Bound::AtMost(1.0), start.seconds, "s"));
    }
    goals
}

fn pipelined(connections: usize) -> String {
    format!("{connections} pipelined connection{}", if connections == 1 { "" } else { "s" })
}

fn cell(results: &Results, connections: usize, contender: Contender) -> Option<&Cell> {
    let pipelined = |load: &&Load| load.connections == connections && load.window > 1;
    let load = results.loads.iter().find(pipelined)?;
    load.contenders.iter().find(|cell| cell.contender == contender.name())
}

#[cfg(test)]
mod tests {
    use super::super::results::tests::results;
    use super::*;

    fn missed(results: &Results) -> Vec<String> {
        all(results).into_iter().filter(|goal| !goal.met).map(|goal| goal.what).collect()
    }

    #[test]
    fn all_goals_are_met_by_a_server_that_is_fast_small_and_willing() {
        let results = results([400.0, 250.0, 500.0, 100.0, 80.0], 2.9);
        assert_eq!(missed(&results), Vec::<String>::new());
        assert_eq!(all(&results).len(), 4 + 2 + 4);
    }

    #[test]
    fn each_goal_can_be_missed() {
        let mut results = results([400.0, 401.0, 401.0, 134.0, 134.0], 3.1);
        results.memory[0].bytes = 1081.0;
        results.limit[0].refused = 1;
        results.growth[0].costs[1].1 = 1.3;
        results.start[0].seconds = 1.1;
        assert_eq!(missed(&results).len(), all(&results).len());
    }

    #[test]
    fn a_pipeline_reads_figures_and_goals_side_by_side() {
        let json = serde_json::to_value(WithGoals::new(&results([400.0, 250.0, 500.0, 100.0, 80.0], 2.9))).unwrap();
        assert_eq!(json["loads"][0]["contenders"][1]["ratio"], 1.6);
        assert_eq!(json["goals"][0]["bound"]["at_least"], 1.0);
        assert_eq!(json["goals"][0]["met"], true);
    }

    #[test]
    fn without_the_peer_only_what_does_not_compare_is_a_goal() {
        let mut results = results([400.0, 100.0, 100.0, 100.0, 100.0], 1.0);
        results.loads.iter_mut().for_each(|load| load.contenders.truncate(1));
        assert_eq!(all(&results).len(), 2 + 4);
    }
}

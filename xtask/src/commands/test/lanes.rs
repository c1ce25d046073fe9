//! Stages that boot a system, several systems side by side: such a stage waits for half of its time.
//!
//! Each stage is a process of its own, `cargo xtask test --only NAME --json`, so that its lines come together and two stages share no
//! more than two people would who test in one checkout. Stages of one system share its packages, and run one after the other.

use std::collections::VecDeque;
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;

use super::stage::{Count, Ended, Stage};
use crate::report;
use crate::session::Session;

/// Runs the stages, as many systems at a time as there are processors.
pub fn run(stages: &[&Stage], session: &Session) -> Result<Vec<Ended>> {
    let program = std::env::current_exe().context("cannot tell where this program is")?;
    let waiting = Mutex::new(VecDeque::from(by_system(stages)));
    let next = || waiting.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
    let lane = || {
        let mut ended = Vec::new();
        while let Some(system) = next() {
            for stage in system {
                session.progress.note(&format!("==> Test: {}, beside others", stage.name));
                let mut command = Command::new("setpriv");
                // When this process ends before them, they end as they do at Ctrl-C: everything is put away.
                command.args(["--pdeathsig", "TERM"]).arg(&program);
                ended.push(apart(stage, command, session));
            }
        }
        ended
    };
    let lanes = thread::available_parallelism().map_or(1, usize::from);
    Ok(thread::scope(|scope| {
        let lanes: Vec<_> = (0..lanes).map(|_| scope.spawn(lane)).collect();
        let joined = lanes.into_iter().map(thread::ScopedJoinHandle::join);
        joined.flat_map(|ended| ended.unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
    }))
}

/// The stages of each system, those with most stages first.
fn by_system<'a>(stages: &[&'a Stage]) -> Vec<Vec<&'a Stage>> {
    let mut systems: Vec<Vec<&Stage>> = Vec::new();
    for stage in stages {
        match systems.iter_mut().find(|system| system[0].system == stage.system) {
            Some(system) => system.push(stage),
            None => systems.push(vec![stage]),
        }
    }
    systems.sort_by_key(|system| std::cmp::Reverse(system.len()));
    systems
}

/// Runs a stage in a process of its own, and shows what it said once it has ended.
fn apart(stage: &Stage, mut command: Command, session: &Session) -> Ended {
    let begun = Instant::now();
    command.args(["test", "--only", stage.name, "--json"]).stdin(Stdio::null());
    let ended = command.output().context("cannot start setpriv, of Debian's package util-linux").and_then(|output| {
        session.progress.note(String::from_utf8_lossy(&output.stderr).trim_end());
        only_stage(&output.stdout).with_context(|| format!("it ended with {}", output.status))
    });
    let took = begun.elapsed();
    match ended {
        Ok(ended) => Ended { took, ..ended },
        Err(error) => {
            report::failure(&error, false);
            let remark = format!("{error:#}").lines().next().unwrap_or_default().to_owned();
            Ended { stage: stage.name.to_owned(), count: Count { passed: 0, failed: 1 }, took, remark }
        }
    }
}

/// What a run of one stage prints.
fn only_stage(json: &[u8]) -> Result<Ended> {
    #[derive(Deserialize)]
    struct Printed {
        stages: Vec<Ended>,
    }
    let Printed { mut stages } = serde_json::from_slice(json).context("the stage did not print its result")?;
    ensure!(stages.len() == 1, "the stage printed {} results", stages.len());
    Ok(stages.remove(0))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn stage(system: &'static str, name: &'static str) -> Stage {
        Stage::on(system, name, &[], |_| Ok(Count::ONE))
    }

    #[test]
    fn stages_of_one_system_stay_together_and_those_of_most_come_first() {
        let stages = [stage("el8", "a"), stage("bookworm", "b"), stage("trixie", "c"), stage("bookworm", "d")];
        let systems = by_system(&stages.iter().collect::<Vec<_>>());
        let names: Vec<Vec<&str>> =
            systems.iter().map(|system| system.iter().map(|stage| stage.name).collect()).collect();
        assert_eq!(names, [vec!["b", "d"], vec!["a"], vec!["c"]]);
    }

    #[test]
    fn the_result_of_a_run_is_read_as_it_is_printed() {
        let printed =
            Ended { stage: "a".into(), count: Count::of(true), took: Duration::from_secs(1), remark: String::new() };
        let json = serde_json::json!({ "stages": [printed], "passed": 1, "failed": 0 }).to_string();
        let read = only_stage(json.as_bytes()).unwrap();
        assert_eq!((read.stage.as_str(), read.count), ("a", Count::ONE));
        for broken in ["", "{", r#"{"stages":[]}"#, r#"{"stages":[{"stage":"a"}]}"#] {
            assert!(only_stage(broken.as_bytes()).is_err(), "{broken}");
        }
    }
}

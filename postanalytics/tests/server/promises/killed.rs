//! `kill -9` at any moment: what was on disk is exported, what was not is at most what came last, and the next start works.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use fake_cloud::Script;
use fake_cloud::chance::Chance;

use super::node::{HITS, cloud, drained, missing, registered_with, start};
use super::{rounds, seed};
use crate::client::{attack_record, push};

/// A kill comes within this time after the start.
const LONGEST_LIFE: u64 = 1500;

/// The promise: what is lost came within this time before the kill.
const LAST_SECOND: Duration = Duration::from_secs(1);
/// The tests share their machine, and an attack counts from its acknowledgement, which the test may read late.
const TOLERANCE: Duration = Duration::from_secs(1);

/// One life of the server: what it acknowledged and when, and its end.
struct Life {
    acknowledged: Vec<(u64, Instant)>,
    killed: Instant,
}

impl Life {
    /// How long before the end the oldest of these was acknowledged.
    fn age_of_oldest(&self, numbers: &BTreeSet<u64>) -> Option<Duration> {
        let oldest = self.acknowledged.iter().find(|(number, _)| numbers.contains(number));
        oldest.map(|(_, at)| self.killed - *at)
    }
}

#[test]
fn a_server_that_is_killed_again_and_again_exports_all_that_was_on_disk() {
    let cloud = cloud(Script::default());
    let mut place = registered_with(&cloud);
    let (mut chance, mut number) = (Chance::new(seed()), 0);
    // What was on disk, or with the Cloud, before a kill.
    let (mut owed, mut lives) = (Vec::new(), Vec::new());
    for _ in 0..rounds(12) {
        let mut server = start(place, "");
        let (first, begun) = (number, Instant::now());
        let span = Duration::from_millis(chance.below(LONGEST_LIFE));
        let mut client = server.client();
        let (mut acknowledged, mut safe) = (Vec::new(), first);
        while begun.elapsed() < span {
            for _ in 0..5 {
                client.send(&push(number, &attack_record(number)));
                assert!(client.receive().outcome.is_ok());
                acknowledged.push((number, Instant::now()));
                number += 1;
            }
            let state = server.state();
            if state["hits"]["waiting"] == 0 {
                safe = first + state["hits"]["made"].as_u64().unwrap() / HITS;
            }
        }
        server.child.kill().unwrap();
        lives.push(Life { acknowledged, killed: Instant::now() });
        server.wait();
        owed.extend(first..safe);
        place = server.into_place();
    }
    let server = start(place, "");
    let state = drained(&server);
    assert_eq!(missing(&cloud, owed), Vec::<u64>::new(), "{state}");
    assert_eq!(state["spool"]["damaged"], 0, "a torn end is no damage: {state}");
    let lost: BTreeSet<u64> = missing(&cloud, 0..number).into_iter().collect();
    let oldest = lives.iter().filter_map(|life| life.age_of_oldest(&lost)).max().unwrap_or_default();
    println!("{} kills, {number} attacks, {} lost, the oldest {oldest:?} before its kill", lives.len(), lost.len());
    assert!(oldest < LAST_SECOND + TOLERANCE, "an attack of {oldest:?} before a kill is lost");
}

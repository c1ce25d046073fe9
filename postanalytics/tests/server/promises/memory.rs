//! Attacks at the limit of memory: inserts succeed, clean requests go first, and what is lost is counted.

use fake_cloud::{Answer, Script};

use super::node::{HITS, cloud, registered_with, send_attacks, start};
use crate::client::{attack_record, push, record};
use crate::running::wait_for;

const ARENA: u64 = (0.05 * 1024.0 * 1024.0 * 1024.0) as u64;
/// Arena × 1.1 + 64 MB.
const PROMISE: u64 = ARENA * 11 / 10 + 64_000_000;

#[test]
fn clean_requests_give_way_and_attacks_that_wait_for_the_cloud_do_not() {
    let away = cloud(Script::in_turn(&[Answer::ClosesAtAccept]));
    let server = start(registered_with(&away), "");
    send_attacks(&server, 0..100);
    let mut client = server.client();
    for first in (0..2 * ARENA / 2000).step_by(50) {
        let batch: Vec<u8> =
            (first..first + 50).flat_map(|number| push(number, &record(number, 2000, "body"))).collect();
        client.send(&batch);
        (0..50).for_each(|_| assert!(client.receive().outcome.is_ok()));
    }
    let state = server.state();
    assert!(state["requests"]["evicted"].as_u64() > Some(100), "the attacks' own requests are gone: {state}");
    assert_eq!((&state["hits"]["dropped"], &state["balance"]["hits"]), (&0.into(), &true.into()), "{state}");
}

#[test]
fn more_attacks_than_memory_and_spool_can_hold_are_lost_oldest_first_and_counted() {
    let away = cloud(Script::in_turn(&[Answer::ClosesAtAccept]));
    let server = start(registered_with(&away), "SPOOL_SIZE=0.05\n");
    let mut client = server.client();
    let mut highest = 0;
    for first in (0..80_000u64).step_by(50) {
        let batch: Vec<u8> = (first..first + 50).flat_map(|number| push(number, &attack_record(number))).collect();
        client.send(&batch);
        (0..50).for_each(|_| assert!(client.receive().outcome.is_ok()));
        if first.is_multiple_of(5000) {
            highest = highest.max(server.resident());
        }
    }
    let state = wait_for(|| {
        let state = server.state();
        (state["hits"]["dropped"].as_u64() > Some(0)).then_some(state)
    })
    .unwrap_or_else(|| panic!("nothing is dropped: {}", server.state()));
    assert!(highest < PROMISE, "{highest} bytes resident, promised are {PROMISE}");
    assert_eq!((&state["export"]["drops_flag"], &state["balance"]["hits"]), (&true.into(), &true.into()), "{state}");
    // A request counts once, however many of its hits are lost: all, but where some of them are on their way.
    let count = |part: &str, name: &str| state[part][name].as_u64().unwrap();
    let (requests, dropped) = (count("export", "drops"), count("hits", "dropped"));
    let most = dropped / HITS + count("hits", "in_flight") + 2;
    assert!((dropped.div_ceil(HITS)..=most).contains(&requests), "{state}");
    assert!(state["spool"]["bytes"].as_u64() <= state["spool"]["limit_bytes"].as_u64(), "{state}");
    assert!(client.call("wallarm.stat.dropped_before_export").number() > 0.0);
}

//! The promise about memory, measured.

use std::io::Write;

use crate::client::{push, record};
use crate::running::Running;

const ARENA: f64 = 0.05 * 1024.0 * 1024.0 * 1024.0;
/// Arena × 1.1 + 64 MB.
const PROMISE: f64 = ARENA * 1.1 + 64e6;

#[test]
fn ten_times_the_arena_goes_in_without_a_refusal_and_within_the_memory_promised() {
    let server = Running::start("SLAB_ALLOC_ARENA=0.05\nMETRICS_LISTEN=127.0.0.1:0\n");
    let count = (10.0 * ARENA / 1000.0) as u64;
    let mut client = server.client();
    let mut sender = client.stream.try_clone().unwrap();
    let sending = std::thread::spawn(move || {
        for first in (0..count).step_by(64) {
            let batch: Vec<u8> =
                (first..count.min(first + 64)).flat_map(|number| push(number, &record(number, 1000, "body"))).collect();
            sender.write_all(&batch).unwrap();
        }
    });
    let mut highest = 0;
    for number in 0..count {
        let answer = client.receive();
        assert!(answer.outcome.is_ok(), "insert {number}: {answer:?}");
        if number % 10_000 == 0 {
            highest = highest.max(server.resident());
        }
    }
    sending.join().unwrap();
    highest = highest.max(server.resident());
    assert!((highest as f64) < PROMISE, "{highest} bytes resident, promised are {PROMISE}");
    assert_eq!(server.metric("requests_total"), count as f64);
    let (used, arena) = (server.metric("used_bytes"), server.metric("arena_bytes"));
    assert!(used <= arena && arena <= ARENA && used > 0.99 * arena, "{used} of {arena}");
    assert!(server.metric("evicted_total") > 0.85 * count as f64);
}

#[test]
fn a_record_of_1000_bytes_takes_at_most_1080() {
    let server = Running::start("SLAB_ALLOC_ARENA=0.05\nMETRICS_LISTEN=127.0.0.1:0\n");
    let mut client = server.client();
    for number in 0..1000 {
        assert!(client.push(&record(number, 1000, "body")).outcome.is_ok());
    }
    let each = server.metric("used_bytes") / 1000.0;
    assert!((1000.0..=1080.0).contains(&each), "{each}");
}

#[test]
fn an_empty_arena_of_a_gigabyte_takes_no_memory() {
    let server = Running::start("SLAB_ALLOC_ARENA=1.0\n");
    assert!(server.client().ping().outcome.is_ok());
    assert!(server.resident() < 32 << 20, "{} bytes resident", server.resident());
}

#[test]
fn a_thousand_idle_connections_take_little_memory() {
    rlimit::increase_nofile_limit(4096).unwrap();
    let server = Running::start("READAHEAD=8388608\n");
    let before = server.resident();
    let clients: Vec<_> = (0..1000).map(|_| server.client()).collect();
    let each = server.resident().saturating_sub(before) / clients.len() as u64;
    assert!(each < 8 << 10, "{each} bytes for an idle connection");
}

//! The promise about memory, measured.

use std::io::Write;
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::ScopedJoinHandle;
use std::time::Duration;

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
    assert!(used <= arena && arena <= ARENA && arena > 0.85 * ARENA && used > 0.99 * arena, "{used} of {arena}");
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

/// Sends `bytes` and never reads; ends when the server takes no more. The connection stays open.
fn stuff(server: &Running, bytes: &[u8]) -> TcpStream {
    let mut stream = server.client().stream;
    stream.set_write_timeout(Some(Duration::from_secs(1))).unwrap();
    while stream.write_all(bytes).is_ok() {}
    stream
}

fn fill_arena(server: &Running) {
    let mut client = server.client();
    for number in 0..60 {
        assert!(client.push(&record(number, 1_000_000, "body")).outcome.is_ok());
    }
}

#[test]
fn halves_of_large_frames_took_256_mib_beyond_the_promise() {
    let server = Running::start("SLAB_ALLOC_ARENA=0.05\n");
    fill_arena(&server);
    let half = [&[0xce, 1, 0xe0, 0, 0, 0x82][..], &vec![0; 30 << 20]].concat();
    let peers: Vec<_> = std::thread::scope(|scope| {
        let peers: Vec<_> = (0..6)
            .map(|_| {
                scope.spawn(|| {
                    let mut stream = server.client().stream;
                    stream.set_write_timeout(Some(Duration::from_secs(1))).unwrap();
                    // Most of it, never all.
                    let _ = stream.write_all(&half);
                    stream
                })
            })
            .collect();
        peers.into_iter().map(|peer| peer.join().unwrap()).collect()
    });
    let resident = server.resident() as f64;
    assert!(resident < PROMISE, "{resident} bytes resident, promised are {PROMISE}");
    assert!(server.client().push(&record(100, 5000, "body")).outcome.is_ok(), "others are served on");
    drop(peers);
}

#[test]
fn large_frames_at_the_same_time_waited_for_each_other_until_all_were_closed() {
    let server = Running::start("SLAB_ALLOC_ARENA=0.05\n");
    fill_arena(&server);
    let done = AtomicBool::new(false);
    let highest = std::thread::scope(|scope| {
        let watching = scope.spawn(|| {
            let mut highest = 0;
            while !done.load(Ordering::Relaxed) {
                highest = highest.max(server.resident());
            }
            highest
        });
        let senders: Vec<_> = (0..6)
            .map(|sender| {
                let server = &server;
                scope.spawn(move || {
                    let mut client = server.client();
                    // Sizes that the allocator would keep for later if they came from its heap.
                    for size in [20 << 20, 150_000, 25 << 20, 3 << 20, 60_000] {
                        assert!(client.push(&record(sender, size, "body")).outcome.is_ok());
                    }
                })
            })
            .collect();
        let outcomes: Vec<_> = senders.into_iter().map(ScopedJoinHandle::join).collect();
        done.store(true, Ordering::Relaxed);
        assert!(outcomes.iter().all(Result::is_ok));
        watching.join().unwrap()
    });
    assert!((highest as f64) < PROMISE, "{highest} bytes resident, promised are {PROMISE}");
}

#[test]
fn a_large_readahead_let_each_connection_keep_that_much_beyond_the_promise() {
    rlimit::increase_nofile_limit(4096).unwrap();
    let server = Running::start("SLAB_ALLOC_ARENA=0.05\nREADAHEAD=8388608\n");
    fill_arena(&server);
    let half = [&[0xce, 0, 0x70, 0, 0][..], &vec![0; 600_000]].concat();
    let peers: Vec<_> = (0..300)
        .map(|_| {
            let mut stream = server.client().stream;
            stream.set_write_timeout(Some(Duration::from_millis(20))).unwrap();
            let _ = stream.write_all(&half);
            stream
        })
        .collect();
    let resident = server.resident() as f64;
    assert!(resident < PROMISE, "{resident} bytes resident, promised are {PROMISE}");
    drop(peers);
}

#[test]
fn answers_that_nobody_took_grew_with_net_msg_max() {
    let server = Running::start("READAHEAD=134217728\nNET_MSG_MAX=1048576\n");
    let before = server.resident();
    // Four bytes that are answered with an error of more than a hundred.
    let requests = [3, 0x81, 0, 0x7f].repeat(10_000);
    let peers: Vec<_> = (0..4).map(|_| stuff(&server, &requests)).collect();
    server.place.log_line("which takes no answers");
    let grown = server.resident().saturating_sub(before);
    assert!(grown < 4 << 20, "{grown} bytes for four peers that take no answers");
    assert!(server.client().ping().outcome.is_ok(), "others are served on");
    drop(peers);
}

#[test]
fn a_system_without_more_memory_made_the_window_smaller_without_a_word() {
    let server = Running::start("SLAB_ALLOC_ARENA=1.0\n");
    let mut client = server.client();
    assert!(client.push(&record(0, 1 << 20, "body")).outcome.is_ok());
    let pid = i32::try_from(server.child.id()).unwrap();
    let most = server.address_space() + (200 << 20);
    rlimit::prlimit(pid, rlimit::Resource::AS, Some((most, most)), None).unwrap();
    for number in 1..500 {
        assert!(client.push(&record(number, 1 << 20, "body")).outcome.is_ok(), "no insert is refused");
    }
    let line = server.place.log_line("E> SLAB_ALLOC_ARENA=1.0: no more memory: keeping to ");
    assert!(line.ends_with(" bytes for stored requests instead of 973078528"), "{line}");
    assert_eq!(server.place.log().matches("no more memory").count(), 1, "{}", server.place.log());
}

//! Peers that send anything: the others are served on, memory stays bounded, nothing panics.

use std::io::Write as _;
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use fake_cloud::chance::Chance;

use super::{rounds, seed};
use crate::client::{Client, frame, push, record};
use crate::running::Running;

/// Arena × 1.1 + 64 MB, for an arena of 0.05 GB.
const PROMISE: u64 = (0.05 * 1024.0 * 1024.0 * 1024.0 * 1.1) as u64 + 64_000_000;

fn bytes(chance: &mut Chance, count: u64) -> Vec<u8> {
    (0..count).map(|_| chance.below(256) as u8).collect()
}

/// Something that no well-behaved client sends.
fn something_bad(chance: &mut Chance) -> Vec<u8> {
    let length = chance.below(4000);
    let good = push(1, &record(chance.below(1 << 30), 400 + length as usize, "body"));
    match chance.below(7) {
        // Noise, bare and inside a frame.
        0 => bytes(chance, length),
        1 => frame(&bytes(chance, length)),
        // A frame that is cut off, and one that claims to be giant.
        2 => good[..good.len() / 2].to_vec(),
        3 => vec![0xce, 0xff, 0xff, 0xff, 0xff],
        // A record that nests deeper than anybody reads.
        4 => push(1, &[&[0x81, 0xa1, b'x'][..], &vec![0x91; 5000], &[0xc0]].concat()),
        // Lengths that are not there.
        5 => push(1, &[0xdf, 0xff, 0xff, 0xff, 0xff]),
        // A good frame with a few bytes changed.
        _ => {
            let mut bad = good;
            for _ in 0..5 {
                let place = chance.below(bad.len() as u64) as usize;
                bad[place] = chance.below(256) as u8;
            }
            bad
        }
    }
}

/// Connects without expecting anything; all seats may be taken.
fn intrude(server: &Running, bytes: &[u8]) -> Option<TcpStream> {
    let mut stream = TcpStream::connect(server.local()).ok()?;
    stream.set_write_timeout(Some(Duration::from_millis(50))).ok()?;
    // The server may have closed the connection, which is its right.
    let _ = stream.write_all(bytes);
    Some(stream)
}

#[test]
fn noise_halves_giants_depths_and_crowds_disturb_nobody() {
    let files = rlimit::increase_nofile_limit(16_384).unwrap();
    let server = Running::start("SLAB_ALLOC_ARENA=0.05\n");
    let mut well_behaved = server.client();
    let done = AtomicBool::new(false);
    let (answered, highest) = std::thread::scope(|scope| {
        let answering = scope.spawn(|| {
            let mut answered = 0u64;
            while !done.load(Ordering::Relaxed) {
                answered += 1;
                let answer = well_behaved.push(&record(answered, 1000, "body"));
                assert!(answer.outcome.is_ok(), "push {answered}: {answer:?}");
            }
            answered
        });
        let mut chance = Chance::new(seed());
        let (mut highest, mut idle) = (0, Vec::new());
        for _ in 0..10 * rounds(30) {
            let bytes: Vec<u8> = (0..=chance.below(3)).flat_map(|_| something_bad(&mut chance)).collect();
            // Some stay and say no more; some are gone at once.
            idle.extend(intrude(&server, &bytes).filter(|_| chance.below(2) == 0));
        }
        // More peers than there are seats; each is served, or closed without a byte. Fewer only where a process may not have so many.
        let crowd = files.saturating_sub(2_000).min(10_000);
        assert!(crowd > 1_200, "this test needs {files} files to be more");
        let before = idle.len() as u64;
        idle.extend((0..crowd).filter_map(|_| intrude(&server, b"")));
        assert_eq!(idle.len() as u64 - before, crowd, "all of them are connected at once");
        highest = highest.max(server.resident());
        drop(idle);
        done.store(true, Ordering::Relaxed);
        (answering.join().unwrap(), highest)
    });
    assert!(answered > 0 && highest < PROMISE, "{answered} answers, {highest} bytes resident");
    crate::running::wait_for(|| (server.count("/connections") < 10).then_some(())).expect("connections stay");
    assert!(Client::connect(server.local()).ping().outcome.is_ok());
    assert!(!server.place.log().contains("panicked"), "{}", server.place.log());
    assert_eq!(server.state()["balance"]["requests"], true);
}

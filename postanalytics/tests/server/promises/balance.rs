//! The sums are right at every moment, not only at rest.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::client::{attack_record, push, record};
use crate::running::Running;

#[test]
fn what_came_in_is_what_is_there_left_or_lost_at_every_moment() {
    let server = Running::start("SLAB_ALLOC_ARENA=0.05\n");
    let done = AtomicBool::new(false);
    let looks = std::thread::scope(|scope| {
        for sender in 0..3u64 {
            let (server, done) = (&server, &done);
            scope.spawn(move || {
                let mut client = server.client();
                let mut number = sender << 32;
                while !done.load(Ordering::Relaxed) {
                    let mut batch = Vec::new();
                    for _ in 0..50 {
                        number += 1;
                        let record =
                            if number.is_multiple_of(3) { attack_record(number) } else { record(number, 2000, "body") };
                        batch.extend(push(number, &record));
                    }
                    // No record: its id is none.
                    batch.extend(push(0, &[0x80]));
                    client.send(&batch);
                    (0..51).for_each(|_| drop(client.receive()));
                }
            });
        }
        let mut looks = 0;
        while server.count("/requests/evicted") == 0 || looks < 40 {
            let state = server.state();
            assert_eq!(state["balance"], serde_json::json!({ "requests": true, "hits": true }), "{state}");
            looks += 1;
        }
        done.store(true, Ordering::Relaxed);
        looks
    });
    let state = server.state();
    assert!(
        state["requests"]["refused"].as_u64() > Some(0) && state["hits"]["made"].as_u64() > Some(0),
        "{looks}: {state}"
    );
    let count = |pointer: &str| state.pointer(pointer).and_then(serde_json::Value::as_u64).unwrap();
    assert_eq!(
        count("/analysis/seen"),
        count("/requests/stored") + count("/requests/evicted"),
        "the analysis sees all: {state}"
    );
}

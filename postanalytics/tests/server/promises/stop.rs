//! SIGTERM: what waits in memory is on disk before the server is gone.

use std::time::{Duration, Instant};

use fake_cloud::{Answer, Script};

use super::node::{HITS, cloud, drained, missing, register, registered_with, send_attacks, start};

#[test]
fn attacks_that_came_right_before_a_stop_are_exported_after_the_next_start() {
    let away = cloud(Script::in_turn(&[Answer::Never]));
    let mut server = start(registered_with(&away), "SNAPSHOT_PERIOD=3600\n");
    send_attacks(&server, 0..500);
    let begun = Instant::now();
    server.signal("TERM");
    assert_eq!(server.wait().code(), Some(0));
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    let back = cloud(Script::default());
    let place = server.into_place();
    register(&place, &back);
    let server = start(place, "");
    let state = drained(&server);
    assert_eq!(state["hits"]["recovered"], 500 * HITS, "{state}");
    assert_eq!(missing(&back, 0..500), Vec::<u64>::new());
}

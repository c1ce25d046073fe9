//! Limits of a connection and of a record.

use std::io::{ErrorKind, Write};
use std::time::Duration;

use iproto::request;

use crate::client::{id, push, record, strings};
use crate::running::{Place, Running};

const METRICS: &str = "METRICS_LISTEN=127.0.0.1:0\n";

/// Sends `requests` over and over without reading an answer, until the server takes no more.
fn send_without_reading(server: &Running, requests: &[u8]) {
    let client = server.client();
    let mut stream = client.stream;
    stream.set_write_timeout(Some(Duration::from_secs(2))).unwrap();
    loop {
        match stream.write_all(requests) {
            Ok(()) => {}
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => return,
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn too_many_unanswered_requests_stop_the_input_with_the_documented_line() {
    let server = Running::start("");
    let mut pings = Vec::new();
    (0..1000).for_each(|sync| request::write_ping(&mut pings, sync));
    send_without_reading(&server, &pings);
    let line = server.place.log_line("net_msg_max limit is reached");
    let (_, text) = line.split_once("W> ").unwrap();
    assert!(text.starts_with("stopping input on connection fd "), "{line}");
    assert!(text.contains(&format!(", aka {}, peer of 127.0.0.1:", server.address)), "{line}");
    assert!(text.ends_with(", net_msg_max limit is reached"), "{line}");
    assert!(server.client().ping().outcome.is_ok(), "others are served on");
}

#[test]
fn a_full_input_buffer_stops_the_input_with_the_documented_line() {
    let server = Running::start("");
    let records: Vec<u8> = (0..100).flat_map(|number| push(number, &record(number, 1000, "body"))).collect();
    send_without_reading(&server, &records);
    let line = server.place.log_line("readahead limit reached");
    let (_, text) = line.split_once("W> ").unwrap();
    assert!(text.starts_with("readahead limit reached, stopping input on connection fd "), "{line}");
    assert!(text.contains(&format!(", aka {}, peer of 127.0.0.1:", server.address)), "{line}");
    assert!(server.client().ping().outcome.is_ok(), "others are served on");
}

#[test]
fn a_stopped_connection_goes_on_once_its_answers_are_read() {
    let server = Running::start("NET_MSG_MAX=2\nREADAHEAD=1024\n");
    let mut client = server.client();
    let mut sender = client.stream.try_clone().unwrap();
    let sending = std::thread::spawn(move || {
        for sync in 0..20_000 {
            sender.write_all(&push(sync, &record(sync, 2000, "body"))).unwrap();
        }
    });
    for sync in 0..20_000 {
        assert_eq!(strings(&client.receive().outcome.unwrap()), [id(sync)]);
    }
    sending.join().unwrap();
}

#[test]
fn the_block_in_init_lua_sets_both_limits() {
    let place = Place::new();
    std::fs::write(place.path("init.lua"), "box.cfg {\n  readahead = 8 * 1024 * 1024,\n  net_msg_max = 5\n}\n")
        .unwrap();
    let command = place.command("");
    let server = Running::spawn(place, command);
    let records: Vec<u8> = (0..100).flat_map(|number| push(number, &record(number, 1000, "body"))).collect();
    send_without_reading(&server, &records);
    server.place.log_line("net_msg_max limit is reached");
}

#[test]
fn a_frame_far_larger_than_the_input_buffer_is_taken() {
    let server = Running::start("");
    let mut client = server.client();
    for number in 0..3 {
        let answer = client.push(&record(number, 20 << 20, "body"));
        assert_eq!(strings(&answer.outcome.unwrap()), [id(number)]);
    }
    assert!(client.ping().outcome.is_ok());
}

#[test]
fn a_record_over_an_eighth_of_the_arena_is_stored_without_its_body() {
    let server = Running::start(&format!("SLAB_ALLOC_ARENA=0.05\n{METRICS}"));
    let mut client = server.client();
    assert!(client.push(&record(1, 7 << 20, "body")).outcome.is_ok());
    let used = server.metric("used_bytes");
    assert!(used > 100.0 && used < 300.0, "{used}");
    assert_eq!(server.metric("requests_total"), 1.0);
}

#[test]
fn a_record_that_is_too_large_even_without_body_is_refused() {
    let server = Running::start(&format!("SLAB_ALLOC_ARENA=0.05\n{METRICS}"));
    let mut client = server.client();
    assert_eq!(client.push(&record(1, 7 << 20, "headers")).code(), 1);
    assert!(client.push(&record(2, 6 << 20, "headers")).outcome.is_ok());
    assert_eq!(server.metric("requests_total"), 1.0);
}

#[test]
fn a_frame_that_could_never_fit_beside_a_small_arena_waited_for_memory_for_30_s() {
    let server = Running::start("SLAB_ALLOC_ARENA=0.05\n");
    let mut client = server.client();
    client.send(&[0xce, 8, 0, 0, 0]);
    let (code, text) = client.receive().outcome.unwrap_err();
    assert_eq!(code, 20);
    assert!(text.ends_with("packet of 134217733 bytes, with this SLAB_ALLOC_ARENA the limit is 32309248"), "{text}");
    assert!(client.is_closed());
    server.place.log_line("sent no valid request (packet of 134217733 bytes");
}

#[test]
fn the_default_arena_takes_a_record_of_almost_128_mib() {
    let server = Running::start(METRICS);
    let mut client = server.client();
    assert!(client.push(&record(1, 127 << 20, "body")).outcome.is_ok());
    assert_eq!(server.metric("requests_total"), 1.0);
}

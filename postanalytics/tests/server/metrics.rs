//! The endpoint for Prometheus.

use crate::client::record;
use crate::running::Running;

#[test]
fn metrics_follow_what_happens() {
    let server = Running::start("METRICS_LISTEN=127.0.0.1:0\nSLAB_ALLOC_ARENA=1.0\n");
    let mut client = server.client();
    for number in 0..3 {
        client.push(&record(number, 1000, "body"));
    }
    let expected = [
        ("last_request_id", 3.0),
        ("requests_total", 3.0),
        ("evicted_total", 0.0),
        ("connections", 1.0),
        // All but the parts for the analysis and for hits on their way, in whole slabs.
        ("arena_bytes", 973_078_528.0),
        ("used_bytes", 3036.0),
        ("export_delay_seconds", 0.0),
        ("export_drops_total", 0.0),
        ("export_drops_flag", 0.0),
    ];
    for (name, value) in expected {
        assert_eq!(server.metric(name), value, "{name}");
    }
}

#[test]
fn the_page_is_text_in_version_0_0_4_of_the_format() {
    let server = Running::start("METRICS_LISTEN=127.0.0.1:0\n");
    let answer = server.get("GET /metrics").to_lowercase();
    assert!(answer.starts_with("http/1.1 200 ok"), "{answer}");
    assert!(answer.contains("content-type: text/plain; version=0.0.4"), "{answer}");
}

#[test]
fn other_paths_and_methods_are_refused() {
    let server = Running::start("METRICS_LISTEN=127.0.0.1:0\n");
    assert!(server.get("GET /").starts_with("HTTP/1.1 404"));
    assert!(server.get("DELETE /metrics").starts_with("HTTP/1.1 405"));
}

#[test]
fn without_metrics_listen_there_is_no_endpoint() {
    let server = Running::start("");
    assert!(server.client().ping().outcome.is_ok());
    assert!(!server.place.log().contains("metrics on"));
}

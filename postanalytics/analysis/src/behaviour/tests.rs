use std::collections::BTreeMap;

use cloud_api::markers::{Marker, Markers};

use super::*;

fn marker(id: u64, kind: Behaviour, uri: Option<&str>) -> Marker {
    Marker { id, kind: Some(kind), uri: uri.map(str::to_owned), apps: Vec::new(), sources: Vec::new(), window: 60 }
}

fn set_markers(behaviours: &mut Behaviours, markers: Vec<Marker>) -> Vec<RefusedMarker> {
    let (scopes, refused) = Scopes::compile(&Markers(markers));
    behaviours.set_scopes(scopes);
    refused
}

/// Which markers count requests, and how often, by requests as path, status, source and application.
fn counts(markers: Vec<Marker>, requests: &[(&str, u16, &str, i64)]) -> BTreeMap<u64, u64> {
    let mut behaviours = Behaviours::new(&Division::of(0));
    assert_eq!(set_markers(&mut behaviours, markers), []);
    for (uri, status, ip, app) in requests {
        let (uri, remote_addr) = (uri.as_bytes(), ip.as_bytes());
        let record = Record { uri, remote_addr, status: *status, app: *app, host: b"a.example", ..Record::EMPTY };
        behaviours.count(&Hashing::new(&[2; 16]), &record, 10);
    }
    let mut telling = behaviours.begin();
    while behaviours.go_on(&mut telling, usize::MAX, Clocks::default()) {}
    telling.increments.into_iter().fold(BTreeMap::new(), |mut counts, told| {
        *counts.entry(told.counter).or_default() += told.count;
        counts
    })
}

fn refusals(markers: Vec<Marker>) -> Vec<String> {
    let mut behaviours = Behaviours::new(&Division::of(0));
    set_markers(&mut behaviours, markers).iter().map(ToString::to_string).collect()
}

#[test]
fn without_markers_nothing_is_counted() {
    assert_eq!(counts(Vec::new(), &[("/login", 404, "192.0.2.7", -1)]), BTreeMap::new());
}

#[test]
fn each_kind_counts_what_it_is_about() {
    let markers = vec![
        marker(1, Behaviour::Brute, Some("/login")),
        marker(2, Behaviour::Dirbust, None),
        marker(3, Behaviour::Bola, Some("/user/*")),
    ];
    let requests = [
        ("/login?x=1", 200, "192.0.2.7", -1),
        ("/log%69n", 404, "192.0.2.7", -1),
        ("/user/7", 200, "192.0.2.7", -1),
        ("/other", 200, "192.0.2.7", -1),
    ];
    assert_eq!(counts(markers, &requests), BTreeMap::from([(1, 2), (2, 1), (3, 1)]));
}

#[test]
fn only_the_most_special_uri_counts_a_request() {
    let markers = vec![
        marker(1, Behaviour::Brute, None),
        marker(2, Behaviour::Brute, Some("/api/**")),
        marker(3, Behaviour::Brute, Some("/api/login")),
        marker(4, Behaviour::Dirbust, None),
    ];
    let request = |uri| (uri, 404, "192.0.2.7", -1);
    let requests = [request("/api/login"), request("/api/x"), request("/"), request("/y")];
    assert_eq!(counts(markers, &requests), BTreeMap::from([(1, 2), (2, 1), (3, 1), (4, 4)]));
}

#[test]
fn markers_with_the_same_uri_both_count_and_filters_come_first() {
    let markers = vec![
        Marker { window: 3600, ..marker(1, Behaviour::Brute, Some("/login")) },
        marker(2, Behaviour::Brute, Some("/login")),
        Marker { apps: vec![5, 6], ..marker(3, Behaviour::Brute, Some("/login")) },
        Marker { sources: vec!["198.51.100.0/24".to_owned()], ..marker(4, Behaviour::Brute, Some("/login")) },
        Marker { sources: vec!["2001:db8::/32".to_owned()], ..marker(5, Behaviour::Dirbust, Some("/a")) },
        marker(6, Behaviour::Dirbust, None),
    ];
    let requests = [
        ("/login", 200, "192.0.2.7", 6),
        ("/login", 200, "::ffff:198.51.100.9", -1),
        ("/a", 404, "192.0.2.7", -1),
        ("/a", 404, "2001:db8::1", -1),
    ];
    assert_eq!(counts(markers, &requests), BTreeMap::from([(1, 2), (2, 2), (3, 1), (4, 1), (5, 1), (6, 1)]));
}

#[test]
fn clients_of_a_unix_socket_are_not_counted_as_one() {
    let requests = [("/", 200, "0.0.0.0", -1), ("/", 200, "unix:", -1)];
    assert_eq!(counts(vec![marker(1, Behaviour::Brute, None)], &requests), BTreeMap::new());
}

#[test]
fn a_marker_that_cannot_be_used_is_refused_alone() {
    let markers = vec![
        marker(1, Behaviour::Brute, Some("/{{(}}")),
        Marker { kind: None, ..marker(2, Behaviour::Brute, None) },
        Marker { window: 0, ..marker(3, Behaviour::Brute, None) },
        marker(4, Behaviour::Bola, Some("/user")),
        Marker { sources: vec!["nowhere".to_owned()], ..marker(5, Behaviour::Brute, None) },
        marker(6, Behaviour::Brute, None),
        marker(6, Behaviour::Dirbust, None),
        Marker { apps: vec![0; 300], ..marker(7, Behaviour::Brute, None) },
    ];
    let expected = [
        r#"marker 1 is not counted: its regular expression "{{(}}" cannot be used: unclosed group"#,
        "marker 2 is not counted: this node does not know its kind",
        "marker 3 is not counted: its window must be 1 to 4294967295 seconds",
        "marker 4 is not counted: its URI must have exactly one variable part, as bola counts requests for objects",
        "marker 5 is not counted: its source \"nowhere\" is no address and no network, such as 203.0.113.7, \
         203.0.113.0/24 or 2001:db8::/32",
        "marker 6 is not counted: another one has its id",
        "marker 7 is not counted: it has more than 256 applications or sources",
    ];
    assert_eq!(refusals(markers), expected);
}

#[test]
fn what_makes_requests_wait_is_limited() {
    let regexes = (0..70).map(|id| marker(id, Behaviour::Brute, Some("/{{a}}"))).collect();
    assert_eq!(refusals(regexes).len(), 6);
    let scopes = (0..300).map(|id| marker(id, Behaviour::Brute, Some("/a"))).collect();
    assert_eq!(refusals(scopes).len(), 44);
}

#[test]
fn windows_longer_than_requests_are_kept_are_named() {
    let mut behaviours = Behaviours::new(&Division::of(0));
    let long = Marker { window: 3600, ..marker(8, Behaviour::Brute, None) };
    set_markers(&mut behaviours, vec![long, marker(9, Behaviour::Brute, None)]);
    let named: Vec<String> = behaviours.longer_than(900).map(|marker| marker.to_string()).collect();
    assert_eq!(named, ["marker 8 is unreliable: its window of 3600 s is longer than requests are kept"]);
}

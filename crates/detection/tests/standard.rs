//! Inspections with the standard rules: what they find is named with its point, and ordinary requests are clean.

#![expect(clippy::expect_used, reason = "a helper that fails is a failed test")]

mod inspections;

use std::sync::{Arc, LazyLock};

use detection::rules::standard_db;
use detection::{Attack, AttackSet, Inspection, Progress, Rules, Settings};
use inspections::Request;

static STANDARD: LazyLock<Arc<Rules>> = LazyLock::new(|| {
    let db = standard_db().expect("the standard rules");
    Arc::new(Rules::from_db(&db).expect("the standard rules"))
});

fn inspect(request: &Request) -> Inspection {
    let mut inspection = Inspection::new();
    inspection.begin(Arc::clone(&STANDARD), Settings { confirm: true, ..Settings::default() });
    request.feed(&mut inspection);
    inspection.body(&request.body);
    inspection.end();
    while inspection.step(4096) == Progress::More {}
    inspection
}

fn points_of(inspection: &Inspection, attack: Attack) -> Vec<String> {
    inspection.findings().filter(|found| found.attack == attack).map(|found| found.point.to_string()).collect()
}

#[test]
fn the_path_of_the_seed_page_is_path_traversal() {
    for target in ["/etc/passwd", "/%65tc/pass%77d"] {
        let inspection = inspect(&Request::get(target));
        assert!(inspection.attacks().contains(Attack::Ptrav), "{target}: {}", inspection.attacks());
        assert!(inspection.findings().all(|found| !found.stamps.is_empty()));
    }
}

#[test]
fn an_attack_is_found_under_layers_of_encoding() {
    // base64 of {"q":"../../../etc/passwd"}, in a field of a form, in JSON.
    let encoded = "eyJxIjoiLi4vLi4vLi4vZXRjL3Bhc3N3ZCJ9";
    let inspection = inspect(&Request::post("application/json", format!("{{\"form\":\"{encoded}\"}}")));
    assert_eq!(
        points_of(&inspection, Attack::Ptrav),
        [r#"["post","json_doc","hash","form","base64","json_doc","hash","q"]"#]
    );
}

#[test]
fn an_ordinary_request_is_clean() {
    let request = Request::get("/shop/items/list.json?q=red+shoes&page=2&name=O%27Brien&f[min]=3")
        .with("User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0")
        .with("Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8")
        .with("Cookie", "sid=0f8fad5bd9cb469fa16570867728950e; theme=dark");
    let inspection = inspect(&request);
    assert_eq!(inspection.attacks(), AttackSet::EMPTY, "{:?}", inspection.findings().collect::<Vec<_>>());
}

#[test]
fn a_response_is_watched_and_one_without_a_body_is_not() {
    let leak = b"root:x:0:0:root:/root:/bin/bash\ndaemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin\n";
    let mut inspection = inspect(&Request::get("/"));
    inspection.response(304, leak);
    assert_eq!(inspection.attacks(), AttackSet::EMPTY);
    inspection.response(200, b"<html>nothing to see</html>");
    assert_eq!(inspection.attacks(), AttackSet::EMPTY);
    inspection.response(200, leak);
    assert_eq!(points_of(&inspection, Attack::Infoleak), [r#"["response"]"#]);
}

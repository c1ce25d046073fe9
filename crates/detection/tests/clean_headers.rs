//! Headers that an inspection found clean are not examined again, and nothing hides behind that.

#![expect(clippy::expect_used, reason = "a test that fails says so")]

mod inspections;

use std::sync::Arc;

use detection::{AttackSet, Inspection, Progress, Rules, Settings};
use inspections::{Request, Seen};

const CLEAN: &str = "text/html;q=0.9, */*";
const ATTACK: &str = "text/html'; drop table users--";

/// Inspects a request in an inspection that may have done others before.
fn inspect(
    inspection: &mut Inspection,
    rules: &Arc<Rules>,
    settings: Settings,
    request: &Request,
) -> (AttackSet, Seen) {
    let mut seen = Seen::default();
    inspection.begin(Arc::clone(rules), settings);
    request.feed(inspection);
    inspection.end();
    while inspection.step_observed(64, &mut seen) == Progress::More {}
    (inspection.attacks(), seen)
}

fn standard() -> Arc<Rules> {
    Arc::new(Rules::standard().expect("the standard rules compile"))
}

fn settings() -> Settings {
    Settings { confirm: true, ..Settings::default() }
}

#[test]
fn a_clean_header_is_examined_once() {
    let (mut inspection, rules) = (Inspection::new(), standard());
    let request = Request::get("/").with("Accept", CLEAN);
    assert!(inspect(&mut inspection, &rules, settings(), &request).1.has_value(CLEAN.as_bytes()));
    assert!(!inspect(&mut inspection, &rules, settings(), &request).1.has_value(CLEAN.as_bytes()));
}

#[test]
fn a_header_with_an_attack_is_found_each_time() {
    let (mut inspection, rules) = (Inspection::new(), standard());
    for _ in 0..3 {
        let (attacks, _) = inspect(&mut inspection, &rules, settings(), &Request::get("/").with("Accept", ATTACK));
        assert_eq!(attacks.to_string(), "sqli");
    }
}

#[test]
fn the_same_value_under_another_name_and_twice_under_its_own_is_examined() {
    let (mut inspection, rules) = (Inspection::new(), standard());
    inspect(&mut inspection, &rules, settings(), &Request::get("/").with("Accept", CLEAN));
    for request in
        [Request::get("/").with("X-Accept", CLEAN), Request::get("/").with("Accept", CLEAN).with("accept", CLEAN)]
    {
        assert!(inspect(&mut inspection, &rules, settings(), &request).1.has_value(CLEAN.as_bytes()));
    }
}

#[test]
fn new_rules_and_new_settings_see_every_header_again() {
    let (mut inspection, rules) = (Inspection::new(), standard());
    let request = Request::get("/").with("Accept", CLEAN);
    inspect(&mut inspection, &rules, settings(), &request);
    assert!(inspect(&mut inspection, &standard(), settings(), &request).1.has_value(CLEAN.as_bytes()));
    let unconfirmed = Settings { confirm: false, ..settings() };
    assert!(inspect(&mut inspection, &rules, unconfirmed, &request).1.has_value(CLEAN.as_bytes()));
}

#[test]
fn cookies_are_examined_each_time() {
    let (mut inspection, rules) = (Inspection::new(), standard());
    let request = Request::get("/").with("Cookie", "theme=dark;lang=en");
    for _ in 0..2 {
        assert!(inspect(&mut inspection, &rules, settings(), &request).1.has_value(b"dark"));
    }
}

//! An inspection that has seen a request like it before does not allocate for the next one.

mod inspections;

use detection::{Inspection, Progress, Settings};
use inspections::{Request, rules};

/// The allocations of one request in an inspection that has done two before.
fn allocations(request: &Request) -> u64 {
    let rules = rules();
    let mut inspection = Inspection::new();
    let mut inspect = || {
        inspection.begin(rules.clone(), Settings::default());
        request.feed(&mut inspection);
        inspection.body(&request.body);
        inspection.end();
        while inspection.step(64) == Progress::More {}
    };
    inspect();
    inspect();
    allocation_counter::measure(inspect).count_total
}

fn browser(request: Request) -> Request {
    request
        .with("Host", "shop.example")
        .with("User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0")
        .with("Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8")
        .with("Accept-Language", "de,en-US;q=0.7,en;q=0.3")
        .with("Accept-Encoding", "gzip, deflate, br")
        .with("Referer", "https://shop.example/list?page=2&sort=up")
        .with("Cookie", "sid=0f8fad5bd9cb469fa16570867728950e; theme=dark; cart=%7B%22a%22%3A1%7D")
}

#[test]
fn a_get_allocates_nothing() {
    let request = browser(Request::get("/shop/items/list.json?q=red+shoes&page=2&sort=up&f[min]=3&f[max]=%39"));
    assert_eq!(allocations(&request), 0);
}

#[test]
fn a_form_allocates_nothing() {
    let body = "name=O%27Brien&text=a+few+words&text=more&id[]=1&id[]=2&json=%7B%22a%22%3A%5B1%5D%7D&b=aW1hZ2VzLw==";
    assert_eq!(allocations(&browser(Request::post("application/x-www-form-urlencoded", body))), 0);
}

#[test]
fn a_json_body_allocates_nothing() {
    let body = r#"{"user":{"name":"O\u0027Brien","ids":[1,2,3]},"text":"a few words"}"#;
    assert_eq!(allocations(&browser(Request::post("application/json", body))), 0);
}

#[test]
fn the_first_request_does_allocate() {
    assert_eq!(allocation_counter::measure(|| Inspection::new().body(b"body")).count_total, 1);
}

//! Prints what the inspection of ordinary requests costs: without rules, which is the cost of taking them apart, and with the
//! standard ones. An argument chooses the requests whose name contains it.
//!
//! ```bash
//! cargo run --release -p detection --example request_cost [-- GET]
//! ```

#![expect(clippy::print_stdout, reason = "it is there to print")]

use std::error::Error;
use std::sync::Arc;
use std::time::Instant;

use detection::rules::{Sources, compile, standard_db};
use detection::{Inspection, Progress, Rules, Settings};

/// A request: target, further headers and body.
struct Request {
    name: &'static str,
    target: &'static str,
    headers: &'static [(&'static str, &'static str)],
    body: Vec<u8>,
}

const BROWSER: &[(&str, &str)] = &[
    ("Host", "shop.example"),
    ("User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"),
    ("Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"),
    ("Accept-Language", "de,en-US;q=0.7,en;q=0.3"),
    ("Accept-Encoding", "gzip, deflate, br"),
    ("Referer", "https://shop.example/list?page=2&sort=up"),
    ("Cookie", "sid=0f8fad5bd9cb469fa16570867728950e; theme=dark"),
];

fn requests() -> Vec<Request> {
    let form: Vec<u8> =
        (0..20).flat_map(|n| format!("field{n}=an+ordinary+value%2C+number+{n}+of+many&").into_bytes()).collect();
    let item =
        r#"{"id":1834,"name":"Red shoes","tags":["new","sale"],"price":59.9,"text":"Comfortable, and \"light\"."},"#;
    let json = format!("{{\"items\":[{}null]}}", item.repeat(10_000 / item.len())).into_bytes();
    let upload: Vec<u8> = (0..1u32 << 18).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
    let request = |name, headers, body| Request { name, target: "/shop/items/add", headers, body };
    vec![
        Request {
            name: "GET, 5 arguments",
            target: "/shop/items/list.html?q=red+shoes&page=2&sort=up&color=dark%20red&session=a81bc81bdead4e5dabff90865d1e13b1",
            headers: BROWSER,
            body: Vec::new(),
        },
        request("POST, form of 1 KB", &[("Content-Type", "application/x-www-form-urlencoded")], form),
        request("POST, JSON of 10 KB", &[("Content-Type", "application/json")], json),
        request("POST, 1 MB of random bytes", &[("Content-Type", "application/octet-stream")], upload),
    ]
}

/// Microseconds that one inspection takes: the best of several runs, as others may use the machine too.
fn cost(request: &Request, rules: &Arc<Rules>) -> f64 {
    let mut inspection = Inspection::new();
    let rounds = if request.body.len() > 100_000 { 5 } else { 2000 };
    let run = |inspection: &mut Inspection| {
        inspection.begin(Arc::clone(rules), Settings { confirm: true, ..Settings::default() });
        inspection.request_line(b"GET", request.target.as_bytes(), b"HTTP/1.1");
        for (name, value) in request.headers {
            inspection.header(name.as_bytes(), value.as_bytes());
        }
        inspection.body(&request.body);
        inspection.end();
        while inspection.step(usize::MAX) == Progress::More {}
    };
    run(&mut inspection);
    let one = |inspection: &mut Inspection| {
        let start = Instant::now();
        (0..rounds).for_each(|_| run(inspection));
        start.elapsed().as_secs_f64() * 1e6 / f64::from(rounds)
    };
    (0..7).map(|_| one(&mut inspection)).fold(f64::INFINITY, f64::min)
}

fn main() -> Result<(), Box<dyn Error>> {
    let none = Arc::new(Rules::from_db(&compile(&Sources::default())?)?);
    let standard = Arc::new(Rules::from_db(&standard_db()?)?);
    println!("{:28} {:>12} {:>12}", "microseconds", "no rules", "standard");
    let chosen = std::env::args().nth(1).unwrap_or_default();
    for request in requests().iter().filter(|request| request.name.contains(&chosen)) {
        println!("{:28} {:12.1} {:12.1}", request.name, cost(request, &none), cost(request, &standard));
    }
    Ok(())
}

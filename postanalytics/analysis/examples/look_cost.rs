//! Prints what a look at a record costs: at a clean one, without counting scopes and with some, and at one with an attack, which is sent
//! or sampled out.
//!
//! ```bash
//! cargo run --release -p analysis --example look_cost
//! ```

#![expect(clippy::print_stdout, reason = "it is there to print")]

use std::hint::black_box;
use std::time::Instant;

use analysis::{Analysis, Config, Limits, Moment, UnixMillis};
use attacks::Attack;
use cloud_api::behaviour::Behaviour;
use cloud_api::markers::{Marker, Markers};
use iproto::msgpack::Writer;

/// Records that are looked at one after the other: few enough for the processor's cache, as those that just came in are.
const RECORDS: u32 = 500;

const HEADERS: &[(&str, &str)] = &[
    ("Host", "shop.example"),
    ("User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"),
    ("Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"),
    ("Accept-Language", "de,en-US;q=0.7,en;q=0.3"),
    ("Accept-Encoding", "gzip, deflate, br"),
    ("Referer", "https://shop.example/list?page=2&sort=up"),
    ("Cookie", "sid=0f8fad5bd9cb469fa16570867728950e; theme=dark"),
];

/// The record of a request, with its fields in the order in which the module writes them.
fn record(attack: Option<Attack>, uri: &str, source: u32) -> Vec<u8> {
    let mut out = Vec::new();
    let text = |writer: &mut Writer<'_>, name: &str, value: &str| _ = writer.str(name.as_bytes()).str(value.as_bytes());
    let number = |writer: &mut Writer<'_>, name: &str, value: u64| _ = writer.str(name.as_bytes()).uint(value);
    let writer = &mut Writer::new(&mut out);
    writer.map(29);
    text(writer, "request_id", "0123456789abcdef0123456789abcdef");
    number(writer, "time", 1_700_000_000);
    number(writer, "time_us", 42);
    text(writer, "node_uuid", "8f9a2b7e-6a0f-4f6e-9a3e-6f1f0c9f7a11");
    writer.str(b"app_id").int(-1);
    text(writer, "remote_addr", &std::net::Ipv4Addr::from_bits(source).to_string());
    number(writer, "remote_port", 40_000);
    text(writer, "server_addr", "198.51.100.1");
    number(writer, "server_port", 443);
    ["scheme", "proto", "method"]
        .iter()
        .zip(["https", "HTTP/1.1", "GET"])
        .for_each(|(name, value)| text(writer, name, value));
    text(writer, "uri", uri);
    text(writer, "host", "shop.example");
    headers(writer, "headers", HEADERS);
    text(writer, "body", "");
    writer.str(b"body_truncated").bool(false);
    number(writer, "status", 200);
    headers(writer, "response_headers", &[("Content-Type", "text/html"), ("Server", "nginx")]);
    number(writer, "response_size", 5120);
    number(writer, "response_time_ms", 12);
    writer.str(b"attacks").array(attack.iter().count() as u32);
    if let Some(attack) = attack {
        writer.map(4).str(b"type").str(attack.code().as_bytes()).str(b"point").array(2).str(b"query").str(b"q");
        writer.str(b"value").str(b"1' union select password from users -- ").str(b"stamps").array(2).uint(3).uint(900);
    }
    number(writer, "attack_type", attack.map_or(0, |attack| attack as u64));
    text(writer, "mode", "monitoring");
    writer.str(b"blocked").bool(false);
    ["db_id", "custom_ruleset_id", "cpu_us", "mono_us"].iter().for_each(|name| number(writer, name, 31));
    out
}

fn headers(writer: &mut Writer<'_>, name: &str, headers: &[(&str, &str)]) {
    writer.str(name.as_bytes()).array(headers.len() as u32);
    for (name, value) in headers {
        writer.array(2).str(name.as_bytes()).str(value.as_bytes());
    }
}

fn markers(count: u64) -> Markers {
    let uri = |id| format!("/area{id}/**");
    let marker = |id| Marker {
        id,
        kind: Some(Behaviour::Brute),
        uri: Some(uri(id)),
        apps: Vec::new(),
        sources: Vec::new(),
        window: 60,
    };
    Markers((0..count).map(marker).collect())
}

/// Nanoseconds of one look: the best of several runs, as others may use the machine too.
fn cost(markers: &Markers, records: &[Vec<u8>]) -> f64 {
    let mut analysis = Analysis::new(Config { budget: 64 << 20, key: [7; 16], limits: Limits::default() });
    analysis.set_markers(markers);
    let mut millis = 0;
    let mut run = || {
        let start = Instant::now();
        for record in records {
            // Five a second: never a large share of attacks.
            millis += 200;
            let wall = UnixMillis(1_700_000_000_000 + millis);
            analysis.look(record, Moment(millis), wall, &mut |hit| _ = black_box(hit.json.len()));
        }
        start.elapsed().as_secs_f64() * 1e9 / records.len() as f64
    };
    (0..300).map(|_| run()).fold(f64::INFINITY, f64::min)
}

fn main() {
    let many = |attack, uri: &'static str| (0..RECORDS).map(move |source| record(attack, uri, 0x0a00_0000 + source));
    let clean: Vec<_> = many(None, "/shop/items/list.html?q=red+shoes&page=2").collect();
    let counted: Vec<_> = many(None, "/area7/login").collect();
    let attacks: Vec<_> = many(Some(Attack::Sqli), "/shop/items/list.html?q=1").collect();
    let bombs: Vec<_> = (0..RECORDS).map(|_| record(Some(Attack::DataBomb), "/shop", 0x0a00_0000)).collect();
    println!("{:44} {:>6}", format!("nanoseconds, records of {} bytes", clean.first().map_or(0, Vec::len)), "");
    for (name, scopes, records) in [
        ("clean, nothing is counted", 0, &clean),
        ("clean, 10 scopes that do not hold it", 10, &clean),
        ("clean, 100 scopes that do not hold it", 100, &clean),
        ("clean, counted in one of 10 scopes", 10, &counted),
        ("attack, sent", 0, &attacks),
        ("attack, sampled out", 0, &bombs),
    ] {
        println!("{name:44} {:6.0}", cost(&markers(scopes), records));
    }
}

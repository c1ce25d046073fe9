//! How long the scan of one value takes: `cargo run --release -p detection --example scan_speed`.

use std::hint::black_box;
use std::time::Instant;

use detection::rules::Rules;
use detection::scan::{Matches, Place};

/// Names for the values, and the values.
fn values() -> Vec<(&'static str, Vec<u8>)> {
    let prose =
        "The order from last week has not come yet, and I'd like to know where it is; please call me or write a mail. ";
    vec![
        ("a number", b"48213".to_vec()),
        ("a word", b"blue-green".to_vec()),
        ("a UUID", b"550e8400-e29b-41d4-a716-446655440000".to_vec()),
        ("two words", b"New York".to_vec()),
        ("a date", b"2026-11-22T19:30:00Z".to_vec()),
        ("an e-mail address", b"jane.doe@example.com".to_vec()),
        ("a name with a quote", b"Conan O'Brien".to_vec()),
        ("a link", b"https://www.example.com/shop/items?page=2&sort=price".to_vec()),
        ("a sentence", prose.as_bytes().to_vec()),
        ("1 KB of prose", prose.repeat(10).into_bytes()),
        ("10 KB of prose", prose.repeat(93).into_bytes()),
        ("1 MB of prose", prose.repeat(9500).into_bytes()),
        ("10 KB of HTML", "<p class=\"a\">Hello <b>world</b>, 1 &lt; 2</p>\n".repeat(220).into_bytes()),
        ("10 KB of quotes", "' or ".repeat(2000).into_bytes()),
        ("100 KB of open tags", "<a ".repeat(33_000).into_bytes()),
        ("100 KB of semicolons", ";cat ".repeat(20_000).into_bytes()),
        ("100 KB of braces", "{{${<% ".repeat(14_000).into_bytes()),
        ("an injection", b"1' or '1'='1".to_vec()),
        ("a script", b"<script>alert(1)</script>".to_vec()),
    ]
}

#[expect(clippy::print_stdout, reason = "an example shows its figures")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let start = Instant::now();
    let rules = Rules::standard()?;
    println!("rules compiled and loaded in {:.0?}", start.elapsed());
    let mut found = Matches::new();
    for (name, value) in values() {
        let rounds = (20_000_000 / (value.len() + 100)).max(3);
        let start = Instant::now();
        for _ in 0..rounds {
            found.clear();
            rules.scan(black_box(&value), Place::QueryValue, true, &mut found);
        }
        let each = start.elapsed().as_secs_f64() * 1e9 / f64::from(u32::try_from(rounds)?);
        println!(
            "{name:24} {:>8} bytes {each:>14.0} ns {:>8.2} ns/byte  {}",
            value.len(),
            each / value.len() as f64,
            found.attacks()
        );
    }
    Ok(())
}

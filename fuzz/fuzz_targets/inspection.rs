//! A whole request, inspected at once and in the smallest steps: both examine the same values.
#![no_main]

use std::fmt::Display;

use detection::{Inspection, Observer, Place, Progress, Settings};
use fuzz::{rules, small_limits, sum};
use libfuzzer_sys::fuzz_target;

const CONTENT_TYPES: [&[u8]; 6] = [
    b"",
    b"application/x-www-form-urlencoded",
    b"multipart/form-data; boundary=b",
    b"application/json",
    b"text/xml",
    b"application/grpc",
];

/// A sum over all values and the places they stand at, in their order.
#[derive(Default, PartialEq, Eq, Debug)]
struct Sum(u64);

impl Observer for Sum {
    fn value(&mut self, point: &dyn Display, place: Place, value: &[u8]) {
        self.0 = sum(self.0, &point.to_string(), place, value);
    }
}

fn inspect(head: &[u8], header: &[u8], body: &[u8], choice: u8, budget: usize) -> (Sum, Progress) {
    let mut inspection = Inspection::new();
    inspection.begin(rules(), Settings { limits: small_limits(), ..Settings::default() });
    inspection.request_line(b"POST", head, b"HTTP/1.1");
    inspection.header(b"Content-Type", CONTENT_TYPES[usize::from(choice) % CONTENT_TYPES.len()]);
    inspection.header(b"Cookie", header);
    inspection.header(b"X-Any", header);
    if choice & 0x80 != 0 {
        inspection.header(b"Content-Encoding", b"deflate");
    }
    for chunk in body.chunks(budget.clamp(1, 1000)) {
        inspection.body(chunk);
    }
    inspection.end();
    let mut sum = Sum::default();
    loop {
        match inspection.step_observed(budget, &mut sum) {
            Progress::More => {}
            progress => return (sum, progress),
        }
    }
}

fuzz_target!(|data: &[u8]| {
    let Some((choice, rest)) = data.split_first() else { return };
    let mut parts = rest.splitn(3, |byte| *byte == b'\n');
    let (head, header, body) = (parts.next(), parts.next(), parts.next());
    let [head, header, body] = [head, header, body].map(Option::unwrap_or_default);
    let whole = inspect(head, header, body, *choice, usize::MAX);
    assert_eq!(whole, inspect(head, header, body, *choice, 1));
});

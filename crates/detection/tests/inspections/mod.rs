//! What the tests of inspections share.

#![allow(dead_code, reason = "each test file uses a part of it")]
#![expect(clippy::expect_used, reason = "a helper that fails is a failed test")]

use std::fmt::{Display, Write as _};
use std::sync::Arc;

use detection::rules::{Sources, compile};
use detection::{Inspection, Observer, Place, Progress, Rules, Settings};

/// A request to be inspected.
#[derive(Clone, Debug)]
pub struct Request {
    pub target: Vec<u8>,
    pub headers: Vec<(Vec<u8>, Vec<u8>)>,
    pub body: Vec<u8>,
}

impl Request {
    pub fn get(target: &str) -> Self {
        Self { target: target.into(), headers: Vec::new(), body: Vec::new() }
    }

    pub fn post(content_type: &str, body: impl AsRef<[u8]>) -> Self {
        Self { body: body.as_ref().to_vec(), ..Self::get("/") }.with("Content-Type", content_type)
    }

    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    pub fn feed(&self, inspection: &mut Inspection) {
        inspection.request_line(b"GET", &self.target, b"HTTP/1.1");
        for (name, value) in &self.headers {
            inspection.header(name, value);
        }
    }
}

/// Every value that was scanned, as `point value`, in order.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Seen {
    pub values: Vec<(String, Place, Vec<u8>)>,
}

impl Observer for Seen {
    fn value(&mut self, point: &dyn Display, place: Place, value: &[u8]) {
        let mut text = String::new();
        let _ = write!(text, "{point}");
        self.values.push((text, place, value.to_vec()));
    }
}

impl Seen {
    /// Whether a value with these bytes was examined at this point.
    pub fn has(&self, point: &str, value: &[u8]) -> bool {
        self.values.iter().any(|(at, _, bytes)| at == point && bytes == value)
    }

    pub fn has_value(&self, value: &[u8]) -> bool {
        self.values.iter().any(|(_, _, bytes)| bytes == value)
    }

    /// What was seen, to be read when a test fails.
    pub fn listing(&self) -> String {
        let line = |(point, place, bytes): &(String, Place, Vec<u8>)| {
            format!("{point} {place:?} {}\n", String::from_utf8_lossy(bytes))
        };
        self.values.iter().map(line).collect()
    }
}

/// Inspects a request in steps of `budget`, its body in pieces of `piece` bytes.
pub fn inspect_in(request: &Request, settings: Settings, budget: usize, piece: usize) -> (Inspection, Seen, Progress) {
    let mut inspection = Inspection::new();
    inspection.begin(rules(), settings);
    request.feed(&mut inspection);
    for chunk in request.body.chunks(piece) {
        inspection.body(chunk);
    }
    inspection.end();
    let mut seen = Seen::default();
    loop {
        let progress = inspection.step_observed(budget, &mut seen);
        if progress != Progress::More {
            return (inspection, seen, progress);
        }
    }
}

/// Inspects a request at once.
pub fn inspect(request: &Request) -> Seen {
    inspect_in(request, Settings::default(), usize::MAX, usize::MAX).1
}

pub fn rules() -> Arc<Rules> {
    let db = compile(&Sources::default()).expect("an empty rule set");
    Arc::new(Rules::from_db(&db).expect("an empty rule set"))
}

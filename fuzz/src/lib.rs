//! What the fuzz targets of the decoders share: a request that carries the value, and what holds for every decoder.

use std::fmt::Display;
use std::sync::{Arc, LazyLock};

use detection::rules::{Sources, compile};
use detection::{Inspection, Limits, Observer, Parser, ParserSet, Place, Progress, Rules, Settings};

/// No rules: the targets watch which values are examined, not what is found in them.
static RULES: LazyLock<Arc<Rules>> = LazyLock::new(|| {
    let db = compile(&Sources::default()).expect("an empty rule set");
    Arc::new(Rules::from_db(&db).expect("an empty rule set"))
});

/// The rules that all targets inspect with.
#[must_use]
pub fn rules() -> Arc<Rules> {
    Arc::clone(&RULES)
}

/// Limits that a small input reaches.
#[must_use]
pub fn small_limits() -> Limits {
    Limits { structured: 32 * 1024, decompressed: 4 << 20, ratio_from: 1 << 20, values: 2000, ..Limits::default() }
}

/// Where in the request the value stands.
#[derive(Clone, Copy, Debug)]
pub enum Carrier {
    /// The value of the header with this name.
    Header(&'static str),
    /// The query.
    Query,
    /// The body, of this `Content-Type`.
    Body(&'static str),
    /// The body, with this `Content-Encoding`.
    Encoded(&'static str),
}

impl Carrier {
    /// What the points of the value begin with.
    fn point(self) -> String {
        match self {
            Self::Header(name) => format!("[\"header\",\"{}\"", name.to_ascii_uppercase()),
            Self::Query => "[\"query\"".to_owned(),
            Self::Body(_) | Self::Encoded(_) => "[\"post\"".to_owned(),
        }
    }
}

/// A decoder on trial: requests whose value it is shown, while the others are off.
#[derive(Clone, Copy, Debug)]
pub struct Trial {
    /// The parsers that are on.
    pub parsers: &'static [Parser],
    /// Where the value stands.
    pub carrier: Carrier,
}

/// What an inspection saw of the value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// The length of the longest value, in bytes.
    pub longest: usize,
    /// How many values there were.
    pub values: usize,
    /// A sum over all of them, their points and places, in their order.
    sum: u64,
    progress: Option<Progress>,
}

/// Watches what stands at and below the point of the carrier.
struct Watch {
    below: String,
    seen: Seen,
}

impl Observer for Watch {
    fn value(&mut self, point: &dyn Display, place: Place, value: &[u8]) {
        let point = point.to_string();
        self.seen.sum = sum(self.seen.sum, &point, place, value);
        if point.starts_with(&self.below) {
            self.seen.values += 1;
            self.seen.longest = self.seen.longest.max(value.len());
        }
    }
}

/// A sum that goes on from `before` over one value, its point and its place.
#[must_use]
pub fn sum(before: u64, point: &str, place: Place, value: &[u8]) -> u64 {
    let bytes = point.bytes().chain([place as u8]).chain(value.iter().copied());
    bytes.fold(before, |sum, byte| sum.wrapping_mul(0x100_0000_01b3) ^ u64::from(byte))
}

/// Looks out for one value.
struct Lookout<'a> {
    point: &'a str,
    value: &'a [u8],
    found: bool,
}

impl Observer for Lookout<'_> {
    fn value(&mut self, point: &dyn Display, _place: Place, value: &[u8]) {
        self.found |= value == self.value && point.to_string() == self.point;
    }
}

impl Trial {
    /// Examines any bytes, at once and in the smallest steps, and asserts what holds for every decoder: both ways show the same
    /// values, and the memory held is bounded by the limits and by what was sent.
    pub fn examine(&self, value: &[u8]) -> Seen {
        let whole = self.watch(value, usize::MAX);
        assert_eq!(whole, self.watch(value, 1), "at once, and in steps");
        whole
    }

    /// Asserts that `part` is examined, at `point`, when `sent` is the value.
    pub fn assert_sees(&self, sent: &[u8], point: &str, part: &[u8]) {
        // Nothing is left of an empty value that could be examined.
        if part.is_empty() {
            return;
        }
        let mut lookout = Lookout { point, value: part, found: false };
        self.inspect(sent, usize::MAX, &mut lookout);
        let show = String::from_utf8_lossy;
        assert!(lookout.found, "no {point} = {:?} in {:?}", show(part), show(sent));
    }

    fn watch(&self, value: &[u8], budget: usize) -> Seen {
        let mut watch = Watch { below: self.carrier.point(), seen: Seen::default() };
        watch.seen.progress = Some(self.inspect(value, budget, &mut watch));
        watch.seen
    }

    fn inspect(&self, value: &[u8], budget: usize, observer: &mut dyn Observer) -> Progress {
        let mut parsers = ParserSet::EMPTY;
        self.parsers.iter().for_each(|parser| parsers.insert(*parser));
        let mut inspection = Inspection::new();
        inspection.begin(rules(), Settings { parsers, limits: small_limits(), ..Settings::default() });
        let target = match self.carrier {
            Carrier::Query => [b"/?", value].concat(),
            _ => b"/".to_vec(),
        };
        inspection.request_line(b"POST", &target, b"HTTP/1.1");
        match self.carrier {
            Carrier::Header(name) => inspection.header(name.as_bytes(), value),
            Carrier::Query => {}
            Carrier::Body(media_type) => inspection.header(b"Content-Type", media_type.as_bytes()),
            Carrier::Encoded(coding) => inspection.header(b"Content-Encoding", coding.as_bytes()),
        }
        if matches!(self.carrier, Carrier::Body(_) | Carrier::Encoded(_)) {
            for chunk in value.chunks(budget.clamp(13, 1 << 20)) {
                inspection.body(chunk);
                inspection.step_observed(budget, observer);
            }
        }
        inspection.end();
        loop {
            let progress = inspection.step_observed(budget, observer);
            let held = inspection.memory();
            assert!(held < (8 << 20) + 64 * value.len(), "{held} bytes held for {}", value.len());
            if progress != Progress::More {
                return progress;
            }
        }
    }
}

/// Printable ASCII, made of any bytes.
#[must_use]
pub fn printable(data: &[u8]) -> Vec<u8> {
    data.iter().map(|byte| b' ' + byte % 95).collect()
}

/// Text made of any bytes, behind a sign with which no structure begins.
#[must_use]
pub fn text(data: &[u8]) -> String {
    format!("={}", String::from_utf8_lossy(data))
}

/// Base64 as RFC 4648 §4 and, if `url_safe`, §5 have it, without padding.
#[must_use]
pub fn base64(data: &[u8], url_safe: bool) -> Vec<u8> {
    const DIGITS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let digit = |sextet: u32| match sextet & 63 {
        62 => b"+-"[usize::from(url_safe)],
        63 => b"/_"[usize::from(url_safe)],
        letter => DIGITS[letter as usize],
    };
    let mut encoded = Vec::new();
    for group in data.chunks(3) {
        let bits = (0..3).fold(0, |bits, at| bits << 8 | u32::from(group.get(at).copied().unwrap_or(0)));
        encoded.extend((0..=group.len() as u32).map(|at| digit(bits >> (18 - 6 * at))));
    }
    encoded
}

/// A number of seven bits a byte, the lowest first, as protobuf and .NET write it.
#[must_use]
pub fn varint(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

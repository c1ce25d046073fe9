//! The parts of a record that are lists: who has them writes them one by one, so that no list has to be made first.

use cloud_api::hit::BEFORE;
use iproto::msgpack::{Text, Writer};

use super::point::Point;
use super::{ATTACKS_LIMIT, BODY_LIMIT, HEADERS_LIMIT, TEXT_LIMIT, VALUE_LIMIT, cut};

/// A request that can tell its lists. Each method is called once a record; what it does not write is not there.
pub trait Parts {
    /// Headers of the request, as sent and in order.
    fn headers(&self, _headers: &mut Headers<'_, '_>) {}
    /// Body of the request, in order.
    fn body(&self, _body: &mut Body<'_, '_>) {}
    /// Headers of the response.
    fn response_headers(&self, _headers: &mut Headers<'_, '_>) {}
    /// Attacks that were found.
    fn attacks(&self, _attacks: &mut Attacks<'_, '_>) {}
    /// Tags that the configuration gives.
    fn tags(&self, _tags: &mut Tags<'_, '_>) {}
}

/// A request without any.
#[derive(Clone, Copy, Debug)]
pub struct NoParts;

impl Parts for NoParts {}

/// A text of a record that may hold a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part<'a> {
    /// The target.
    Uri,
    /// Value of the request header of this name.
    Header(&'a [u8]),
    /// The body, as much of it as is kept.
    Body,
    /// Value of the response header of this name.
    ResponseHeader(&'a [u8]),
    /// A value in which an attack was found.
    Value,
}

/// Hides secrets before a record leaves the worker.
///
/// Values are changed in place and keep their length: what follows them in the buffer stays where it is.
pub trait Masking {
    /// Overwrites what must not be seen of `value`.
    fn mask(&self, part: Part<'_>, value: &mut [u8]);
}

/// Hides nothing: no masking rule is loaded.
#[derive(Clone, Copy, Debug)]
pub struct NoMasking;

impl Masking for NoMasking {
    fn mask(&self, _part: Part<'_>, _value: &mut [u8]) {}
}

/// Takes headers: a list of pairs, because names may repeat and their order is a sign of who sent them.
pub struct Headers<'w, 'o> {
    writer: &'w mut Writer<'o>,
    masking: &'w dyn Masking,
    part: fn(&[u8]) -> Part<'_>,
    left: usize,
    count: u32,
    whole: bool,
}

impl<'w, 'o> Headers<'w, 'o> {
    pub(super) fn new(writer: &'w mut Writer<'o>, masking: &'w dyn Masking, part: fn(&[u8]) -> Part<'_>) -> Self {
        Self { writer, masking, part, left: HEADERS_LIMIT, count: 0, whole: true }
    }

    /// Adds a header. From the first one on that would exceed [`HEADERS_LIMIT`], none is kept.
    pub fn push(&mut self, name: &[u8], value: &[u8]) {
        let size = name.len().saturating_add(value.len());
        if !self.whole || size > self.left {
            self.whole = false;
            return;
        }
        self.left -= size;
        self.count += 1;
        self.writer.array(2).str(name).str_changed(value, |value| self.masking.mask((self.part)(name), value));
    }

    /// Whether all of them were kept.
    #[must_use]
    pub fn whole(&self) -> bool {
        self.whole
    }

    pub(super) fn count(&self) -> u32 {
        self.count
    }
}

/// Takes a body in pieces.
pub struct Body<'w, 'o> {
    text: &'w mut Text<'o>,
    left: usize,
    truncated: bool,
}

impl<'w, 'o> Body<'w, 'o> {
    pub(super) fn new(text: &'w mut Text<'o>) -> Self {
        Self { text, left: BODY_LIMIT, truncated: false }
    }

    /// Adds a piece, or as much of it as [`BODY_LIMIT`] leaves room for.
    pub fn push(&mut self, piece: &[u8]) {
        let kept = cut(piece, self.left);
        self.text.push(kept);
        self.left -= kept.len();
        self.truncated |= kept.len() < piece.len();
    }

    /// Says that pieces are missing, because they could not be had or would not be kept.
    pub fn cut_off(&mut self) {
        self.truncated = true;
    }

    /// Bytes that will still be kept.
    #[must_use]
    pub fn room(&self) -> usize {
        self.left
    }

    pub(super) fn truncated(&self) -> bool {
        self.truncated
    }
}

/// An attack that was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finding<'a> {
    /// Its code, such as `sqli`.
    pub kind: &'static str,
    /// The value in which it stood.
    pub value: &'a [u8],
    /// Where in it the sign of the attack begins.
    pub sign: usize,
    /// The signs by which it was found: ids of rules of `proton.db`.
    pub stamps: &'a [u32],
    /// The rule of the custom ruleset that found it, if one did.
    pub rule_id: Option<u64>,
    /// Whether that rule is on trial.
    pub experimental: bool,
}

impl<'a> Finding<'a> {
    /// The part of the value that is kept, and where the sign stands in it: a long value is kept from a little before the sign.
    fn shown(&self) -> (&'a [u8], usize) {
        let from = self.sign.saturating_sub(BEFORE).min(self.value.len().saturating_sub(VALUE_LIMIT));
        (cut(self.value.get(from..).unwrap_or_default(), VALUE_LIMIT), self.sign.min(self.value.len()) - from)
    }
}

/// Takes attacks.
pub struct Attacks<'w, 'o> {
    writer: &'w mut Writer<'o>,
    masking: &'w dyn Masking,
    count: u32,
}

impl<'w, 'o> Attacks<'w, 'o> {
    pub(super) fn new(writer: &'w mut Writer<'o>, masking: &'w dyn Masking) -> Self {
        Self { writer, masking, count: 0 }
    }

    /// Adds an attack at the point that `point` writes. Beyond [`ATTACKS_LIMIT`] none is kept.
    pub fn push(&mut self, finding: Finding<'_>, point: impl FnOnce(&mut Point<'_, '_>)) {
        if self.count == ATTACKS_LIMIT {
            return;
        }
        self.count += 1;
        self.writer.map_counted(|writer| {
            writer.str(b"type").str(finding.kind.as_bytes()).str(b"point").array_counted(|writer| {
                let mut steps = Point::new(writer);
                point(&mut steps);
                steps.count()
            });
            let (value, sign) = finding.shown();
            writer.str(b"value").str_changed(value, |value| self.masking.mask(Part::Value, value));
            writer.str(b"stamps").array(finding.stamps.len() as u32);
            for stamp in finding.stamps {
                writer.uint(u64::from(*stamp));
            }
            let mut fields = 4;
            if sign > 0 {
                writer.str(b"sign").uint(sign as u64);
                fields += 1;
            }
            if let Some(rule) = finding.rule_id {
                writer.str(b"rule_id").uint(rule);
                fields += 1;
            }
            if finding.experimental {
                writer.str(b"experimental").bool(true);
                fields += 1;
            }
            fields
        });
    }

    pub(super) fn count(&self) -> u32 {
        self.count
    }
}

/// Takes tags.
pub struct Tags<'w, 'o> {
    writer: &'w mut Writer<'o>,
    count: u32,
}

impl<'w, 'o> Tags<'w, 'o> {
    pub(super) fn new(writer: &'w mut Writer<'o>) -> Self {
        Self { writer, count: 0 }
    }

    /// Adds a tag. The configuration names them, so their number is the operator's.
    pub fn push(&mut self, name: &[u8], value: &[u8]) {
        self.count += 1;
        self.writer.str(cut(name, TEXT_LIMIT)).str(cut(value, TEXT_LIMIT));
    }

    pub(super) fn count(&self) -> u32 {
        self.count
    }
}

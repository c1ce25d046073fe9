//! The decoders: each makes new values of a value. One file is one decoder.
//!
//! A decoder of **text** turns one value into another, as `percent` does. A decoder of a **structure** takes a value apart: it
//! leaves a task on the stack of the walk which hands out one part after the other.

mod base64;
pub(crate) mod cookie;
pub(crate) mod fields;
pub(crate) mod form_urlencoded;
pub(crate) mod grpc;
pub(crate) mod gzip;
mod htmljs;
pub(crate) mod json_doc;
mod jwt;
pub(crate) mod multipart;
mod overlong;
pub(crate) mod percent;
pub(crate) mod protobuf;
pub(crate) mod viewstate;
pub(crate) mod xml;

use crate::limits::WINDOW;
use crate::look::Look;
use crate::parser::{Parser, ParserSet};
use crate::point::Tag;
use crate::scan::Place;
use crate::walk::{Value, Walk};

/// How a decoder works.
#[derive(Clone, Copy)]
pub(crate) enum Method {
    /// Writes the decoded value; false when there is nothing to decode, or when what came out cannot be meant.
    Text {
        /// The step it adds to the point; `None` for one that has no name there.
        tag: Option<Tag>,
        /// The decoder.
        decode: fn(&[u8], &mut Vec<u8>) -> bool,
    },
    /// Leaves tasks for the parts of the value, or none when it has not the structure.
    Structure {
        /// The decoder.
        open: fn(&mut Walk, Value),
    },
}

/// A decoder that is tried on any value.
pub(crate) struct Decoder {
    /// The parser that it belongs to; `None` when nothing switches it off.
    parser: Option<Parser>,
    /// Whether a value that it suits is not scanned as it is, since its parts are, and signs must not be combined across them.
    /// When the structure turns out to be broken, the decoder sees to it that the value is scanned after all.
    replaces_scan: fn(&Value, &[u8]) -> bool,
    /// The kinds of bytes of which a value must have one.
    needs: Look,
    /// A cheap test that most values fail. Of a long value it is shown the beginning only.
    suits: fn(Look, &[u8]) -> bool,
    pub(crate) method: Method,
}

/// Some of [`DECODERS`], by position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Candidates {
    bits: u16,
    /// Whether one of them replaces the scan of the value.
    pub(crate) replace_scan: bool,
}

impl Candidates {
    /// The decoders that these settings allow and that suit `value`, of whose bytes `beginning` is at hand.
    pub(crate) fn of(value: &Value, beginning: &[u8], parsers: ParserSet) -> Self {
        let look = Look::at(beginning);
        let is_text = !is_binary(value.place, beginning);
        let mut found = Self { bits: 0, replace_scan: false };
        for (at, decoder) in DECODERS.iter().enumerate() {
            let applies = look.has(decoder.needs)
                && decoder.method.applies(value, is_text)
                && decoder.parser.is_none_or(|parser| parsers.contains(parser))
                && (decoder.suits)(look, beginning);
            if applies {
                found.bits |= 1 << at;
                found.replace_scan |= (decoder.replaces_scan)(value, beginning);
            }
        }
        found
    }

    pub(crate) const fn is_empty(self) -> bool {
        self.bits == 0
    }

    /// Takes the first one out.
    pub(crate) fn pop(&mut self) -> Option<&'static Decoder> {
        let at = self.bits.trailing_zeros();
        self.bits &= self.bits.wrapping_sub(1);
        DECODERS.get(usize::try_from(at).ok()?)
    }
}

impl Method {
    /// Whether it is tried on this value. Windows are decoded as text; their long value, of which only the beginning is at hand,
    /// is taken apart.
    const fn applies(&self, value: &Value, is_text: bool) -> bool {
        match self {
            Self::Text { .. } => is_text && value.bytes.len() <= WINDOW,
            Self::Structure { .. } => !value.piece,
        }
    }
}

/// Every decoder that is tried on any value, in this order.
pub(crate) static DECODERS: &[Decoder] = &[
    percent::DECODER,
    htmljs::DECODER,
    overlong::DECODER,
    base64::DECODER,
    gzip::DECODER,
    json_doc::DECODER,
    xml::DECODER,
    jwt::DECODER,
    viewstate::DECODER,
];

/// Where the parts of a value at `place` stand.
pub(crate) const fn leaf_place(place: Place) -> Place {
    match place {
        Place::RawBody => Place::BodyValue,
        other => other,
    }
}

/// Whether the bytes of a file or of a body without a known structure are something other than text, such as an image. Escapes
/// would be found in them by chance, and by chance again in what these decode to. They are examined as they are, and taken
/// apart when they are compressed.
fn is_binary(place: Place, beginning: &[u8]) -> bool {
    const SAMPLE: usize = 4096;
    const CONTROLS: usize = SAMPLE / 32;
    if !matches!(place, Place::FileContent | Place::RawBody) || beginning.len() < SAMPLE {
        return false;
    }
    let is_control = |byte: &&u8| **byte < b' ' && !byte.is_ascii_whitespace();
    beginning.iter().take(SAMPLE).filter(is_control).count() > CONTROLS
}

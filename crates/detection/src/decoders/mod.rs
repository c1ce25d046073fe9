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
pub(crate) mod xml;

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
    pub(crate) replaces_scan: fn(&Value, &[u8]) -> bool,
    /// A cheap test that most values fail. Of a long value it is shown the beginning only.
    pub(crate) suits: fn(Look, &[u8]) -> bool,
    pub(crate) method: Method,
}

impl Decoder {
    /// Whether these settings let it work.
    pub(crate) fn is_on(&self, parsers: ParserSet) -> bool {
        self.parser.is_none_or(|parser| parsers.contains(parser))
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
];

/// Where the parts of a value at `place` stand.
pub(crate) const fn leaf_place(place: Place) -> Place {
    match place {
        Place::RawBody => Place::BodyValue,
        other => other,
    }
}

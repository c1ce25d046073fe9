//! Parameters in a query, and `application/x-www-form-urlencoded` bodies: pairs behind `&`, percent-encoded, `+` for a space.

use super::fields::{Fields, Kind};
use crate::point::{PointId, Tag};
use crate::scan::Place;
use crate::walk::{Value, Walk};

/// Leaves the parameters of the query in `value` to be examined.
pub(crate) fn open_query(walk: &mut Walk, value: Value) {
    let point = walk.points.tag(PointId::ROOT, Tag::Query);
    let fields = Fields::open(walk, Kind::Query, Value { point, ..value }, PointId::ROOT);
    fields.collect_pairs(walk, b'&', |_, slice| slice);
}

/// Leaves the parameters of the form in `body` to be examined.
pub(crate) fn open(walk: &mut Walk, body: Value) {
    let point = walk.points.tag(body.point, Tag::FormUrlencoded);
    let list = Value { place: Place::BodyValue, ..body.child(body.bytes, point) };
    let fields = Fields::open(walk, Kind::Form, list, body.point);
    fields.collect_pairs(walk, b'&', |_, slice| slice);
}

/// Bytes of a body that are looked at to tell whether it is a form.
const SAMPLE: usize = 1024;

/// Whether a body that nobody calls a form begins as one: with a name of ordinary characters, and `=` behind it.
pub(crate) fn looks_like_form(body: &[u8]) -> bool {
    let sample = body.get(..body.len().min(SAMPLE)).unwrap_or_default();
    let is_of_name = |byte: u8| {
        byte.is_ascii_alphanumeric()
            || matches!(byte, b'_' | b'-' | b'.' | b'+' | b'%' | b'[' | b']' | b'$' | b'*' | b'~')
    };
    let name = sample.iter().take_while(|byte| is_of_name(**byte)).count();
    let pair = sample.split(|byte| *byte == b'&').next().unwrap_or_default();
    name > 0 && sample.get(name) == Some(&b'=') && !pair.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0))
}

//! The cookies of a `Cookie` header: pairs behind `;` (RFC 6265 §4.2.1).

use super::fields::{Fields, Kind};
use crate::point::Tag;
use crate::values::Slice;
use crate::walk::{Value, Walk};

/// Leaves the cookies in `value` to be examined.
pub(crate) fn open(walk: &mut Walk, value: Value) {
    let list = value.bytes;
    let owner = value.point;
    let point = walk.points.tag(owner, Tag::Cookie);
    let fields = Fields::open(walk, Kind::Cookie, value.child(list, point), owner);
    fields.collect_pairs(walk, b';', trim);
}

/// Takes white space and one pair of quotes off.
fn trim(bytes: &[u8], slice: Slice) -> Slice {
    let start = bytes.iter().position(|byte| !byte.is_ascii_whitespace()).unwrap_or(bytes.len());
    let end = bytes.iter().rposition(|byte| !byte.is_ascii_whitespace()).map_or(start, |last| last + 1);
    match bytes.get(start..end) {
        Some([b'"', .., b'"']) => slice.part(start + 1, end - 1),
        _ => slice.part(start, end),
    }
}

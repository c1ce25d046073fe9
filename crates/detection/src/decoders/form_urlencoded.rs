//! Parameters in a query, and `application/x-www-form-urlencoded` bodies: pairs behind `&`, percent-encoded, `+` for a space.

use super::fields::{Fields, Kind};
use crate::point::{PointId, Tag};
use crate::walk::{Value, Walk};

/// Leaves the parameters of the query in `value` to be examined.
pub(crate) fn open_query(walk: &mut Walk, value: Value) {
    let point = walk.points.tag(PointId::ROOT, Tag::Query);
    let fields = Fields::open(walk, Kind::Query, Value { point, ..value }, PointId::ROOT);
    fields.collect_pairs(walk, b'&', |_, slice| slice);
}

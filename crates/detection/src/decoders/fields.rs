//! Lists of named values: parameters, cookies, headers, the parts of a form.
//!
//! All of a list is collected before its first value is examined, since the point of a value depends on whether its name comes
//! again further down.

use super::{multipart, percent};
use crate::look::Look;
use crate::parser::Parser;
use crate::point::{PointId, Step, Tag};
use crate::scan::Place;
use crate::values::Slice;
use crate::walk::{Task, Value, Walk};

/// What a list is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Query,
    Form,
    Cookie,
    Header,
    Multipart,
    PartHeader,
}

impl Kind {
    const fn tag(self) -> Tag {
        match self {
            Self::Query => Tag::Query,
            Self::Form => Tag::FormUrlencoded,
            Self::Cookie => Tag::Cookie,
            Self::Header | Self::PartHeader => Tag::Header,
            Self::Multipart => Tag::Multipart,
        }
    }

    /// Whether names and values are percent-encoded.
    fn is_encoded(self, walk: &Walk) -> bool {
        match self {
            Self::Query => walk.settings.parsers.contains(Parser::Percent),
            Self::Form => true,
            Self::Cookie | Self::Header | Self::Multipart | Self::PartHeader => false,
        }
    }

    /// Whether names say where in a structure the value belongs, as in `f[min]` and `id[]`.
    const fn has_brackets(self) -> bool {
        matches!(self, Self::Query | Self::Form | Self::Multipart)
    }
}

/// One named value of a list.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Field {
    /// The name, decoded.
    name: Slice,
    /// The value, as it was sent.
    value: Slice,
    /// The headers of the part that the value is, if it is one.
    head: Slice,
    /// Position in the list of the first value with this name.
    first: u32,
    /// Position of the next one, or [`NONE`].
    next: u32,
    /// How many values with this name come before.
    ordinal: u32,
}

/// No position.
const NONE: u32 = u32::MAX;

/// Values of a list up to which each name is compared with each other, which takes less time than sorting them.
const SHORT: u32 = 16;

/// Segments in brackets that a name may have; with more of them it is a name as any other.
const MAX_BRACKETS: usize = 16;

/// A walk through a list, which lies at the end of [`Walk::fields`] from `base` on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fields {
    kind: Kind,
    /// The value that the list was taken from, at the point of the list.
    list: Value,
    /// The point that the list belongs to.
    owner: PointId,
    base: usize,
    at: usize,
}

impl Fields {
    /// An empty list. `list` is the value it is taken from, with the point of the list; `owner` is the point above.
    pub(crate) const fn open(walk: &Walk, kind: Kind, list: Value, owner: PointId) -> Self {
        let base = walk.fields.len();
        Self { kind, list, owner, base, at: base }
    }

    /// Collects the pairs of name and value in the list that `separator` parts, and leaves them to be examined. `trim` takes
    /// off what does not belong to a name or a value.
    pub(crate) fn collect_pairs(self, walk: &mut Walk, separator: u8, trim: fn(&[u8], Slice) -> Slice) {
        let list = self.list.bytes;
        let mut at = 0;
        while at < list.len() && !self.is_full(walk) {
            let rest = walk.buffers.get(list.from(at));
            let length = memchr::memchr(separator, rest).unwrap_or(rest.len());
            let pair = rest.get(..length).unwrap_or_default();
            let slice = list.part(at, at + length);
            let equals = memchr::memchr(b'=', pair).unwrap_or(pair.len());
            let (name, value) = (slice.part(0, equals), slice.from(equals + 1));
            let (name, value) = (trim(walk.buffers.get(name), name), trim(walk.buffers.get(value), value));
            if length > 0 {
                self.add(walk, name, value);
            }
            at += length + 1;
        }
        self.start(walk);
    }

    /// Whether the list holds more than will ever be examined.
    pub(crate) fn is_full(&self, walk: &Walk) -> bool {
        walk.fields.len().saturating_sub(self.base) > walk.settings.limits.values
    }

    /// Adds one named value.
    pub(crate) fn add(&self, walk: &mut Walk, name: Slice, value: Slice) {
        self.add_part(walk, name, value, Slice::EMPTY);
    }

    /// Adds one part of a multipart body.
    pub(crate) fn add_part(&self, walk: &mut Walk, name: Slice, value: Slice, head: Slice) {
        let decoded = if self.kind.is_encoded(walk) {
            walk.buffers.decode(name, percent::decode_form).unwrap_or(name)
        } else {
            name
        };
        let first = u32::try_from(walk.fields.len() - self.base).unwrap_or(NONE);
        walk.fields.push(Field { name: decoded, value, head, first, next: NONE, ordinal: 0 });
    }

    /// Finds the names that are repeated, and leaves the list to be examined.
    pub(crate) fn start(self, walk: &mut Walk) {
        self.link_repeated(walk);
        walk.push(Task::Fields(self));
    }

    fn link_repeated(&self, walk: &mut Walk) {
        let Walk { fields, order, buffers, .. } = walk;
        let Some(list) = fields.get_mut(self.base..) else { return };
        let ignore_case = matches!(self.kind, Kind::Header | Kind::PartHeader);
        let link = |list: &mut [Field], before: u32, after: u32| {
            let Some(earlier) = field(list, before).copied() else { return };
            if let Some(later) = field_mut(list, after) {
                later.first = earlier.first;
                later.ordinal = earlier.ordinal + 1;
            }
            if let Some(earlier) = field_mut(list, before) {
                earlier.next = after;
            }
        };
        let name = |list: &[Field], at: u32| field(list, at).map_or(Slice::EMPTY, |field| field.name);
        let order_of = |left: Slice, right: Slice| compare(buffers.get(left), buffers.get(right), ignore_case);
        let count = u32::try_from(list.len()).unwrap_or(NONE);
        if count <= SHORT {
            for after in 1..count {
                let sought = name(list, after);
                let is_it = |before: &u32| {
                    let found = name(list, *before);
                    found.len() == sought.len() && order_of(found, sought).is_eq()
                };
                if let Some(before) = (0..after).rev().find(is_it) {
                    link(list, before, after);
                }
            }
            return;
        }
        order.clear();
        order.extend(0..count);
        order.sort_unstable_by(|a, b| order_of(name(list, *a), name(list, *b)).then(a.cmp(b)));
        for (before, after) in order.iter().zip(order.iter().skip(1)) {
            if order_of(name(list, *before), name(list, *after)).is_eq() {
                link(list, *before, *after);
            }
        }
    }

    /// Leaves the next value of the list to be examined.
    pub(crate) fn advance(self, walk: &mut Walk) -> usize {
        let Some(field) = walk.fields.get(self.at).copied() else {
            walk.fields.truncate(self.base);
            return 0;
        };
        walk.push(Task::Fields(Self { at: self.at + 1, ..self }));
        let mark = walk.mark();
        walk.push(Task::Release(mark));
        match self.kind {
            Kind::Header | Kind::PartHeader => self.header(walk, field),
            Kind::Query | Kind::Form | Kind::Cookie | Kind::Multipart => self.parameter(walk, field),
        }
        field.name.len() + field.value.len()
    }

    fn parameter(&self, walk: &mut Walk, field: Field) {
        let place = self.list.place;
        let key = walk.points.add(self.list.point, Step::Key(self.base_name(walk, field.name)));
        let (point, is_array) = self.bracket_points(walk, key, field);
        if !is_array && self.kind != Kind::Multipart {
            self.push_pollution(walk, field, point, place);
        }
        let repeated = !is_array && is_repeated(field);
        let point = if repeated { walk.points.index(point, Tag::Array, field.ordinal) } else { point };
        if self.kind == Kind::Multipart {
            multipart::part(walk, self.list.child(field.value, point), field.head);
        } else {
            self.push_value(walk, field.value, point, place);
        }
        if field.ordinal == 0 {
            self.push_name(walk, field.name);
        }
    }

    /// The part of a name before its brackets.
    fn base_name(&self, walk: &Walk, name: Slice) -> Slice {
        let bytes = walk.buffers.get(name);
        match bracket_start(bytes).filter(|_| self.kind.has_brackets()) {
            Some(at) => name.part(0, at),
            None => name,
        }
    }

    /// The point that the brackets of a name lead to, and whether one of them is an array's.
    fn bracket_points(&self, walk: &mut Walk, key: PointId, field: Field) -> (PointId, bool) {
        let mut point = key;
        let mut is_array = false;
        let base = self.base_name(walk, field.name).len();
        if base == field.name.len() {
            return (point, false);
        }
        let mut rest = field.name.from(base);
        while let Some(length) = walk.buffers.get(rest).iter().position(|byte| *byte == b']') {
            let segment = rest.part(1, length);
            point = if segment.is_empty() {
                is_array = true;
                walk.points.index(point, Tag::Array, field.ordinal)
            } else {
                if field.ordinal == 0 {
                    let name = walk.name_point(point, Tag::Hash);
                    walk.push(Task::Scan(Value { place: Place::ParameterName, ..self.list.child(segment, name) }));
                }
                walk.points.key(point, Tag::Hash, segment)
            };
            rest = rest.from(length + 1);
        }
        (point, is_array)
    }

    fn header(&self, walk: &mut Walk, field: Field) {
        let name = walk.buffers.get(field.name);
        let place = if self.kind == Kind::Header { header_place(name) } else { self.list.place };
        let is_cookie =
            place == Place::Cookie && self.kind == Kind::Header && walk.settings.parsers.contains(Parser::Cookie);
        let plain_name = !Look::at(name).has(Look::NOT_NAME);
        if self.kind == Kind::Header && !is_cookie && plain_name && !is_repeated(field) {
            if walk.memo.knows(name, walk.buffers.get(field.value)) {
                return;
            }
            walk.push(Task::Remember { name: field.name, value: field.value });
        }
        let point = walk.points.add(self.list.point, Step::HeaderName(field.name));
        if !is_cookie {
            self.push_pollution(walk, field, point, place);
        }
        let point = if is_repeated(field) { walk.points.index(point, Tag::Array, field.ordinal) } else { point };
        let value = Value { place, ..self.list.child(field.value, point) };
        let value = if self.kind == Kind::Header { Value { depth: 0, ..value } } else { value };
        if is_cookie {
            super::cookie::open(walk, value);
        } else {
            walk.push(Task::Value(value));
        }
        if field.ordinal == 0 && !plain_name {
            let point = walk.name_point(self.owner, Tag::Header);
            walk.push(Task::Value(Value { place: Place::HeaderName, ..self.list.child(field.name, point) }));
        }
    }

    /// Leaves a value to be examined: decoded, and as it was sent when that differs in more than spaces.
    fn push_value(&self, walk: &mut Walk, bytes: Slice, point: PointId, place: Place) {
        let sent = Value { place, ..self.list.child(bytes, point) };
        let decoded = if self.kind.is_encoded(walk) { walk.buffers.decode(bytes, percent::decode_form) } else { None };
        match decoded {
            Some(decoded) => {
                if !is_prose(walk.buffers.get(bytes)) {
                    walk.push(Task::Scan(sent));
                }
                walk.push(Task::Value(Value { bytes: decoded, ..sent }));
            }
            None => walk.push(Task::Value(sent)),
        }
    }

    /// With the last value of a repeated name, leaves all of them to be examined once more, joined with commas: some servers
    /// hand them to the application that way.
    fn push_pollution(&self, walk: &mut Walk, field: Field, point: PointId, place: Place) {
        if field.ordinal == 0 || field.next != NONE {
            return;
        }
        let encoded = self.kind.is_encoded(walk);
        let start = walk.buffers.mark();
        let mut at = field.first;
        while let Some(one) = walk.fields.get(self.base..).and_then(|list| self::field(list, at)).copied() {
            let comma = (one.next != NONE).then_some(b',');
            match encoded.then(|| walk.buffers.decode(one.value, percent::decode_form)).flatten() {
                Some(_) => drop(comma.map(|comma| walk.buffers.append(&[comma]))),
                None => walk.buffers.append_copy(one.value, comma),
            }
            at = one.next;
        }
        let joined = walk.buffers.since(start);
        let point = walk.points.tag(point, Tag::Pollution);
        walk.push(Task::Value(Value { place, ..self.list.child(joined, point) }));
    }

    /// Leaves a name to be examined.
    fn push_name(&self, walk: &mut Walk, name: Slice) {
        let point = walk.name_point(self.owner, self.kind.tag());
        walk.push_name(Value { place: Place::ParameterName, ..self.list.child(name, point) });
    }
}

/// Whether an encoded value is words and nothing else, which is no attack that its decoded form is none of.
fn is_prose(sent: &[u8]) -> bool {
    sent.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b',' | b'.' | b'_'))
}

const fn is_repeated(field: Field) -> bool {
    field.ordinal > 0 || field.next != NONE
}

fn field(list: &[Field], at: u32) -> Option<&Field> {
    usize::try_from(at).ok().and_then(|at| list.get(at))
}

fn field_mut(list: &mut [Field], at: u32) -> Option<&mut Field> {
    usize::try_from(at).ok().and_then(|at| list.get_mut(at))
}

fn compare(left: &[u8], right: &[u8], ignore_case: bool) -> std::cmp::Ordering {
    if ignore_case {
        left.iter().map(u8::to_ascii_lowercase).cmp(right.iter().map(u8::to_ascii_lowercase))
    } else {
        left.cmp(right)
    }
}

/// Where the brackets of a name begin; `None` when they are not well-formed, or nothing stands before them.
fn bracket_start(name: &[u8]) -> Option<usize> {
    let start = memchr::memchr(b'[', name).filter(|at| *at > 0)?;
    let mut rest = name.get(start..)?;
    for _ in 0..MAX_BRACKETS {
        let length = rest.iter().position(|byte| *byte == b']')?;
        rest = rest.get(length + 1..)?;
        match rest.first() {
            None => return Some(start),
            Some(b'[') => {}
            Some(_) => return None,
        }
    }
    None
}

fn header_place(name: &[u8]) -> Place {
    const PLACES: &[(&[u8], Place)] = &[
        (b"host", Place::Host),
        (b"cookie", Place::Cookie),
        (b"referer", Place::Referer),
        (b"user-agent", Place::UserAgent),
    ];
    PLACES.iter().find_map(|(known, place)| name.eq_ignore_ascii_case(known).then_some(*place)).unwrap_or(Place::Header)
}

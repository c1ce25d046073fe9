//! gRPC bodies: messages behind a prefix of five bytes each (gRPC over HTTP/2, "Length-Prefixed-Message").

use super::protobuf::Protobuf;
use crate::point::Tag;
use crate::scan::Place;
use crate::values::Slice;
use crate::walk::{Task, Value, Walk};

/// A flag and the length of the message.
const PREFIX: usize = 5;

/// Messages of one body that are examined.
const MAX_MESSAGES: u32 = 1000;

/// Leaves the messages of `body` to be examined; false when it does not consist of messages.
pub(crate) fn open(walk: &mut Walk, body: Value) -> bool {
    let grpc = walk.points.tag(body.point, Tag::Grpc);
    let mut messages = Vec::new();
    let mut at = 0;
    while at < body.bytes.len() {
        let Some([compressed, a, b, c, d]) = walk.buffers.get(body.bytes.from(at)).first_chunk::<PREFIX>() else {
            return false;
        };
        let length = usize::try_from(u32::from_be_bytes([*a, *b, *c, *d])).unwrap_or(usize::MAX);
        let start = at + PREFIX;
        let end = start.saturating_add(length);
        if end > body.bytes.len() || messages.len() >= MAX_MESSAGES as usize {
            return false;
        }
        messages.push((*compressed != 0, body.bytes.part(start, end)));
        at = end;
    }
    for (index, (compressed, bytes)) in (0..MAX_MESSAGES).zip(&messages).rev() {
        let point = if messages.len() > 1 { walk.points.index(grpc, Tag::Array, index) } else { grpc };
        let message = Value { place: Place::BodyValue, ..body.child(*bytes, point) };
        if *compressed {
            walk.push(Task::Value(message));
        } else {
            push_message(walk, message);
        }
    }
    true
}

/// Leaves a body that is one protobuf message to be examined; false when it is not.
pub(crate) fn open_message(walk: &mut Walk, body: Value) -> bool {
    let is_message = Protobuf::is_message(walk.buffers.get(body.bytes));
    if is_message {
        push_message(walk, Value { place: Place::BodyValue, ..body });
    }
    is_message
}

fn push_message(walk: &mut Walk, message: Value) {
    if message.bytes == Slice::EMPTY {
        return;
    }
    if Protobuf::is_message(walk.buffers.get(message.bytes)) {
        let point = walk.points.tag(message.point, Tag::Protobuf);
        walk.push(Task::Protobuf(Protobuf::open(message, point)));
    } else {
        walk.push(Task::Value(message));
    }
}

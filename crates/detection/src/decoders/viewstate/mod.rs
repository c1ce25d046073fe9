//! View states of ASP.NET: what pages built with Web Forms send back in `__VIEWSTATE`, base64 outside. Each string in one is a
//! value, and so is each object that another formatter serialized, which is how such pages are attacked.
//!
//! What ends too soon or has an unknown token is examined as it was sent, besides the values before the break. Encrypted view
//! states look like random bytes and are no concern of this decoder, nor are those of ASP.NET 1, which are text.

mod object;

use self::object::{Container, Content, Object};
use super::{Decoder, Method, leaf_place};
use crate::look::Look;
use crate::parser::Parser;
use crate::point::{PointId, Tag};
use crate::values::Slice;
use crate::walk::{Mark, Task, Value, Walk};

pub(crate) const DECODER: Decoder = Decoder {
    parser: Some(Parser::Viewstate),
    replaces_scan: |_, _| true,
    needs: Look::HIGH,
    suits: |_, bytes| bytes.starts_with(MAGIC),
    method: Method::Structure { open },
};

/// The format, and its version.
const MAGIC: &[u8] = b"\xff\x01";

/// Pairs, arrays and the like that may lie in each other.
const MAX_NESTING: usize = 128;

/// Bytes that are read before the walk may pause, when no value comes.
const PAUSE: usize = 4096;

/// The longest message authentication code that may follow (HMAC-SHA-512). It is no text that anything reads.
const MAX_MAC: usize = 64;

/// A container that is being read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame {
    container: Container,
    point: PointId,
    /// Where bytes and points ended before those of the present element.
    mark: Mark,
    /// Elements that were read, those that are still to come.
    read: usize,
    left: usize,
}

/// A view state that is being read. Its frames lie at the end of [`Walk::viewstate_frames`] from `base` on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Viewstate {
    document: Value,
    point: PointId,
    base: usize,
    at: usize,
    /// Whether the outermost object was begun.
    begun: bool,
}

fn open(walk: &mut Walk, document: Value) {
    let point = walk.points.tag(document.point, Tag::Viewstate);
    let base = walk.viewstate_frames.len();
    walk.push(Task::Viewstate(Viewstate { document, point, base, at: MAGIC.len(), begun: false }));
}

/// What comes next.
enum Next {
    /// An object at this point.
    Object(PointId),
    /// Text without a token, at this point.
    Text(PointId),
    /// Nothing: the outermost object was read.
    End,
    /// Something that is no view state.
    Broken,
}

impl Viewstate {
    /// Reads up to the next value, and leaves it to be examined.
    pub(crate) fn advance(mut self, walk: &mut Walk) -> usize {
        let start = self.at;
        loop {
            let next = self.next(walk);
            let bytes = walk.buffers.get(self.document.bytes);
            let (object, point) = match next {
                Next::Object(point) => (object::read(bytes, self.at), point),
                Next::Text(point) => (object::read_text(bytes, self.at), point),
                Next::End => return self.finish(walk, start, true),
                Next::Broken => return self.finish(walk, start, false),
            };
            let Some(object) = object else { return self.finish(walk, start, false) };
            self.at = object.end;
            // The values go on top of this task, which goes on with what comes behind them.
            let below = walk.height();
            if !self.leave(walk, object, point) {
                return self.finish(walk, start, false);
            }
            if walk.height() > below || self.at - start >= PAUSE {
                walk.push_at(below, Task::Viewstate(self));
                return self.at - start;
            }
        }
    }

    fn finish(self, walk: &mut Walk, start: usize, complete: bool) -> usize {
        walk.viewstate_frames.truncate(self.base);
        let behind = self.document.bytes.from(self.at);
        if !complete {
            walk.push(Task::Scan(self.document));
        } else if behind.len() > MAX_MAC {
            walk.push(Task::Value(self.leaf(behind, self.point)));
        }
        self.at - start
    }

    /// Finds out what comes next, and where it stands.
    fn next(&mut self, walk: &mut Walk) -> Next {
        loop {
            let Some(frame) = walk.viewstate_frames.get_mut(self.base..).and_then(<[Frame]>::last_mut) else {
                return if std::mem::replace(&mut self.begun, true) { Next::End } else { Next::Object(self.point) };
            };
            if frame.left == 0 {
                walk.viewstate_frames.pop();
                continue;
            }
            let element = *frame;
            frame.left -= 1;
            frame.read = frame.read.saturating_add(1);
            walk.release(element.mark);
            return self.element(walk, element);
        }
    }

    /// The element of a container that comes next.
    fn element(&mut self, walk: &mut Walk, frame: Frame) -> Next {
        let mut at = |tag, index| walk.points.index(frame.point, tag, u32::try_from(index).unwrap_or(u32::MAX));
        match frame.container {
            Container::Pair => Next::Object(at(Tag::ViewstatePair, frame.read)),
            Container::Triplet => Next::Object(at(Tag::ViewstateTriplet, frame.read)),
            Container::Array => Next::Object(at(Tag::ViewstateArray, frame.read)),
            Container::Strings => Next::Text(at(Tag::ViewstateArray, frame.read)),
            Container::Dictionary => {
                let entry = at(Tag::ViewstateDict, frame.read / 2);
                let is_key = frame.read.is_multiple_of(2);
                let tag = if is_key { Tag::ViewstateDictKey } else { Tag::ViewstateDictValue };
                Next::Object(walk.points.tag(entry, tag))
            }
            Container::SparseArray => {
                let bytes = walk.buffers.get(self.document.bytes);
                let Some((index, end)) = object::read_number(bytes, self.at) else { return Next::Broken };
                self.at = end;
                let index = u32::try_from(index).unwrap_or(u32::MAX);
                Next::Object(walk.points.index(frame.point, Tag::ViewstateSparseArray, index))
            }
        }
    }

    /// Leaves what an object holds to be examined, or goes into it; false when it lies too deep.
    fn leave(&self, walk: &mut Walk, object: Object, point: PointId) -> bool {
        let slice = |span: object::Span| self.document.bytes.part(span.from, span.to);
        if let Some(name) = object.type_name {
            walk.push(Task::Value(self.leaf(slice(name), point)));
        }
        match object.content {
            Content::Plain => {}
            Content::Bytes(span) => walk.push(Task::Value(self.leaf(slice(span), point))),
            Content::Objects(container, left) => {
                if walk.viewstate_frames.len() - self.base >= MAX_NESTING {
                    return false;
                }
                let mark = walk.mark();
                walk.viewstate_frames.push(Frame { container, point, mark, read: 0, left });
            }
        }
        true
    }

    const fn leaf(&self, bytes: Slice, point: PointId) -> Value {
        Value { place: leaf_place(self.document.place), ..self.document.child(bytes, point) }
    }
}

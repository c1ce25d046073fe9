//! The walk through the values of a request.
//!
//! What is still to be done lies on a stack of small tasks instead of the call stack: a walk can pause after any of them, and
//! data that is nested 100,000 deep costs it nothing. A task takes the same step whatever the budget of the caller is, so
//! that pauses never change what is found.

use crate::attack::Attack;
use crate::body;
use crate::decoders::fields::{Field, Fields};
use crate::decoders::gzip::Inflate;
use crate::decoders::json_doc::{self, Json};
use crate::decoders::protobuf::Protobuf;
use crate::decoders::viewstate::{self, Viewstate};
use crate::decoders::xml::{self, Xml};
use crate::decoders::{Candidates, Method};
use crate::findings::{Findings, Found};
use crate::inspection::Settings;
use crate::limits::{Overlimit, WINDOW, WINDOW_OVERLAP};
use crate::look::Look;
use crate::memo::Memo;
use crate::point::{PointId, Points, Step, Tag};
use crate::request::{HeadWalk, PathWalk, Request};
use crate::rules::Rules;
use crate::scan::{Matches, Place};
use crate::values::{Buffers, Slice};

/// Depth that a decoder adds in a window of a long value, so that the number of forms of each window stays small.
const PIECE_DEPTH: u8 = 5;

/// A value to be examined.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Value {
    pub(crate) bytes: Slice,
    pub(crate) point: PointId,
    pub(crate) place: Place,
    /// Decoders that it came out of.
    pub(crate) depth: u8,
    /// Decompressors that it came out of.
    pub(crate) compressed: u8,
    /// Whether it is a window of a long value, or came out of one: no value of its own in the count of values.
    pub(crate) piece: bool,
}

impl Value {
    /// A value that came out of no decoder.
    pub(crate) const fn new(bytes: Slice, point: PointId, place: Place) -> Self {
        Self { bytes, point, place, depth: 0, compressed: 0, piece: false }
    }

    /// What a decoder made of this value, at another point.
    pub(crate) const fn child(self, bytes: Slice, point: PointId) -> Self {
        Self { bytes, point, depth: self.depth.saturating_add(1), ..self }
    }
}

/// How far output of decoders and chains of points reached, to go back to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark {
    bytes: usize,
    points: usize,
}

/// Something still to be done.
#[derive(Debug)]
pub(crate) enum Task {
    /// Examine a value and everything that it can be decoded to.
    Value(Value),
    /// Examine a value as it is.
    Scan(Value),
    /// Examine a long value window by window, from this offset on.
    Windows(Value, usize),
    /// Decode a value in each of these ways.
    Decoders(Value, Candidates),
    /// Remember a header, if it was found clean.
    Remember {
        /// Its name.
        name: Slice,
        /// Its value.
        value: Slice,
    },
    /// Forget the bytes and points that were made since.
    Release(Mark),
    /// Go on with request line and headers.
    Head(HeadWalk),
    /// Go on with the parts of the path.
    Path(PathWalk),
    /// Go on with parameters.
    Fields(Fields),
    /// Take the body apart.
    Body(Value),
    /// Go on with a JSON document.
    Json(Json),
    /// Go on with an XML document.
    Xml(Box<Xml>),
    /// Go on with decompressing.
    Inflate(Box<Inflate>),
    /// Go on with a protobuf message.
    Protobuf(Protobuf),
    /// Go on with a view state.
    Viewstate(Viewstate),
}

/// Sees every value as it is examined. Meant for tests and for tools that explain an analysis.
pub trait Observer {
    /// `value`, which stands at `point`, is about to be scanned. A header that the same [`Inspection`](crate::Inspection) found clean
    /// in an earlier request is not scanned again.
    fn value(&mut self, point: &dyn std::fmt::Display, place: Place, value: &[u8]);
}

/// Sees nothing.
impl Observer for () {
    fn value(&mut self, _point: &dyn std::fmt::Display, _place: Place, _value: &[u8]) {}
}

/// What a walk needs besides itself.
pub(crate) struct Context<'a> {
    pub(crate) request: &'a Request,
    pub(crate) rules: &'a Rules,
    pub(crate) observer: &'a mut dyn Observer,
}

/// The state of a walk.
#[derive(Debug, Default)]
pub(crate) struct Walk {
    pub(crate) settings: Settings,
    pub(crate) buffers: Buffers,
    pub(crate) points: Points,
    pub(crate) findings: Findings,
    /// Parameters of the lists that are being walked through, the innermost last.
    pub(crate) fields: Vec<Field>,
    /// Objects and arrays that are being read, the innermost last.
    pub(crate) frames: Vec<json_doc::Frame>,
    /// XML elements that are being read, the innermost last.
    pub(crate) elements: Vec<xml::Element>,
    /// Containers of view states that are being read, the innermost last.
    pub(crate) viewstate_frames: Vec<viewstate::Frame>,
    /// Room to sort parameters in.
    pub(crate) order: Vec<u32>,
    /// Bytes that decompressors put out so far.
    pub(crate) decompressed: u64,
    /// Headers of earlier requests that need no look.
    pub(crate) memo: Memo,
    tasks: Vec<Task>,
    matches: Matches,
    values: usize,
    overlimit: Option<Overlimit>,
}

impl Walk {
    /// Starts again, and keeps the memory; `same_rules` says that the rules are those of the last request.
    pub(crate) fn begin(&mut self, settings: Settings, same_rules: bool) {
        self.settings = settings;
        self.memo.begin(settings, same_rules);
        self.buffers.clear();
        self.points.clear();
        self.findings.clear();
        self.fields.clear();
        self.fields.shrink_to(1024);
        self.frames.clear();
        self.elements.clear();
        self.viewstate_frames.clear();
        self.order.clear();
        self.order.shrink_to(1024);
        self.tasks.clear();
        self.tasks.shrink_to(1024);
        self.matches.clear();
        self.decompressed = 0;
        self.values = 0;
        self.overlimit = None;
    }

    /// Bytes held.
    pub(crate) fn held(&self) -> usize {
        self.buffers.held()
            + self.points.held()
            + self.findings.held()
            + self.fields.len() * size_of::<Field>()
            + self.order.len() * size_of::<u32>()
            + self.tasks.len() * size_of::<Task>()
    }

    /// The limit that ended the walk, if one did.
    pub(crate) const fn overlimit(&self) -> Option<Overlimit> {
        self.overlimit
    }

    /// Ends the walk. What was found stays.
    pub(crate) fn stop(&mut self, limit: Overlimit) {
        if self.overlimit.is_none() {
            self.overlimit = Some(limit);
            self.tasks.clear();
            if limit.is_attack() {
                self.findings.add_attack(Attack::OverlimitRes);
            }
        }
    }

    pub(crate) fn push(&mut self, task: Task) {
        self.tasks.push(task);
    }

    /// Whether nothing is left to do.
    pub(crate) const fn is_idle(&self) -> bool {
        self.tasks.is_empty()
    }

    /// Where bytes and points end now.
    pub(crate) const fn mark(&self) -> Mark {
        Mark { bytes: self.buffers.mark(), points: self.points.mark() }
    }

    /// Forgets bytes and points that were made since.
    pub(crate) fn release(&mut self, mark: Mark) {
        self.buffers.release(mark.bytes);
        self.points.release(mark.points);
    }

    /// What decoders put out since.
    pub(crate) fn since(&self, mark: Mark) -> Slice {
        self.buffers.since(mark.bytes)
    }

    /// Cuts `count` bytes off the beginning of what decoders put out since.
    pub(crate) fn drop_since(&mut self, mark: Mark, count: usize) {
        self.buffers.drop_since(mark.bytes, count);
    }

    /// The number of tasks now.
    pub(crate) const fn height(&self) -> usize {
        self.tasks.len()
    }

    /// Puts a task below those that were pushed since there were `height` of them.
    pub(crate) fn push_at(&mut self, height: usize, task: Task) {
        self.tasks.insert(height.min(self.tasks.len()), task);
    }

    /// Leaves a name to be examined: with everything that it can be decoded to when it is an odd one.
    pub(crate) fn push_name(&mut self, name: Value) {
        let odd = Look::at(self.buffers.get(name.bytes)).has(Look::NOT_NAME);
        self.push(if odd { Task::Value(name) } else { Task::Scan(name) });
    }

    /// Does the next thing; about how many bytes it looked at. `None` when nothing is left to do.
    pub(crate) fn advance(&mut self, context: &mut Context<'_>) -> Option<usize> {
        let cost = match self.tasks.pop()? {
            Task::Value(value) => self.value(value, context),
            Task::Scan(value) => self.scan(value, context),
            Task::Windows(value, at) => self.windows(value, at),
            Task::Decoders(value, candidates) => self.decode(value, candidates),
            Task::Remember { name, value } => {
                // Anything found makes this a request to look at whole, whichever value it was in.
                if self.findings.attacks().is_empty() {
                    self.memo.keep(self.buffers.get(name), self.buffers.get(value));
                }
                0
            }
            Task::Release(mark) => {
                self.release(mark);
                0
            }
            Task::Head(head) => head.advance(self, context.request),
            Task::Path(path) => path.advance(self),
            Task::Fields(fields) => fields.advance(self),
            Task::Body(body) => body::open(self, context.request, body),
            Task::Json(json) => json.advance(self),
            Task::Xml(xml) => xml.advance(self),
            Task::Inflate(inflate) => inflate.advance(self),
            Task::Protobuf(message) => message.advance(self),
            Task::Viewstate(state) => state.advance(self),
        };
        let limit = self.settings.limits.memory;
        if limit > 0 && self.held() > limit {
            self.stop(Overlimit::Memory);
        }
        Some(cost)
    }

    /// Examines a value, and sees to it that everything in it will be.
    fn value(&mut self, value: Value, context: &mut Context<'_>) -> usize {
        if !value.piece {
            if self.values >= self.settings.limits.values {
                self.stop(Overlimit::Values);
                return 0;
            }
            self.values += 1;
        }
        if value.bytes.is_empty() {
            return 0;
        }
        // A long value is looked at window by window; of itself, only the beginning tells which structure it may have.
        let beginning = self.buffers.get(value.bytes.part(0, WINDOW));
        let mut replace_scan = false;
        if value.depth < self.settings.limits.depth {
            let candidates = Candidates::of(&value, beginning, self.settings.parsers);
            replace_scan = candidates.replace_scan;
            if !candidates.is_empty() {
                self.push(Task::Decoders(value, candidates));
            }
        }
        if value.bytes.len() > WINDOW {
            if !replace_scan {
                self.push(Task::Windows(value, 0));
            }
            return 0;
        }
        if replace_scan { 0 } else { self.scan(value, context) }
    }

    /// Scans a value as it is.
    pub(crate) fn scan(&mut self, value: Value, context: &mut Context<'_>) -> usize {
        if value.bytes.len() > WINDOW {
            self.push(Task::Windows(Value { depth: u8::MAX, ..value }, 0));
            return 0;
        }
        let bytes = self.buffers.get(value.bytes);
        context.observer.value(&self.points.show(value.point, &self.buffers), value.place, bytes);
        self.matches.clear();
        context.rules.scan(bytes, value.place, self.settings.confirm, &mut self.matches);
        if !self.matches.is_empty() {
            let found = Found { bytes: value.bytes, point: value.point, buffers: &self.buffers, points: &self.points };
            self.findings.add(self.matches.as_slice(), &found);
        }
        bytes.len()
    }

    /// Adds a finding that no rule made.
    pub(crate) fn report(&mut self, attack: Attack, bytes: Slice, point: PointId) {
        let found = Found { bytes, point, buffers: &self.buffers, points: &self.points };
        self.findings.add_one(attack, 0, &found);
    }

    /// Takes the next window of a long value.
    fn windows(&mut self, value: Value, at: usize) -> usize {
        let window = value.bytes.part(at, at.saturating_add(WINDOW));
        if at.saturating_add(WINDOW) < value.bytes.len() {
            self.push(Task::Windows(value, at.saturating_add(WINDOW - WINDOW_OVERLAP)));
        }
        self.push(Task::Value(Value { bytes: window, piece: true, ..value }));
        0
    }

    /// Decodes a value in the next way, and leaves the other ways for later.
    fn decode(&mut self, value: Value, mut candidates: Candidates) -> usize {
        let Some(decoder) = candidates.pop() else { return 0 };
        if !candidates.is_empty() {
            self.push(Task::Decoders(value, candidates));
        }
        let mark = self.mark();
        self.push(Task::Release(mark));
        match decoder.method {
            Method::Text { tag, decode } => {
                if let Some(decoded) = self.buffers.decode(value.bytes, decode) {
                    let point = tag.map_or(value.point, |tag| self.points.tag(value.point, tag));
                    let value = value.child(decoded, point);
                    let depth = if value.piece { value.depth.saturating_add(PIECE_DEPTH) } else { value.depth };
                    self.push(Task::Value(Value { depth, ..value }));
                }
            }
            Method::Structure { open } => open(self, value),
        }
        value.bytes.len().min(WINDOW)
    }

    /// Leaves the body that was fed to be taken apart.
    pub(crate) fn push_body(&mut self) {
        let point = self.points.tag(PointId::ROOT, Tag::Post);
        self.push(Task::Body(Value::new(self.buffers.body(), point, Place::RawBody)));
    }

    /// Leaves the first `length` bytes of a long body to be examined in windows.
    pub(crate) fn push_body_windows(&mut self, length: usize) {
        let mark = self.mark();
        self.push(Task::Release(mark));
        let point = self.points.tag(PointId::ROOT, Tag::Post);
        let body = Value::new(self.buffers.body().part(0, length), point, Place::RawBody);
        self.push(Task::Windows(body, 0));
    }

    /// Scans a piece of the body of the response.
    pub(crate) fn response(&mut self, rules: &Rules, body: &[u8]) {
        let mut rest = body;
        while !rest.is_empty() {
            let window = rest.get(..WINDOW).unwrap_or(rest);
            self.matches.clear();
            rules.scan(window, Place::Response, self.settings.confirm, &mut self.matches);
            if !self.matches.is_empty() {
                let mark = self.mark();
                let bytes = self.buffers.append(window);
                let point = self.points.tag(PointId::ROOT, Tag::Response);
                let found = Found { bytes, point, buffers: &self.buffers, points: &self.points };
                self.findings.add(self.matches.as_slice(), &found);
                self.release(mark);
            }
            if window.len() == rest.len() {
                return;
            }
            rest = rest.get(WINDOW - WINDOW_OVERLAP..).unwrap_or_default();
        }
    }

    /// The point of a name that stands below `parent`, among the names of `tag`.
    pub(crate) fn name_point(&mut self, parent: PointId, tag: Tag) -> PointId {
        self.points.add(parent, Step::NameOf(tag))
    }
}

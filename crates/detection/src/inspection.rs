//! The inspection of one request.

use std::sync::Arc;

use crate::attack::AttackSet;
use crate::findings::Finding;
use crate::limits::{Limits, Overlimit, WINDOW_OVERLAP};
use crate::parser::ParserSet;
use crate::request::{HeadWalk, Request};
use crate::rules::Rules;
use crate::walk::{Context, Observer, Task, Walk};

/// What the operator and the custom rules decide for a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// The parsers that are on.
    pub parsers: ParserSet,
    /// Whether a grammar must confirm candidates (`wallarm_enable_libdetection`).
    pub confirm: bool,
    /// How much work the request may cause.
    pub limits: Limits,
}

/// How far an inspection came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// There is more to examine; call [`Inspection::step`] again.
    More,
    /// Everything fed so far was examined. When the body has not ended, more may come.
    Done,
    /// A limit ended the inspection. What was found until then stays; further calls change nothing.
    Overlimit(Overlimit),
}

/// The inspection of one request. It owns its buffers, and a used one does the next request without allocating.
#[derive(Debug, Default)]
pub struct Inspection {
    rules: Option<Arc<Rules>>,
    request: Request,
    walk: Walk,
    stage: Stage,
    ended: bool,
}

/// What was handed to the walk so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    #[default]
    Nothing,
    Head,
    /// The body, which is taken apart as a whole.
    Body,
    /// A body that is too long for that; so many of the bytes held were examined.
    Window(usize),
}

/// Bytes of a long body that are examined together.
const BATCH: usize = 1 << 20;

impl Inspection {
    /// An inspection that holds no memory yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Starts with a new request. What was found in the one before is forgotten.
    pub fn begin(&mut self, rules: Arc<Rules>, settings: Settings) {
        let same_rules = self.rules.as_ref().is_some_and(|before| Arc::ptr_eq(before, &rules));
        self.rules = Some(rules);
        self.request.clear();
        self.walk.begin(settings, same_rules);
        self.stage = Stage::Nothing;
        self.ended = false;
    }

    /// Takes the request line. `uri` is the request target as it was sent.
    pub fn request_line(&mut self, method: &[u8], uri: &[u8], protocol: &[u8]) {
        self.request.request_line(&mut self.walk.buffers, method, uri, protocol);
    }

    /// Takes a header. All of them come before the first [`step`](Self::step), in order; names may come repeatedly.
    pub fn header(&mut self, name: &[u8], value: &[u8]) {
        self.request.header(&mut self.walk.buffers, name, value);
    }

    /// Takes a piece of the body, of any size, without its transfer coding.
    ///
    /// A body longer than [`Limits::structured`] is not held: what lies before is examined in windows as the rest comes in. That
    /// is done by [`step`](Self::step), or here when a caller goes on without stepping.
    pub fn body(&mut self, chunk: &[u8]) {
        for chunk in chunk.chunks(BATCH) {
            if self.walk.overlimit().is_some() {
                return;
            }
            let limit = self.walk.settings.limits.memory;
            if limit > 0 && self.memory().saturating_add(chunk.len()) > limit {
                self.walk.stop(Overlimit::Memory);
                return;
            }
            self.walk.buffers.body.extend_from_slice(chunk);
            let most = self.walk.settings.limits.structured.saturating_add(BATCH);
            while self.walk.buffers.body.len() > most && self.step(BATCH) == Progress::More {}
        }
    }

    /// Says that no more of the body comes.
    pub fn end(&mut self) {
        self.ended = true;
    }

    /// Examines about `budget` bytes. It may be called before the body came, and never blocks.
    pub fn step(&mut self, budget: usize) -> Progress {
        self.step_observed(budget, &mut ())
    }

    /// As [`step`](Self::step); `observer` sees every value that is scanned.
    pub fn step_observed(&mut self, budget: usize, observer: &mut dyn Observer) -> Progress {
        let Some(rules) = self.rules.as_deref() else { return Progress::Done };
        let mut context = Context { request: &self.request, rules, observer };
        let mut spent = 0;
        loop {
            if let Some(limit) = self.walk.overlimit() {
                return Progress::Overlimit(limit);
            }
            if self.walk.is_idle() && !self.stage.go_on(&mut self.walk, self.ended) {
                return Progress::Done;
            }
            if spent >= budget {
                return Progress::More;
            }
            spent = spent.saturating_add(self.walk.advance(&mut context).unwrap_or(0));
        }
    }

    /// Ends the inspection since the caller's clock ran out: adds [`Attack::OverlimitRes`](crate::Attack::OverlimitRes) and keeps what was found.
    pub fn stop_overlimit(&mut self) {
        self.walk.stop(Overlimit::Time);
    }

    /// Takes the body of the response, or a piece of it, and looks for what it gives away. Nothing else is done with it: responses
    /// are watched and not altered. A response whose `status` means that it has no body is left alone.
    pub fn response(&mut self, status: u16, body: &[u8]) {
        let bodyless = matches!(status, 100..=199 | 204 | 304);
        if let Some(rules) = self.rules.as_deref().filter(|_| !bodyless) {
            self.walk.response(rules, body);
        }
    }

    /// What was found so far.
    #[must_use]
    pub fn attacks(&self) -> AttackSet {
        self.walk.findings.attacks()
    }

    /// What was found where. Attacks that belong to no value, such as [`Attack::OverlimitRes`](crate::Attack::OverlimitRes), are in
    /// [`attacks`](Self::attacks) only.
    pub fn findings(&self) -> impl Iterator<Item = Finding<'_>> {
        self.walk.findings.iter()
    }

    /// Bytes that this request makes the inspection hold.
    #[must_use]
    pub fn memory(&self) -> usize {
        self.walk.held() + self.request.held()
    }
}

impl Stage {
    /// Leaves the next part of the request to be examined; false when there is none yet.
    fn go_on(&mut self, walk: &mut Walk, ended: bool) -> bool {
        let structured = walk.settings.limits.structured;
        match *self {
            Self::Nothing => {
                walk.push(Task::Head(HeadWalk::Uri));
                *self = Self::Head;
                true
            }
            Self::Head if walk.buffers.body.len() > structured => self.pass(walk, structured),
            Self::Head if ended => {
                walk.push_body();
                *self = Self::Body;
                true
            }
            Self::Head | Self::Body => false,
            Self::Window(examined) => {
                let held = walk.buffers.body.len();
                let kept = WINDOW_OVERLAP.min(examined);
                walk.buffers.body.drain(..(examined - kept).min(held));
                *self = Self::Window(kept);
                let held = walk.buffers.body.len();
                (held >= BATCH || ended && held > kept) && self.pass(walk, BATCH)
            }
        }
    }

    /// Leaves the next bytes of a long body to be examined in windows, `most` of them.
    fn pass(&mut self, walk: &mut Walk, most: usize) -> bool {
        let examined = walk.buffers.body.len().min(most);
        walk.push_body_windows(examined);
        *self = Self::Window(examined);
        true
    }
}

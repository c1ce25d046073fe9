//! The inspection of one request.

use std::sync::Arc;

use crate::attack::AttackSet;
use crate::findings::Finding;
use crate::limits::{Limits, Overlimit};
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
    Body,
}

impl Inspection {
    /// An inspection that holds no memory yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Starts with a new request. What was found in the one before is forgotten.
    pub fn begin(&mut self, rules: Arc<Rules>, settings: Settings) {
        self.rules = Some(rules);
        self.request.clear();
        self.walk.begin(settings);
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
    pub fn body(&mut self, chunk: &[u8]) {
        if self.walk.overlimit().is_none() {
            self.walk.buffers.body.extend_from_slice(chunk);
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
            if self.walk.is_idle() {
                match self.stage {
                    Stage::Nothing => {
                        self.walk.push(Task::Head(HeadWalk::Uri));
                        self.stage = Stage::Head;
                    }
                    Stage::Head if self.ended => {
                        self.walk.push_body();
                        self.stage = Stage::Body;
                    }
                    Stage::Head | Stage::Body => return Progress::Done,
                }
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

    /// Takes status and body of the response, and looks for what they give away.
    pub fn response(&mut self, status: u16, body: &[u8]) {
        let _ = (status, body);
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

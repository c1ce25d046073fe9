//! The state of one request: what was fed to its inspection, and what came out.

use crate::conf::{LocationConf, MainConf};
use crate::ip_lists;
use crate::module;
use crate::ngx::body::{Cursor, Piece};
use crate::ngx::clock::thread_cpu;
use crate::ngx::event::Posted;
use crate::ngx::request::Request;
use crate::rulesets::Available;
use crate::status;
use detection::attack::AttackSet;
use detection::{Inspection, Overlimit, Progress, Rules};
use module_logic::mode::Mode;
use module_logic::response::Look;
use module_logic::settings::{Block, Dynamic};
use module_logic::verdict::{Action, OverlimitBlock, Source, after_analysis};
use std::cell::RefCell;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long one turn may take before other requests of the worker have theirs, unless `wallarm_timeslice` says.
const TURN: Duration = Duration::from_millis(2);
/// Inspections that a worker keeps for later requests.
const KEPT: usize = 64;
/// Memory that a kept inspection may hold, bytes.
const KEPT_MEMORY: usize = 1 << 20;

/// Since when an analysis runs.
///
/// Asking for CPU time is a call into the kernel, which takes as long as some analyses. The stretches that most requests end
/// within are measured by the clock on the wall; who needs more turns is measured by what it used.
enum Since {
    Wall(Instant),
    Cpu(Duration),
}

impl Since {
    fn elapsed(&self) -> Duration {
        match self {
            Self::Wall(since) => since.elapsed(),
            Self::Cpu(since) => thread_cpu().saturating_sub(*since),
        }
    }
}

thread_local! {
    /// Inspections at rest: a request takes one and gives it back, so that buffers are allocated once.
    #[expect(clippy::vec_box, reason = "an inspection is large, and only its pointer shall move from request to request")]
    static RESTING: RefCell<Vec<Box<Inspection>>> = const { RefCell::new(Vec::new()) };
    /// Room for pieces of spooled bodies.
    static ROOM: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// What came of a request.
#[derive(Clone, Copy, Debug)]
pub struct Outcome {
    /// The mode that held.
    pub mode: Mode,
    /// The attacks found so far.
    pub attacks: AttackSet,
    /// What was decided.
    pub action: Action,
    /// Where the source stands in the lists.
    pub source: Source,
    /// CPU time of the analysis.
    pub cpu: Duration,
    /// Time of the analysis, with the waiting for its turns.
    pub elapsed: Duration,
    /// The limit that ended the analysis.
    pub overlimit: Option<Overlimit>,
    /// Whether the memory limit of the request was exceeded, so that it is answered with 500.
    pub out_of_memory: bool,
    /// Whether the body could not be read to its end.
    pub body_unread: bool,
    /// The id of the rule set.
    pub db_id: u64,
    /// The id of the custom ruleset; 0 without one.
    pub custom_ruleset_id: u64,
    /// The size of the record, bytes; 0 before it is made.
    pub serialized: usize,
}

impl Outcome {
    /// Nothing found yet.
    const fn of(mode: Mode) -> Self {
        Self {
            mode,
            attacks: AttackSet::EMPTY,
            action: Action::Pass,
            source: Source::Unlisted,
            cpu: Duration::ZERO,
            elapsed: Duration::ZERO,
            overlimit: None,
            out_of_memory: false,
            body_unread: false,
            db_id: 0,
            custom_ruleset_id: 0,
            serialized: 0,
        }
    }
}

/// Where an analysis stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Waiting for the body, or for its next turn.
    Waiting,
    /// Finished; the verdict was not yet delivered.
    Decided,
    /// The verdict was delivered, or the analysis was given up.
    Delivered,
}

/// The limits that hold for one analysis.
#[derive(Clone, Copy)]
struct Bounds {
    time: Duration,
    turn: Duration,
    chunk: usize,
    overlimit: OverlimitBlock,
    stalled: Duration,
}

impl Bounds {
    fn of(block: &Block) -> Self {
        let turn = if block.timeslice.is_zero() { TURN } else { block.timeslice };
        Self {
            time: block.time_limit,
            turn,
            chunk: usize::try_from(block.chunk_size).unwrap_or(usize::MAX).clamp(1, 1 << 20),
            overlimit: block.time_limit_block,
            stalled: block.stalled_worker_timeout,
        }
    }
}

/// The analysis of one request; its context.
pub struct Analysis {
    /// What came of it.
    pub outcome: Outcome,
    /// Where it stands.
    pub stage: Stage,
    /// The event of its next turn.
    pub event: Option<Posted>,
    inspection: Option<Box<Inspection>>,
    bounds: Bounds,
    body: Option<Cursor>,
    ended: bool,
    started: Instant,
    /// When it last went on, while it does.
    running_since: Option<Since>,
    /// Whether a turn was taken.
    begun: bool,
    /// How far the look at the response went.
    response: Look,
}

/// What a turn led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// The verdict is there.
    Finished,
    /// Another turn is needed.
    Again,
}

impl Analysis {
    /// Starts the analysis of a request and feeds its head. `None` when nothing is analysed here.
    #[must_use]
    pub fn begin(request: &Request, main: &MainConf, location: &LocationConf) -> Option<Self> {
        let block = location.holds.as_ref()?;
        let mode = mode_of(request, main, block);
        if mode == Mode::Off || block.status.is_some() {
            return None;
        }
        let available = main.keeper.as_ref()?.rules(location.ruleset?);
        let source = ip_lists::source(request, main, block, mode);
        let (rules, custom_ruleset_id) = match available {
            Available::None => return None,
            _ if source == Source::Allowed => {
                let mut analysis = Self::unseen(mode, block);
                analysis.outcome.source = source;
                return Some(analysis);
            }
            Available::Rules { rules, custom_id } => (rules, custom_id),
            // It is answered with 500.
            Available::OverLimit => {
                let mut analysis = Self::unseen(mode, block);
                analysis.outcome.out_of_memory = true;
                return Some(analysis);
            }
        };
        let started = Instant::now();
        let db_id = rules.id();
        let inspection = inspection(request, rules, block);
        let mut analysis = Self::unseen(mode, block);
        analysis.outcome = Outcome { db_id, custom_ruleset_id, source, ..Outcome::of(mode) };
        (analysis.inspection, analysis.started, analysis.running_since) =
            (Some(inspection), started, Some(Since::Wall(started)));
        Some(analysis)
    }

    /// That of a request, if it has one already.
    #[must_use]
    pub fn of(request: &Request) -> Option<&Self> {
        // SAFETY: the context lives as long as the request, and nobody changes it while the request is only looked at.
        request.context::<Self>(module::this()).map(|analysis| unsafe { analysis.as_ref() })
    }

    /// An analysis without an inspection: that of a request which is refused or let through unseen.
    #[must_use]
    pub fn unseen(mode: Mode, block: &Block) -> Self {
        Self {
            outcome: Outcome::of(mode),
            stage: Stage::Delivered,
            event: None,
            inspection: None,
            bounds: Bounds::of(block),
            body: None,
            ended: false,
            started: Instant::now(),
            running_since: None,
            begun: false,
            response: Look::default(),
        }
    }

    /// The request waits for its body.
    pub fn pause(&mut self) {
        self.stage = Stage::Waiting;
        self.account();
    }

    /// Adds the CPU time since the analysis runs, which is since [`Analysis::begin`] or the start of a turn.
    fn account(&mut self) {
        if let Some(since) = self.running_since.take() {
            self.outcome.cpu += since.elapsed();
        }
    }

    /// The inspection, for those who report what it found.
    #[must_use]
    pub fn inspection(&self) -> Option<&Inspection> {
        self.inspection.as_deref()
    }

    /// The body is there.
    pub fn body_came(&mut self, body: Option<Cursor>) {
        self.body = body;
    }

    /// Analyses until the request is decided or its turn is over.
    pub fn turn(&mut self) -> Turn {
        let first = !std::mem::replace(&mut self.begun, true);
        self.running_since
            .get_or_insert_with(|| if first { Since::Wall(Instant::now()) } else { Since::Cpu(thread_cpu()) });
        status::busy(self.bounds.stalled);
        let turn = self.analyse(Instant::now());
        status::idle();
        self.account();
        if turn == Turn::Finished {
            self.decide();
        }
        turn
    }

    /// As [`Analysis::turn`], until the request is decided.
    fn finish(&mut self) {
        while self.turn() == Turn::Again {}
    }

    fn analyse(&mut self, started: Instant) -> Turn {
        let Some(mut inspection) = self.inspection.take() else { return Turn::Finished };
        let turn = loop {
            let progress = inspection.step(self.bounds.chunk);
            let now = started.elapsed();
            // Earlier turns count as the CPU time they took: on a busy machine, waiting must not look like an attack.
            if self.outcome.cpu + now > self.bounds.time {
                inspection.stop_overlimit();
                self.outcome.overlimit = Some(Overlimit::Time);
                break Turn::Finished;
            }
            match progress {
                Progress::More => {}
                Progress::Overlimit(limit) => {
                    self.outcome.out_of_memory = limit == Overlimit::Memory;
                    self.outcome.overlimit = Some(limit);
                    break Turn::Finished;
                }
                Progress::Done if self.ended => break Turn::Finished,
                Progress::Done => self.feed(&mut inspection),
            }
            if now > self.bounds.turn {
                break Turn::Again;
            }
        };
        self.outcome.attacks = inspection.attacks();
        self.inspection = Some(inspection);
        turn
    }

    /// Feeds the next piece of the body, or its end.
    fn feed(&mut self, inspection: &mut Inspection) {
        let Some(mut body) = self.body.take() else {
            inspection.end();
            self.ended = true;
            return;
        };
        ROOM.with_borrow_mut(|room| {
            if room.len() != self.bounds.chunk {
                room.resize(self.bounds.chunk, 0);
            }
            match body.next(room) {
                Piece::Bytes(bytes) => {
                    inspection.body(bytes);
                    self.body = Some(body);
                }
                Piece::End => {}
                Piece::Failed => self.outcome.body_unread = true,
            }
        });
    }

    /// Whether the response is looked at, as far as it is known: an answer of ours gives nothing away.
    #[must_use]
    pub fn looks_at_response(&self) -> bool {
        self.response.goes_on() && self.stage == Stage::Delivered && self.outcome.action == Action::Pass
    }

    /// Looks at the next piece of the response's body; `begin` decides at the first one whether it is looked at. A sign on the edge of two
    /// pieces is not seen: keeping bytes for it would cost every response.
    pub fn response(&mut self, status: u16, piece: &[u8], begin: impl FnOnce() -> Look) {
        if self.response == Look::Ahead {
            self.response = begin();
        }
        let Some(inspection) = &mut self.inspection else { return };
        let seen = self.response.take(piece);
        if !seen.is_empty() {
            let started = Instant::now();
            inspection.response(status, seen);
            self.outcome.attacks = inspection.attacks();
            self.outcome.cpu += started.elapsed();
        }
    }

    /// Nobody waits for the verdict any more: NGINX gave up on the body, or the response is sent already. What came is
    /// analysed to be reported.
    pub fn give_up(&mut self) {
        self.event = None;
        self.finish();
        self.outcome.action = Action::Pass;
        self.stage = Stage::Delivered;
    }

    fn decide(&mut self) {
        self.outcome.elapsed = self.started.elapsed();
        let Outcome { mode, source, attacks, .. } = self.outcome;
        self.outcome.action = after_analysis(mode, source, attacks, self.bounds.overlimit);
        self.stage = Stage::Decided;
    }
}

impl Drop for Analysis {
    fn drop(&mut self) {
        let Some(inspection) = self.inspection.take() else { return };
        if inspection.memory() > KEPT_MEMORY {
            return;
        }
        // At the exit of the process the list may be gone already.
        let _ = RESTING.try_with(|resting| {
            if let Ok(mut resting) = resting.try_borrow_mut()
                && resting.len() < KEPT
            {
                resting.push(inspection);
            }
        });
    }
}

/// Drops the inspections at rest, and with them the rules that they used last.
pub fn forget_resting() {
    let resting = RESTING.take();
    drop(resting);
}

/// The mode that holds for a request.
#[must_use]
pub fn mode_of(request: &Request, main: &MainConf, block: &Block) -> Mode {
    let local = match block.mode {
        Dynamic::Fixed(mode) => mode,
        Dynamic::Template(id) => {
            let text = main.template(id).and_then(|template| request.evaluate(template)).unwrap_or_default();
            let mode = std::str::from_utf8(text).ok().and_then(Mode::by_name);
            mode.unwrap_or_else(|| {
                crate::report::odd_mode(request, text);
                Mode::Monitoring
            })
        }
    };
    let mode = module_logic::mode::effective(local, block.allow_override, module_logic::mode::CloudMode::default());
    // A copy was answered elsewhere: nothing is left to block.
    if block.takes_copies() { mode.min(Mode::Monitoring) } else { mode }
}

/// An inspection that was fed the head of a request.
fn inspection(request: &Request, rules: Arc<Rules>, block: &Block) -> Box<Inspection> {
    let mut inspection = RESTING.with_borrow_mut(Vec::pop).unwrap_or_else(|| Box::new(Inspection::new()));
    inspection.begin(rules, block.detection());
    inspection.request_line(request.method(), request.target(), request.protocol());
    for (name, value) in request.headers() {
        inspection.header(name, value);
    }
    inspection
}

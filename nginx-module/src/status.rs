//! Counting, and the page that shows the counters.
//!
//! The counters lie in shared memory of fixed name and size, so that every configuration takes them over from the one before.

use crate::analysis::Outcome;
use crate::conf::{LocationConf, MainConf};
use crate::module;
use crate::ngx::Answer;
use crate::ngx::guard;
use crate::ngx::log::Log;
use crate::ngx::process;
use crate::ngx::request::Request;
use crate::ngx::shared_zone::Zone;
use crate::rate_limit;
use detection::{Attack, Overlimit};
use module_logic::rulesets::{Pair, Rulesets};
use module_logic::settings::{Block, Dynamic, TemplateId};
use module_logic::shared_memory::process_exists;
use module_logic::status::{
    Application, Applied, Format, Instances, Local, Processed, Rare, RulesetFile, Shared, WorkerSlot,
};
use module_logic::verdict::{Action, BlockReason, Source};
use nginx_sys::{ngx_http_request_t, ngx_int_t};
use std::cell::Cell;
use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, SystemTime};

/// The name of the zone.
pub const ZONE: &str = "wallarm_status";

/// The words of the zone.
pub const WORDS: usize = Shared::WORDS;

thread_local! {
    /// The counters, once the memory is there. It stays mapped: see the head of this file.
    static SHARED: Cell<Option<Shared<'static>>> = const { Cell::new(None) };
    /// The place of this worker in them.
    static SLOT: Cell<Option<WorkerSlot<'static>>> = const { Cell::new(None) };
}

/// The counters; none while the first configuration is read.
#[must_use]
pub fn shared() -> Option<Shared<'static>> {
    // At the exit of a thread the cell may be gone already.
    SHARED.try_with(Cell::get).ok().flatten()
}

/// Counts something that happens seldom.
pub fn count(what: Rare) {
    if let Some(shared) = shared() {
        shared.count(what);
    }
}

/// Counts several things that happen seldom.
pub fn count_many(what: Rare, times: u64) {
    if let Some(shared) = shared() {
        shared.count_many(what, times);
    }
}

/// Takes the memory of a configuration into use; called before workers start.
pub fn prepare(main: &MainConf) {
    let words = main.counters.map_or(&[][..], |zone: Zone| zone.words());
    let shared = Shared::prepare(words, RandomState::new().hash_one(std::process::id())).ok();
    SHARED.set(shared);
    if let Some(keeper) = main.keeper.as_ref() {
        keeper.with(applied);
    }
}

/// Notes which rulesets are in use. There is room for one pair: the first, which is the only one nearly everywhere.
pub fn applied(rulesets: &Rulesets) {
    if let (Some(shared), Some(pair)) = (shared(), rulesets.pairs().next()) {
        let Pair { rules, custom, .. } = pair.as_ref();
        let now = since_1970();
        shared.applied(Applied::Database { id: rules.id() }, now);
        shared.applied(Applied::Custom { id: custom.id, version: custom.version }, now);
    }
}

/// A worker starts: it takes its place, and counts those that crashed.
pub fn enter() {
    SLOT.set(shared().and_then(|shared| shared.enter(std::process::id(), process_exists)));
}

/// A worker ends in good order.
pub fn leave() {
    if let Some(slot) = SLOT.take() {
        slot.leave();
    }
}

/// The worker turns to a request; it counts as stalled when that takes longer than `timeout`.
pub fn busy(timeout: Duration) {
    if let Some(slot) = SLOT.get() {
        slot.begin(process::now(), timeout);
    }
}

/// The worker is free for other requests.
pub fn idle() {
    if let Some(slot) = SLOT.get() {
        slot.end();
    }
}

/// Counts an analysed request.
pub fn processed(application: Application, outcome: &Outcome) {
    let Some(shared) = shared() else { return };
    if outcome.source == Source::Allowed {
        shared.count(Rare::AllowListed);
    }
    if outcome.overlimit == Some(Overlimit::Memory) {
        shared.count(Rare::MemoryLimit);
    }
    let reason = match outcome.action {
        Action::Pass => None,
        Action::Block(reason) => Some(reason),
    };
    let request = Processed {
        attack: !outcome.attacks.is_empty(),
        blocked: reason.is_some(),
        blocked_by_acl: matches!(reason, Some(BlockReason::AclIp | BlockReason::AclSource)),
        overlimit: outcome.attacks.contains(Attack::OverlimitRes),
        detection: outcome.cpu,
    };
    shared.processed(process::worker_number(), shared.entry(application), &request, since_1970());
}

/// The tenant and application that a request belongs to.
#[must_use]
pub fn application(request: &Request, main: &MainConf, block: &Block) -> Application {
    let client = match block.client_uuid {
        None => None,
        Some(Dynamic::Fixed(client)) => Some(client),
        Some(Dynamic::Template(id)) => text(request, main, id).parse().ok(),
    };
    Application { client, id: application_number(request, main, block) }
}

/// The number of the application that a request belongs to; -1 for none.
#[must_use]
pub fn application_number(request: &Request, main: &MainConf, block: &Block) -> i64 {
    let number: Option<u32> = match block.application {
        None => None,
        Some(Dynamic::Fixed(number)) => Some(number),
        // A value that is no application counts as none.
        Some(Dynamic::Template(id)) => text(request, main, id).parse().ok().filter(|number| *number != 0),
    };
    number.map_or(Application::UNSET.id, i64::from)
}

/// The value of a text with variables; empty when it is none.
fn text<'a>(request: &'a Request, main: &MainConf, id: TemplateId) -> &'a str {
    let value = main.template(id).and_then(|template| request.evaluate(template)).unwrap_or_default();
    std::str::from_utf8(value).unwrap_or_default()
}

fn since_1970() -> Duration {
    SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default()
}

/// Called by NGINX for the content of a location.
pub unsafe extern "C" fn content(raw: *mut ngx_http_request_t) -> ngx_int_t {
    guard::run(Log::of_cycle(), Answer::Declined.code(), || {
        // SAFETY: NGINX gives a valid request, which lives during this call.
        let Some(request) = (unsafe { Request::new(raw) }) else { return Answer::Declined.code() };
        let location = request.location::<LocationConf>(module::this());
        let Some(format) = location.and_then(|location| location.holds.as_ref()?.status) else {
            return Answer::Declined.code();
        };
        if !request.reads() {
            return Answer::Status(405).code();
        }
        match request.global::<MainConf>(module::this()).and_then(|main| page(main, format)) {
            Some(page) => request.send(200, format.content_type(), page.as_bytes()),
            None => Answer::Status(503).code(),
        }
    })
}

fn page(main: &MainConf, format: Format) -> Option<String> {
    let files = |rulesets: &Rulesets| (rulesets.instances(), rulesets.files());
    let known = main.keeper.as_ref().and_then(|keeper| keeper.with(files));
    let (instances, [databases, custom_rulesets]) =
        known.unwrap_or((Instances::default(), [Vec::<RulesetFile>::new(), Vec::new()]));
    let local = Local {
        now: process::now(),
        instances,
        custom_rulesets: &custom_rulesets,
        databases: &databases,
        rate_limit: rate_limit::statistics(main),
    };
    Some(format.write(&shared()?.snapshot(local)))
}

//! `wallarm_rate_limit`: requests wait or are refused before they are analysed.

use crate::analysis::{Analysis, mode_of};
use crate::conf::{LocationConf, MainConf};
use crate::module;
use crate::ngx::Answer;
use crate::ngx::conf::OutOfMemory;
use crate::ngx::guard;
use crate::ngx::log::{Level, Log};
use crate::ngx::process;
use crate::ngx::repeating::Repeating;
use crate::ngx::request::Request;
use crate::ngx::shared_zone::Zone;
use module_logic::mode::Mode;
use module_logic::rate_limit::{Decision, Owner, Statistics, SweepPosition, Table};
use module_logic::settings::{Block, LogLevel};
use module_logic::shared_memory::process_exists;
use module_logic::verdict::Action;
use nginx_sys::{ngx_http_request_t, ngx_int_t};
use std::cell::{Cell, RefCell};
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// The name of the zone.
pub const ZONE: &str = "wallarm_rate_limit";

/// How often idle keys are forgotten.
const SWEEP: Duration = Duration::from_secs(60);
/// Sets that are swept at a time, and the pause after them: a fraction of a millisecond, so that no request waits for it.
const SETS: usize = 1024;
const PAUSE: Duration = Duration::from_millis(5);

/// The memory of a configuration that limits rates.
#[derive(Clone, Copy)]
pub struct Memory {
    /// The zone.
    pub zone: Zone,
    /// Its size, as configured.
    pub bytes: u64,
}

/// A mark in the pool of a request that went through its limits.
#[derive(Clone, Copy)]
struct Limited {
    refused: bool,
}

thread_local! {
    static SWEEPER: RefCell<Option<Repeating>> = const { RefCell::new(None) };
    static POSITION: Cell<SweepPosition> = Cell::new(SweepPosition::default());
}

/// Takes the memory of a configuration into use; called before workers start.
pub fn prepare(main: &MainConf, workers: usize) {
    main.workers.set(workers);
    if let Some(Memory { zone, bytes }) = main.limits {
        let random = RandomState::new();
        let seed = [random.hash_one(1), random.hash_one(2)];
        if let Err(error) = Table::prepare(zone.words(), seed, workers, bytes) {
            Log::of_cycle().write(Level::Error, &format!("wallarm: wallarm_rate_limit_shm_size is too small: {error}"));
        }
    }
}

/// A worker starts.
pub fn enter(main: &MainConf) {
    if main.limits.is_some() {
        SWEEPER.set(Some(Repeating::start(SWEEP, sweep)));
    }
}

/// A worker ends.
pub fn leave() {
    SWEEPER.set(None);
}

fn table(main: &MainConf) -> Option<Table<'static>> {
    let Memory { zone, bytes } = main.limits?;
    Table::attach(zone.words(), main.workers.get(), bytes).ok()
}

fn owner() -> Owner {
    Owner { pid: std::process::id(), alive: process_exists }
}

/// NGINX's clock in nanoseconds.
fn now() -> u64 {
    u64::try_from(process::now().as_nanos()).unwrap_or(u64::MAX)
}

/// The state of the limit, for the status page.
#[must_use]
pub fn statistics(main: &MainConf) -> Statistics {
    table(main).map_or_else(
        || Statistics {
            shm_zone_size: main.holds.as_ref().map_or(0, |holds| holds.rate_limit_shm_size),
            ..Statistics::default()
        },
        |table| table.statistics(),
    )
}

/// Forgets idle keys of this worker's part, some at a time. Returns when to go on.
fn sweep() -> Duration {
    let Some(table) = crate::conf::running().and_then(table) else { return SWEEP };
    match table.sweep(owner(), process::worker_number(), POSITION.get(), SETS, now()) {
        Some(position) => {
            POSITION.set(position);
            PAUSE
        }
        None => {
            POSITION.set(SweepPosition::default());
            SWEEP
        }
    }
}

/// Called by NGINX before the analysis; again after a wait and after internal redirects.
pub unsafe extern "C" fn preaccess(raw: *mut ngx_http_request_t) -> ngx_int_t {
    guard::run(Log::of_cycle(), Answer::Declined.code(), || {
        // SAFETY: NGINX gives a valid request, which lives during this call.
        let Some(request) = (unsafe { Request::new(raw) }) else { return Answer::Declined.code() };
        let (main, location) = (request.global(module::this()), request.location::<LocationConf>(module::this()));
        let (Some(main), Some(block)) = (main, location.and_then(|location| location.holds.as_ref())) else {
            return Answer::Declined.code();
        };
        if block.rate_limits.is_empty() || !block.rate_limit_enabled || !request.is_main() {
            return Answer::Declined.code();
        }
        // On its way to the page of a block.
        if Analysis::of(&request).is_some_and(|analysis| analysis.outcome.action != Action::Pass) {
            return Answer::Declined.code();
        }
        if request.kept::<Limited>().is_some() || mode_of(&request, main, block) == Mode::Off {
            return Answer::Declined.code();
        }
        let decision = decide(&request, main, block);
        if let Err(OutOfMemory) = request.keep(Limited { refused: decision == Decision::Refuse }) {
            return Answer::Status(500).code();
        }
        match decision {
            Decision::Pass => Answer::Declined.code(),
            Decision::Delay(time) => request.wait(Duration::from_nanos(time)),
            Decision::Refuse => Answer::Status(block.rate_limit_status_code).code(),
        }
    })
}

/// Whether the request was refused. It is not analysed then: refusing is for sparing the machine.
#[must_use]
pub fn refused(request: &Request) -> bool {
    request.kept::<Limited>().is_some_and(|limited| limited.refused)
}

/// The decisions of all limits together: the first that refuses, else the longest wait.
fn decide(request: &Request, main: &MainConf, block: &Block) -> Decision {
    let Some(table) = table(main) else { return Decision::Pass };
    let mut longest = 0;
    for line in &block.rate_limits {
        let key = main.template(line.key).and_then(|template| request.evaluate(template)).unwrap_or_default();
        // As with `limit_req`, requests without a key are not limited.
        if key.is_empty() {
            continue;
        }
        match table.check(owner(), table.key(&line.limit, key), &line.limit, now()) {
            Decision::Pass => {}
            Decision::Delay(time) => longest = longest.max(time),
            Decision::Refuse => {
                // The text of the key, not its value: that may be a secret.
                let text = format!("wallarm: limiting requests by \"{}\"", line.limit.key);
                request.log().write(level(block.rate_limit_log_level), &text);
                return Decision::Refuse;
            }
        }
    }
    if longest > 0 { Decision::Delay(longest) } else { Decision::Pass }
}

const fn level(level: LogLevel) -> Level {
    match level {
        LogLevel::Info => Level::Info,
        LogLevel::Notice => Level::Notice,
        LogLevel::Warn => Level::Warning,
        LogLevel::Error => Level::Error,
    }
}

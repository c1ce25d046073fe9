//! What is done with the outcome of a request: it is counted, and its record is sent.

use crate::analysis::{Analysis, mode_of};
use crate::cloud;
use crate::conf::{LocationConf, MainConf};
use crate::memory_limit;
use crate::module;
use crate::ngx::log::Level;
use crate::ngx::request::Request;
use crate::status;
use crate::upstream;
use detection::Overlimit;
use module_logic::record::Blocked;
use module_logic::status::Rare;
use module_logic::verdict::Action;
use std::sync::atomic::{AtomicU64, Ordering};

/// Requests whose variable for the mode yielded no mode.
static ODD_MODES: AtomicU64 = AtomicU64::new(0);

/// Called once for each analysed request, when its response is known.
pub fn report(request: &Request, analysis: &mut Analysis) {
    if analysis.outcome.body_unread {
        request.log().write(Level::Error, "wallarm: the spooled body could not be read; its rest was not analysed");
    }
    if let Some(limit) = analysis.outcome.overlimit {
        let limit = match limit {
            Overlimit::Time => "wallarm_process_time_limit",
            Overlimit::Values => "the number of values",
            Overlimit::Decompressed => "the size of decompressed data",
            Overlimit::Memory => "wallarm_request_memory_limit",
        };
        request.log().write(Level::Error, &format!("wallarm: the analysis of the request ended at a limit: {limit}"));
    }
    let blocked = match analysis.outcome.action {
        Action::Pass => None,
        Action::Block(reason) => Some(Blocked::Verdict(reason)),
    };
    // There is one backend; the other one takes nothing.
    analysis.outcome.serialized =
        upstream::report(request, analysis, blocked) + cloud::report(request, analysis, blocked);
    let main = request.global::<MainConf>(module::this());
    let block = request.location::<LocationConf>(module::this()).and_then(|location| location.holds.as_ref());
    if let (Some(main), Some(block)) = (main, block) {
        if analysis.outcome.overlimit == Some(Overlimit::Memory) && block.memlimit_debug {
            memory_limit::keep(request);
        }
        status::processed(status::application(request, main, block), &analysis.outcome);
    }
}

/// Called once for each request that a rate limit refused. The counters of the limit know of it; postanalytics sees it unanalysed.
pub fn refused(request: &Request) {
    let main = request.global::<MainConf>(module::this());
    let block = request.location::<LocationConf>(module::this()).and_then(|location| location.holds.as_ref());
    if let (Some(main), Some(block)) = (main, block) {
        let analysis = Analysis::unseen(mode_of(request, main, block), block);
        upstream::report(request, &analysis, Some(Blocked::RateLimit));
    }
}

/// Postanalytics did not take so many records.
pub fn records_lost(count: u64) {
    status::count_many(Rare::PostanalyticsLost, count);
}

/// The API did not take so many requests with attacks.
pub fn attacks_lost(count: u64) {
    status::count_many(Rare::ApiLost, count);
}

/// An error of the engine was caught.
pub fn engine_error() {
    status::count(Rare::EngineError);
    // It may have cut a turn short.
    status::idle();
}

/// A rule set is larger than its limit.
pub fn ruleset_over_limit() {
    status::count(Rare::RulesetMemoryLimit);
}

/// A variable yielded something else than a mode. Written each time the count reaches a power of two.
pub fn odd_mode(request: &Request, text: &[u8]) {
    if (ODD_MODES.fetch_add(1, Ordering::Relaxed) + 1).is_power_of_two() {
        let text = String::from_utf8_lossy(text);
        request.log().write(Level::Warning, &format!("wallarm: \"{text}\" is no mode, \"monitoring\" is taken"));
    }
}

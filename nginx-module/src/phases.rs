//! The entries from NGINX while it processes a request.
//!
//! The verdict falls in the pre-access phase, since in the access phase `satisfy any` could overrule it. A body is read first;
//! the phases rest until it is there and analysed.

use crate::analysis::{Analysis, Outcome, Stage, Turn};
use crate::block_page;
use crate::cloud;
use crate::conf::{self, LocationConf, MainConf};
use crate::faults::{self, Place};
use crate::module;
use crate::ngx::Answer;
use crate::ngx::event::Posted;
use crate::ngx::guard;
use crate::ngx::log::Log;
use crate::ngx::process;
use crate::ngx::request::Request;
use crate::rate_limit;
use crate::report;
use crate::status;
use crate::upstream;
use module_logic::verdict::Action;
use nginx_sys::{ngx_cycle_t, ngx_event_t, ngx_http_request_t, ngx_int_t};
use std::ptr::NonNull;

/// Called by NGINX when a configuration was read and its shared memory is there, before workers start.
pub unsafe extern "C" fn init_module(cycle: *mut ngx_cycle_t) -> ngx_int_t {
    guard::run(Log::of_cycle(), Answer::Ok.code(), || {
        // SAFETY: NGINX gives the cycle that it made.
        let (main, workers) =
            unsafe { (process::main_conf::<MainConf>(cycle, module::this()), process::workers(cycle)) };
        if let Some(main) = main {
            status::prepare(main);
            rate_limit::prepare(main, workers);
        }
        Answer::Ok.code()
    })
}

/// Called by NGINX when a worker starts.
pub unsafe extern "C" fn init_process(_cycle: *mut ngx_cycle_t) -> ngx_int_t {
    guard::quieten();
    guard::run(Log::of_cycle(), Answer::Ok.code(), || {
        if let Some(main) = conf::running().filter(|_| process::serves_requests()) {
            status::enter();
            rate_limit::enter(main);
            if let Some(keeper) = &main.keeper {
                keeper.start();
            }
        }
        Answer::Ok.code()
    })
}

/// Called by NGINX when a worker ends, before it unloads this library.
pub unsafe extern "C" fn exit_process(_cycle: *mut ngx_cycle_t) {
    guard::run(Log::of_cycle(), (), upstream::end);
    guard::run(Log::of_cycle(), (), cloud::end);
    guard::run(Log::of_cycle(), (), || {
        if let Some(keeper) = conf::running().and_then(|main| main.keeper.as_ref()) {
            keeper.stop();
        }
        rate_limit::leave();
        status::leave();
    });
}

/// Called by NGINX before access is decided; perhaps several times for one request.
pub unsafe extern "C" fn preaccess(raw: *mut ngx_http_request_t) -> ngx_int_t {
    guard::run(Log::of_cycle(), Answer::Declined.code(), || {
        // SAFETY: NGINX gives a valid request; it ends during this call only where the value is consumed.
        let Some(request) = (unsafe { Request::new(raw) }) else { return Answer::Declined.code() };
        if !request.is_main() {
            return Answer::Declined.code();
        }
        match request.context::<Analysis>(module::this()) {
            // SAFETY: the context lives as long as the request, and no other reference to it exists during a callback.
            Some(analysis) => unsafe { deliver(request, analysis) },
            None => first_visit(request),
        }
    })
}

/// A request that was not seen yet.
fn first_visit(request: Request) -> ngx_int_t {
    // On its way to the page for that error.
    if request.is_internal() && rate_limit::refused(&request) {
        return Answer::Declined.code();
    }
    let Some(mut analysis) = begin(&request) else { return Answer::Declined.code() };
    if request.announces_body() {
        // SAFETY: the context was made just now; this is its only reference.
        unsafe { analysis.as_mut() }.pause();
        return request.read_body(body_came);
    }
    faults::strike(&request, Place::Preaccess);
    // SAFETY: as above.
    let turn = unsafe { analysis.as_mut() }.turn();
    match turn {
        // SAFETY: as above.
        Turn::Finished => unsafe { deliver(request, analysis) },
        Turn::Again => {
            // SAFETY: as above.
            wait(&request, unsafe { analysis.as_mut() });
            Answer::Again.code()
        }
    }
}

/// Makes the context of a request that is to be analysed.
fn begin(request: &Request) -> Option<NonNull<Analysis>> {
    let main = request.global::<MainConf>(module::this())?;
    let location = request.location::<LocationConf>(module::this())?;
    let analysis = Analysis::begin(request, main, location)?;
    request.set_context(module::this(), analysis)
}

/// Tells NGINX the verdict, once: the error page of a blocked request must not be blocked again.
///
/// # Safety
///
/// `analysis` must be the context of the request, to which no reference exists. It is gone when the answer ends the request.
unsafe fn deliver(request: Request, mut analysis: NonNull<Analysis>) -> ngx_int_t {
    let outcome = {
        // SAFETY: as the caller promises; the reference ends before the request may.
        let analysis = unsafe { analysis.as_mut() };
        match analysis.stage {
            // NGINX could not read the body, and is on its way to the page for that error.
            Stage::Waiting => {
                analysis.give_up();
                return Answer::Declined.code();
            }
            Stage::Delivered => return Answer::Declined.code(),
            Stage::Decided => analysis.stage = Stage::Delivered,
        }
        analysis.outcome
    };
    answer(request, &outcome)
}

/// The answer to a request that was decided.
fn answer(request: Request, outcome: &Outcome) -> ngx_int_t {
    if outcome.out_of_memory {
        return Answer::Status(500).code();
    }
    match outcome.action {
        Action::Pass => Answer::Declined.code(),
        Action::Block(reason) => block_page::answer(request, reason),
    }
}

/// Asks for another turn of the analysis.
fn wait(request: &Request, analysis: &mut Analysis) {
    analysis.stage = Stage::Waiting;
    request.rest();
    let event = analysis.event.get_or_insert_with(|| Posted::new(next_turn, request.raw().cast(), request.log().raw()));
    // SAFETY: the event lies in the context, which does not move; the request is its data, and outlives the context.
    unsafe { event.post() };
}

/// Called by NGINX when the body is there.
unsafe extern "C" fn body_came(raw: *mut ngx_http_request_t) {
    let resume = guard::run(Log::of_cycle(), true, || {
        // SAFETY: NGINX gives a valid request.
        let Some(request) = (unsafe { Request::new(raw) }) else { return false };
        request.preserve_body();
        let Some(mut analysis) = request.context::<Analysis>(module::this()) else { return true };
        // SAFETY: the context lives as long as the request, and no other reference to it exists during a callback.
        let analysis = unsafe { analysis.as_mut() };
        analysis.body_came(request.body());
        // As in `take_turn`.
        analysis.stage = Stage::Delivered;
        faults::strike(&request, Place::Body);
        take_turn(&request, analysis)
    });
    // SAFETY: the request is still valid: nothing above ends it.
    if resume && let Some(request) = unsafe { Request::new(raw) } {
        request.resume();
    }
}

/// Called by NGINX when a posted turn is due.
unsafe extern "C" fn next_turn(event: *mut ngx_event_t) {
    // SAFETY: the data of the event is the request, which is valid as long as its context, and that holds the event.
    let raw = unsafe { (*event).data }.cast::<ngx_http_request_t>();
    let resume = guard::run(Log::of_cycle(), true, || {
        // SAFETY: as above.
        let Some(request) = (unsafe { Request::new(raw) }) else { return false };
        let Some(mut analysis) = request.context::<Analysis>(module::this()) else { return true };
        // SAFETY: the context lives as long as the request, and no other reference to it exists during a callback.
        take_turn(&request, unsafe { analysis.as_mut() })
    });
    // SAFETY: the request is still valid: nothing above ends it.
    if resume && let Some(request) = unsafe { Request::new(raw) } {
        request.resume_from_event();
    }
}

/// One turn; whether the phases can go on.
fn take_turn(request: &Request, analysis: &mut Analysis) -> bool {
    // A panic below leaves the request as one that was given up, so that it passes.
    analysis.stage = Stage::Delivered;
    if let Some(event) = &mut analysis.event {
        event.ran();
    }
    match analysis.turn() {
        Turn::Finished => true,
        Turn::Again => {
            wait(request, analysis);
            false
        }
    }
}

/// Called by NGINX when the response was sent.
pub unsafe extern "C" fn log(raw: *mut ngx_http_request_t) -> ngx_int_t {
    guard::run(Log::of_cycle(), Answer::Ok.code(), || {
        // SAFETY: NGINX gives a valid request, which lives during this call.
        let Some(request) = (unsafe { Request::new(raw) }) else { return Answer::Ok.code() };
        if !request.is_main() {
            return Answer::Ok.code();
        }
        if let Some(mut analysis) = settled(&request) {
            faults::strike(&request, Place::Log);
            // SAFETY: the context lives as long as the request, and no other reference to it exists during a callback.
            report::report(&request, unsafe { analysis.as_mut() });
        } else if rate_limit::refused(&request) {
            report::refused(&request);
        }
        Answer::Ok.code()
    })
}

/// The context of a request whose response was sent. A location that only returns never reaches the pre-access phase: its
/// requests are looked at now, to be reported.
pub fn settled(request: &Request) -> Option<NonNull<Analysis>> {
    if let Some(mut known) = request.context::<Analysis>(module::this()) {
        // SAFETY: the context lives as long as the request, and no other reference to it exists during a callback.
        let analysis = unsafe { known.as_mut() };
        if analysis.stage == Stage::Waiting {
            analysis.give_up();
        }
        return Some(known);
    }
    if request.target().is_empty() || rate_limit::refused(request) {
        return None;
    }
    let mut analysis = begin(request)?;
    // SAFETY: the context was made just now; this is its only reference.
    unsafe { analysis.as_mut() }.give_up();
    Some(analysis)
}

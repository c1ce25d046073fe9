//! The entries from NGINX while it processes a request.
//!
//! The verdict falls in the pre-access phase, since in the access phase `satisfy any` could overrule it. A body is read first;
//! the phases rest until it is there and analysed.

use crate::analysis::{Analysis, Outcome, Stage, Turn};
use crate::conf::{LocationConf, MainConf};
use crate::module;
use crate::ngx::Answer;
use crate::ngx::event::Posted;
use crate::ngx::guard;
use crate::ngx::log::Log;
use crate::ngx::request::Request;
use crate::report;
use module_logic::verdict::Action;
use nginx_sys::{ngx_cycle_t, ngx_event_t, ngx_http_request_t, ngx_int_t};
use std::ptr::NonNull;

/// Called by NGINX when a worker starts.
pub unsafe extern "C" fn init_process(_cycle: *mut ngx_cycle_t) -> ngx_int_t {
    guard::quieten();
    Answer::Ok.code()
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
            Some(mut analysis) => deliver(&request, unsafe { analysis.as_mut() }).code(),
            None => first_visit(request),
        }
    })
}

/// A request that was not seen yet.
fn first_visit(request: Request) -> ngx_int_t {
    let Some(mut analysis) = begin(&request) else { return Answer::Declined.code() };
    if request.announces_body() {
        // SAFETY: the context was made just now; this is its only reference.
        unsafe { analysis.as_mut() }.stage = Stage::Waiting;
        return request.read_body(body_came);
    }
    // SAFETY: as above.
    let analysis = unsafe { analysis.as_mut() };
    match analysis.turn() {
        Turn::Finished => deliver(&request, analysis).code(),
        Turn::Again => {
            wait(&request, analysis);
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
fn deliver(request: &Request, analysis: &mut Analysis) -> Answer {
    match analysis.stage {
        Stage::Waiting => Answer::Again,
        Stage::Delivered => Answer::Declined,
        Stage::Decided => {
            analysis.stage = Stage::Delivered;
            answer(request, &analysis.outcome)
        }
    }
}

/// The answer to a request that was decided.
fn answer(_request: &Request, outcome: &Outcome) -> Answer {
    if outcome.out_of_memory {
        return Answer::Status(500);
    }
    match outcome.action {
        Action::Pass => Answer::Declined,
        Action::Block(_) => Answer::Status(403),
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
        if request.is_main()
            && let Some(mut analysis) = settled(&request)
        {
            // SAFETY: the context lives as long as the request, and no other reference to it exists during a callback.
            report::report(&request, unsafe { analysis.as_mut() });
        }
        Answer::Ok.code()
    })
}

/// The context of a request whose response was sent. A location that only returns never reaches the pre-access phase: its
/// requests are looked at now, to be reported.
pub fn settled(request: &Request) -> Option<NonNull<Analysis>> {
    if let Some(known) = request.context::<Analysis>(module::this()) {
        return Some(known);
    }
    if request.target().is_empty() {
        return None;
    }
    let mut analysis = begin(request)?;
    // SAFETY: the context was made just now; this is its only reference.
    let late = unsafe { analysis.as_mut() };
    late.finish();
    late.outcome.action = Action::Pass;
    late.stage = Stage::Delivered;
    Some(analysis)
}

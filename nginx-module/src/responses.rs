//! What responses give away: the first part of a body is looked at on its way to the client, and never changed or held back.

use crate::analysis::Analysis;
use crate::conf::LocationConf;
use crate::module;
use crate::ngx::body_filter::{self, InMemory};
use crate::ngx::guard;
use crate::ngx::log::Log;
use crate::ngx::request::Request;
use module_logic::response::Look;
use nginx_sys::{ngx_chain_t, ngx_http_request_t, ngx_int_t};

/// Called by NGINX with each part of a body.
pub unsafe extern "C" fn filter(raw: *mut ngx_http_request_t, chain: *mut ngx_chain_t) -> ngx_int_t {
    guard::run(Log::of_cycle(), (), || {
        // SAFETY: NGINX gives a valid request, which lives during this call.
        if let Some(request) = unsafe { Request::new(raw) }
            && request.is_main()
        {
            // SAFETY: NGINX gives a chain that nobody changes during this call.
            look(&request, unsafe { InMemory::new(chain) });
        }
    });
    // SAFETY: NGINX's arguments are passed on.
    unsafe { body_filter::pass_on(raw, chain) }
}

fn look(request: &Request, pieces: InMemory<'_>) {
    let Some(mut analysis) = request.context::<Analysis>(module::this()) else { return };
    // SAFETY: the context lives as long as the request, and no other reference to it exists while a response is sent.
    let analysis = unsafe { analysis.as_mut() };
    if !analysis.looks_at_response() {
        return;
    }
    let location = request.location::<LocationConf>(module::this());
    let Some(block) = location.and_then(|location| location.holds.as_ref()) else { return };
    for piece in pieces {
        let status = request.response_status();
        let begin = || Look::begin(block, status, request.response_type(), request.response_is_encoded());
        analysis.response(status, piece, begin);
    }
}

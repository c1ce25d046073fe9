//! What kind of process this is, its clock, and the configuration that it runs.

use nginx_sys::{ngx_core_conf_t, ngx_cycle_t, ngx_http_conf_ctx_t, ngx_module_t};
use std::ptr::NonNull;
use std::time::Duration;

/// Whether this process serves requests, as against the master and the helpers that look after caches.
#[must_use]
pub fn serves_requests() -> bool {
    // SAFETY: NGINX sets the number before it calls modules; a worker is single-threaded.
    let process = unsafe { nginx_sys::ngx_process };
    process == nginx_sys::NGX_PROCESS_WORKER as usize || process == nginx_sys::NGX_PROCESS_SINGLE as usize
}

/// Whether this process only sends a signal to a running NGINX (`nginx -s reload`); it reads the configuration all the same.
#[must_use]
pub fn only_signals() -> bool {
    // SAFETY: NGINX sets the number while it reads its arguments.
    unsafe { nginx_sys::ngx_process == nginx_sys::NGX_PROCESS_SIGNALLER as usize }
}

/// The number of this worker, from 0; that of a worker that crashed goes to the one that takes its place.
#[must_use]
pub fn worker_number() -> usize {
    // SAFETY: NGINX sets the number before it calls modules.
    unsafe { nginx_sys::ngx_worker }
}

/// NGINX's clock: monotonic, of milliseconds, read once a turn of its loop, the same in all processes.
#[must_use]
pub fn now() -> Duration {
    // SAFETY: NGINX updates the number in the thread that calls modules.
    Duration::from_millis(unsafe { nginx_sys::ngx_current_msec } as u64)
}

/// How many workers a configuration has.
///
/// # Safety
///
/// The cycle must be one that NGINX gave to a callback.
#[must_use]
pub unsafe fn workers(cycle: *mut ngx_cycle_t) -> usize {
    // SAFETY: the configurations of a cycle are listed by the index of the module; that of the core is always there.
    let conf = unsafe { NonNull::new((*cycle).conf_ctx.add(nginx_sys::ngx_core_module.index)) };
    // SAFETY: as above.
    let core = conf.and_then(|conf| NonNull::new(unsafe { *conf.as_ptr() }.cast::<ngx_core_conf_t>()));
    // SAFETY: as above.
    core.map_or(1, |core| usize::try_from(unsafe { core.as_ref() }.worker_processes).unwrap_or(1))
}

/// The configuration of a module for the `http` block; none without such a block.
///
/// # Safety
///
/// The cycle must be one that NGINX gave to a callback, and the result must not be used longer than it.
#[must_use]
pub unsafe fn main_conf<'a, T>(cycle: *mut ngx_cycle_t, module: &ngx_module_t) -> Option<&'a T> {
    // SAFETY: the configurations of a cycle are listed by the index of the module.
    let http = unsafe { *(*cycle).conf_ctx.add(nginx_sys::ngx_http_module.index) };
    let http = NonNull::new(http.cast::<ngx_http_conf_ctx_t>())?;
    // SAFETY: the `http` block lists the configurations of its modules by their index in it.
    let conf = unsafe { *http.as_ref().main_conf.add(module.ctx_index) };
    // SAFETY: it lives as long as the cycle.
    NonNull::new(conf.cast::<T>()).map(|conf| unsafe { conf.as_ref() })
}

//! Events that are posted to the next turn of NGINX's loop.

use nginx_sys::{ngx_add_timer, ngx_del_timer, ngx_delete_posted_event, ngx_event_t, ngx_post_event};
use std::ffi::c_void;
use std::mem;

/// Longer than any event waits for its turn, in milliseconds.
const FAR: usize = 3_600_000;

/// An event that runs a function in the next turn of the loop, after the others had theirs. It must not move once posted.
pub struct Posted(ngx_event_t);

impl Posted {
    /// An event that calls `handler` with an event whose `data` is `data`.
    #[must_use]
    pub fn new(
        handler: unsafe extern "C" fn(*mut ngx_event_t),
        data: *mut c_void,
        log: *mut nginx_sys::ngx_log_t,
    ) -> Self {
        // SAFETY: NGINX's own modules clear events so: every field is a number, a pointer or an optional function.
        let mut event: ngx_event_t = unsafe { mem::zeroed() };
        event.handler = Some(handler);
        event.data = data;
        event.log = log;
        Self(event)
    }

    /// Asks for a call in the next turn.
    ///
    /// A worker that ends waits for timers, not for posted events: without the timer that is set here, it would exit with the
    /// request unanswered. The handler takes it back by [`Posted::ran`].
    ///
    /// # Safety
    ///
    /// The event must stay where it is until it ran or is dropped, and its data must be valid that long.
    pub unsafe fn post(&mut self) {
        // SAFETY: the queue is NGINX's own, initialised before workers start; the caller promises the rest.
        unsafe { ngx_post_event(&raw mut self.0, &raw mut nginx_sys::ngx_posted_next_events) };
        // SAFETY: as above, for NGINX's tree of timers.
        unsafe { ngx_add_timer(&raw mut self.0, FAR) };
    }

    /// The event ran: a worker that ends need not wait for it any more.
    pub fn ran(&mut self) {
        if self.0.timer_set() != 0 {
            // SAFETY: a timer that is set stands in NGINX's tree.
            unsafe { ngx_del_timer(&raw mut self.0) };
        }
    }
}

impl Drop for Posted {
    fn drop(&mut self) {
        self.ran();
        if self.0.posted() != 0 {
            // SAFETY: a posted event stands in a valid queue.
            unsafe { ngx_delete_posted_event(&raw mut self.0) };
        }
    }
}

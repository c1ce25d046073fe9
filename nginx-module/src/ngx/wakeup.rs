//! A timer that an ending worker waits for if it should, and the clock of such timers.

use super::log::Log;
use module_logic::upstream::Moment;
use nginx_sys::{ngx_connection_t, ngx_event_t, ngx_msec_t};
use std::mem;
use std::ptr::NonNull;
use std::time::Duration;

/// The moment that NGINX's loop shows; it is read once a turn.
#[must_use]
pub fn now() -> Moment {
    // SAFETY: the variable is a plain number, written by this thread only.
    Moment::from_millis(unsafe { nginx_sys::ngx_current_msec } as u64)
}

/// Whether this worker ends as soon as nothing is left to do: after a reload or `nginx -s quit`.
#[must_use]
pub fn is_ending() -> bool {
    // SAFETY: the variable is a plain number, written by this thread only.
    unsafe { nginx_sys::ngx_exiting != 0 }
}

/// A timer that runs a function once each time it is set.
pub struct Wakeup {
    event: NonNull<ngx_event_t>,
    /// With debug logging, NGINX reads the descriptor of the connection that it takes an event's data for.
    stand_in: NonNull<ngx_connection_t>,
}

impl Wakeup {
    /// A timer that calls `handler` when it is due.
    #[must_use]
    pub fn new(handler: unsafe extern "C" fn(*mut ngx_event_t)) -> Self {
        // SAFETY: every field is a number, a pointer or an optional function, for which zeros are valid.
        let mut stand_in: Box<ngx_connection_t> = Box::new(unsafe { mem::zeroed() });
        stand_in.fd = -1;
        let stand_in = NonNull::from(Box::leak(stand_in));
        // SAFETY: as above.
        let mut event: Box<ngx_event_t> = Box::new(unsafe { mem::zeroed() });
        event.handler = Some(handler);
        event.data = stand_in.as_ptr().cast();
        event.log = Log::of_cycle().raw();
        Self { event: NonNull::from(Box::leak(event)), stand_in }
    }

    /// Whether it is going to run.
    #[must_use]
    pub fn is_set(&self) -> bool {
        // SAFETY: the event lives as long as this value.
        unsafe { self.event.as_ref() }.timer_set() != 0
    }

    /// Runs after `wait`, instead of when it was set to run before.
    pub fn set(&mut self, wait: Duration) {
        self.unset();
        let millis = ngx_msec_t::try_from(wait.as_millis()).unwrap_or(ngx_msec_t::MAX / 2);
        // SAFETY: the event is valid, stays where it is, and is not set.
        unsafe { nginx_sys::ngx_add_timer(self.event.as_ptr(), millis) };
    }

    /// Says whether a worker that ends waits for this timer.
    pub fn holds_worker(&mut self, holds: bool) {
        // SAFETY: the event is valid, and nobody holds a reference to it now.
        unsafe { self.event.as_mut() }.set_cancelable(u32::from(!holds));
    }

    fn unset(&mut self) {
        if self.is_set() {
            // SAFETY: the event is valid and set.
            unsafe { nginx_sys::ngx_del_timer(self.event.as_ptr()) };
        }
    }
}

impl Drop for Wakeup {
    fn drop(&mut self) {
        self.unset();
        // SAFETY: both were leaked in `new`, and NGINX forgot the event just now.
        unsafe {
            drop(Box::from_raw(self.event.as_ptr()));
            drop(Box::from_raw(self.stand_in.as_ptr()));
        }
    }
}

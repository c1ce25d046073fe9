//! Timers that repeat. They do not keep a worker from ending.

use super::guard;
use super::log::Log;
use nginx_sys::{ngx_add_timer, ngx_del_timer, ngx_event_t};
use std::mem;
use std::time::Duration;

/// What a timer does; it says when to come again.
type Action = fn() -> Duration;

/// A timer that calls a function, waits as long as that says, and calls it again, until it is dropped.
pub struct Repeating(Box<ngx_event_t>);

impl Repeating {
    /// Starts it: the first call comes after `first`.
    #[must_use]
    pub fn start(first: Duration, action: Action) -> Self {
        // SAFETY: NGINX's own modules clear events so: every field is a number, a pointer or an optional function.
        let mut event: Box<ngx_event_t> = Box::new(unsafe { mem::zeroed() });
        event.handler = Some(fire);
        // A function has no address that may be written to; `fire` only calls it.
        event.data = action as *mut std::ffi::c_void;
        event.log = Log::of_cycle().raw();
        // A worker that is told to end waits for timers that are not cancelable.
        event.set_cancelable(1);
        // SAFETY: the event is valid and stays where it is, in its box.
        unsafe { ngx_add_timer(&raw mut *event, milliseconds(first)) };
        Self(event)
    }
}

impl Drop for Repeating {
    fn drop(&mut self) {
        if self.0.timer_set() != 0 {
            // SAFETY: the event stands in NGINX's tree of timers.
            unsafe { ngx_del_timer(&raw mut *self.0) };
        }
    }
}

/// Called by NGINX when the time is over.
unsafe extern "C" fn fire(event: *mut ngx_event_t) {
    let again = guard::run(Log::of_cycle(), Duration::from_secs(60), || {
        // SAFETY: `start` stored a function of this type there.
        let action: Action = unsafe { mem::transmute::<*mut std::ffi::c_void, Action>((*event).data) };
        action()
    });
    // SAFETY: NGINX gives the event of a timer that was not dropped.
    unsafe { ngx_add_timer(event, milliseconds(again)) };
}

fn milliseconds(time: Duration) -> usize {
    usize::try_from(time.as_millis()).unwrap_or(usize::MAX).min(1 << 31)
}

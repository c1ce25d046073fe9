//! Letting a request wait, as NGINX's `limit_req` does, and what it remembers meanwhile.

use super::Answer;
use super::conf::OutOfMemory;
use super::guard;
use super::log::Log;
use super::owned;
use super::request::Request;
use nginx_sys::{ngx_http_request_t, ngx_int_t};
use std::time::Duration;

impl Request {
    /// Keeps a value as long as the request lives, internal redirects included.
    ///
    /// # Errors
    ///
    /// When memory is exhausted.
    pub fn keep<T>(&self, value: T) -> Result<(), OutOfMemory> {
        // SAFETY: the pool of a living request is valid.
        unsafe { owned::give((*self.raw()).pool, value) }.map(|_| ()).ok_or(OutOfMemory)
    }

    /// The value of this type that is kept, if any.
    #[must_use]
    pub fn kept<T: Copy>(&self) -> Option<T> {
        // SAFETY: the pool of a living request is valid, and values of the type come from `keep`.
        let value = unsafe { owned::find::<T>((*self.raw()).pool) }?;
        // SAFETY: the value lives as long as the pool, and nobody changes it.
        Some(unsafe { value.read() })
    }

    /// Runs the phases again after this time, from the one that calls this. A client that goes away meanwhile ends the request.
    #[must_use]
    pub fn wait(self, time: Duration) -> ngx_int_t {
        let raw = self.raw();
        // SAFETY: a request has a connection with both events while it lives; nobody else uses them during a callback.
        let connection = unsafe { &mut *(*raw).connection };
        // SAFETY: as above.
        if unsafe { nginx_sys::ngx_handle_read_event(connection.read, 0) } != Answer::Ok.code() {
            return Answer::Status(500).code();
        }
        // SAFETY: the request is valid.
        unsafe {
            (*raw).read_event_handler = Some(nginx_sys::ngx_http_test_reading);
            (*raw).write_event_handler = Some(go_on);
        }
        let milliseconds = usize::try_from(time.as_millis()).unwrap_or(usize::MAX).clamp(1, 1 << 31);
        // SAFETY: the event of the connection is valid; NGINX clears `delayed` when the timer fires.
        unsafe {
            (*connection.write).set_delayed(1);
            nginx_sys::ngx_add_timer(connection.write, milliseconds);
        }
        Answer::Again.code()
    }
}

/// Called by NGINX when the connection can be written to, or the time is over.
unsafe extern "C" fn go_on(raw: *mut ngx_http_request_t) {
    let over = guard::run(Log::of_cycle(), true, || {
        // SAFETY: NGINX gives a valid request with its connection.
        let write = unsafe { (*(*raw).connection).write };
        // SAFETY: as above.
        if unsafe { (*write).delayed() } == 0 {
            return true;
        }
        // SAFETY: as above.
        if unsafe { nginx_sys::ngx_handle_write_event(write, 0) } != Answer::Ok.code() {
            // SAFETY: the request is valid, and is not used afterwards.
            unsafe { nginx_sys::ngx_http_finalize_request(raw, Answer::Status(500).code()) };
        }
        false
    });
    if !over {
        return;
    }
    // SAFETY: as above.
    if unsafe { nginx_sys::ngx_handle_read_event((*(*raw).connection).read, 0) } != Answer::Ok.code() {
        // SAFETY: as above.
        unsafe { nginx_sys::ngx_http_finalize_request(raw, Answer::Status(500).code()) };
        return;
    }
    // SAFETY: the request is valid; `resume` consumes it.
    unsafe { (*raw).read_event_handler = Some(nginx_sys::ngx_http_block_reading) };
    // SAFETY: as above.
    if let Some(request) = unsafe { Request::new(raw) } {
        request.resume();
    }
}

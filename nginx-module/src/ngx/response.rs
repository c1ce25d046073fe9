//! Answering a request: with a text, a redirect, or another location.

use super::request::Request;
use super::{Answer, text};
use nginx_sys::{ngx_http_complex_value_t, ngx_int_t};
use std::mem;

impl Request {
    /// Sends a response. The answer is that of a content handler; [`Request::finish`] gives it to NGINX elsewhere.
    #[must_use]
    pub fn send(&self, status: u16, content_type: &'static str, body: &[u8]) -> ngx_int_t {
        let raw = self.raw();
        // SAFETY: the pool of a living request is valid.
        let Some(body) = (unsafe { text::copy((*raw).pool, body) }) else { return Answer::Status(500).code() };
        // SAFETY: as above; the header filters may keep the text as long as the request lives.
        let Some(mut content_type) = (unsafe { text::copy((*raw).pool, content_type.as_bytes()) }) else {
            return Answer::Status(500).code();
        };
        // SAFETY: the struct holds numbers and pointers only, for which zeros are valid: a text without variables.
        let mut value: ngx_http_complex_value_t = unsafe { mem::zeroed() };
        value.value = body;
        // SAFETY: everything is valid during the call; what NGINX keeps lies in the pool.
        unsafe { nginx_sys::ngx_http_send_response(raw, usize::from(status), &raw mut content_type, &raw mut value) }
    }

    /// Sends the client to another place. The answer is that of a handler of any phase.
    #[must_use]
    pub fn redirect(&self, status: u16, place: &[u8]) -> ngx_int_t {
        let raw = self.raw();
        // SAFETY: the pool of a living request is valid.
        let Some(place) = (unsafe { text::copy((*raw).pool, place) }) else { return Answer::Status(500).code() };
        // SAFETY: as in `send`.
        let mut value: ngx_http_complex_value_t = unsafe { mem::zeroed() };
        value.value = place;
        // SAFETY: as in `send`. With a status of a redirect, NGINX takes the value for the place.
        unsafe { nginx_sys::ngx_http_send_response(raw, usize::from(status), std::ptr::null_mut(), &raw mut value) }
    }

    /// Ends a request whose response was sent by [`Request::send`] in another phase than that of the content.
    #[must_use]
    pub fn finish(self, sent: ngx_int_t) -> ngx_int_t {
        // SAFETY: the request is valid, and is not used afterwards.
        unsafe { nginx_sys::ngx_http_finalize_request(self.raw(), sent) };
        Answer::Done.code()
    }

    /// Lets a named location answer, with this status.
    #[must_use]
    pub fn answer_from(self, location: &[u8], status: u16) -> ngx_int_t {
        let raw = self.raw();
        // SAFETY: the pool of a living request is valid.
        let Some(mut location) = (unsafe { text::copy((*raw).pool, location) }) else {
            return Answer::Status(500).code();
        };
        // SAFETY: the request is valid; nobody else holds a reference to it now.
        unsafe { (*raw).err_status = usize::from(status) };
        // SAFETY: as above. NGINX takes a reference to the request and runs the location; one that does not exist is logged.
        unsafe { nginx_sys::ngx_http_named_location(raw, &raw mut location) };
        // SAFETY: this gives back the reference of the phase that was left.
        unsafe { nginx_sys::ngx_http_finalize_request(raw, Answer::Done.code()) };
        Answer::Done.code()
    }

    /// Whether the client asks to read: `GET` or `HEAD`.
    #[must_use]
    pub fn reads(&self) -> bool {
        matches!(self.method(), b"GET" | b"HEAD")
    }
}

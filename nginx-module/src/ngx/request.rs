//! A request: its head, its body, the module's context, and how the phases go on.

use super::Answer;
use super::body::Cursor;
use super::headers::Headers;
use super::log::Log;
use super::owned;
use super::template::Template;
use super::text;
use nginx_sys::{ngx_http_request_t, ngx_int_t, ngx_module_t};
use std::ptr::NonNull;

/// A request that NGINX is processing.
///
/// It is valid during one callback. What may end the request consumes this value.
pub struct Request(NonNull<ngx_http_request_t>);

impl Request {
    /// Wraps a request.
    ///
    /// # Safety
    ///
    /// The pointer must be a request that stays valid until this value is dropped or consumed.
    #[must_use]
    pub unsafe fn new(raw: *mut ngx_http_request_t) -> Option<Self> {
        NonNull::new(raw).map(Self)
    }

    fn get(&self) -> &ngx_http_request_t {
        // SAFETY: `new` demands validity for the life of this value; the worker is single-threaded.
        unsafe { self.0.as_ref() }
    }

    /// NGINX's pointer, for wrappers of other folders.
    #[must_use]
    pub fn raw(&self) -> *mut ngx_http_request_t {
        self.0.as_ptr()
    }

    /// Whether a client sent it, as against a subrequest.
    #[must_use]
    pub fn is_main(&self) -> bool {
        self.get().main == self.0.as_ptr()
    }

    /// Whether NGINX sent it on to another location, after an error or by `try_files`, `index` and the like.
    #[must_use]
    pub fn is_internal(&self) -> bool {
        self.get().internal() != 0
    }

    /// The log of its connection.
    #[must_use]
    pub fn log(&self) -> Log<'_> {
        // SAFETY: a request has a connection with a log while it lives.
        unsafe { Log::new((*self.get().connection).log) }
    }

    /// The method, as sent.
    #[must_use]
    pub fn method(&self) -> &[u8] {
        // SAFETY: the strings of a request live as long as it does.
        unsafe { text::bytes(&self.get().method_name) }
    }

    /// The target, as sent.
    #[must_use]
    pub fn target(&self) -> &[u8] {
        // SAFETY: as above.
        unsafe { text::bytes(&self.get().unparsed_uri) }
    }

    /// The protocol, such as `HTTP/1.1`.
    #[must_use]
    pub fn protocol(&self) -> &[u8] {
        // SAFETY: as above.
        unsafe { text::bytes(&self.get().http_protocol) }
    }

    /// The header fields.
    #[must_use]
    pub fn headers(&self) -> Headers<'_> {
        // SAFETY: NGINX's list of fields; the worker does not change it during a callback of ours.
        unsafe { Headers::new(&self.get().headers_in.headers) }
    }

    /// The header fields of the response.
    #[must_use]
    pub fn response_headers(&self) -> Headers<'_> {
        // SAFETY: as above.
        unsafe { Headers::new(&self.get().headers_out.headers) }
    }

    /// The status of the response; 0 before it is known.
    #[must_use]
    pub fn response_status(&self) -> u16 {
        let request = self.get();
        let status = if request.err_status != 0 { request.err_status } else { request.headers_out.status };
        u16::try_from(status).unwrap_or(0)
    }

    /// The type of the response's content.
    #[must_use]
    pub fn response_type(&self) -> &[u8] {
        // SAFETY: the strings of a request live as long as it does.
        unsafe { text::bytes(&self.get().headers_out.content_type) }
    }

    /// Whether the response comes compressed from the application.
    #[must_use]
    pub fn response_is_encoded(&self) -> bool {
        !self.get().headers_out.content_encoding.is_null()
    }

    /// Bytes of the response that were sent, header included.
    #[must_use]
    pub fn sent(&self) -> u64 {
        // SAFETY: a request has a connection while it lives.
        u64::try_from(unsafe { (*self.get().connection).sent }).unwrap_or(0)
    }

    /// When its first byte was read: seconds since 1970, and milliseconds of that second.
    #[must_use]
    pub fn arrival(&self) -> (i64, u64) {
        (self.get().start_sec, self.get().start_msec as u64)
    }

    /// Whether a body follows the head. In HTTP/2, NGINX marks a body of unknown length as chunked.
    #[must_use]
    pub fn announces_body(&self) -> bool {
        let headers = &self.get().headers_in;
        headers.content_length_n > 0 || headers.chunked() != 0
    }

    /// The body that was read, from its start.
    #[must_use]
    pub fn body(&self) -> Option<Cursor> {
        // SAFETY: NGINX sets the pointer once, and the body lives as long as the request.
        let body = unsafe { NonNull::new(self.get().request_body)?.as_ref() };
        // SAFETY: its buffers stay as they are until the content phase, which runs after this module is done.
        Some(unsafe { Cursor::new(body.bufs) })
    }

    /// The text that a template yields for this request.
    #[must_use]
    pub fn evaluate(&self, template: &Template) -> Option<&[u8]> {
        // SAFETY: the request is valid; templates and requests of this module belong to the same configuration.
        unsafe { template.evaluate(self.0.as_ptr()) }
    }

    /// The configuration of a module for the location.
    #[must_use]
    pub fn location<T>(&self, module: &ngx_module_t) -> Option<&T> {
        // SAFETY: a request points to the configurations of all modules, and lives shorter than they do.
        unsafe { NonNull::new((*self.get().loc_conf.add(module.ctx_index)).cast::<T>()).map(|conf| conf.as_ref()) }
    }

    /// The configuration of a module for the whole server.
    #[must_use]
    pub fn global<T>(&self, module: &ngx_module_t) -> Option<&T> {
        // SAFETY: as above.
        unsafe { NonNull::new((*self.get().main_conf.add(module.ctx_index)).cast::<T>()).map(|conf| conf.as_ref()) }
    }

    /// The context that this module gave the request, if any.
    ///
    /// NGINX forgets contexts on internal redirects, so that the pool is searched too.
    #[must_use]
    pub fn context<T>(&self, module: &ngx_module_t) -> Option<NonNull<T>> {
        // SAFETY: the list of contexts has an entry for each module.
        let entry = unsafe { self.get().ctx.add(module.ctx_index) };
        // SAFETY: as above.
        if let Some(context) = NonNull::new(unsafe { *entry }) {
            return Some(context.cast());
        }
        if !self.is_internal() {
            return None;
        }
        // SAFETY: the pool of a living request is valid, and contexts are given to it by `set_context` alone.
        let found = unsafe { owned::find::<T>(self.get().pool) }?;
        // SAFETY: the entry is valid for writing; nothing else uses it.
        unsafe { *entry = found.as_ptr().cast() };
        Some(found)
    }

    /// Gives the request a context, which is dropped with it. `None` when memory is exhausted.
    #[must_use]
    pub fn set_context<T>(&self, module: &ngx_module_t, context: T) -> Option<NonNull<T>> {
        // SAFETY: the pool of a living request is valid.
        let context = unsafe { owned::give(self.get().pool, context) }?;
        // SAFETY: the list of contexts has an entry for each module.
        unsafe { *self.get().ctx.add(module.ctx_index) = context.as_ptr().cast() };
        Some(context)
    }

    /// Reads the body; `then` is called when it is there, which may be before this returns.
    ///
    /// The phases rest until [`Request::resume`] is called. The answer is that of the phase handler.
    #[must_use]
    pub fn read_body(self, then: unsafe extern "C" fn(*mut ngx_http_request_t)) -> ngx_int_t {
        let request = self.0.as_ptr();
        // SAFETY: the request is valid, and is not used after it is finalized.
        let answer = unsafe { nginx_sys::ngx_http_read_client_request_body(request, Some(then)) };
        if answer >= nginx_sys::NGX_HTTP_SPECIAL_RESPONSE as isize {
            return answer;
        }
        // SAFETY: NGINX counted a reference for the body; this gives it back.
        unsafe { nginx_sys::ngx_http_finalize_request(request, Answer::Done.code()) };
        Answer::Done.code()
    }

    /// Lets nothing but the module continue the request until [`Request::resume`].
    pub fn rest(&self) {
        // SAFETY: the request is valid; nobody else holds a reference to it now.
        let request = unsafe { &mut *self.0.as_ptr() };
        request.write_event_handler = Some(nginx_sys::ngx_http_request_empty_handler);
    }

    /// Runs the phases again, from the one that rested. The request may be gone afterwards.
    pub fn resume(self) {
        // SAFETY: the request is valid; nobody else holds a reference to it now.
        let request = unsafe { &mut *self.0.as_ptr() };
        request.write_event_handler = Some(nginx_sys::ngx_http_core_run_phases);
        // SAFETY: the request is valid; this value is consumed.
        unsafe { nginx_sys::ngx_http_core_run_phases(self.0.as_ptr()) };
    }

    /// As [`Request::resume`], called from an event instead of from NGINX's request code, which must then run what was posted.
    pub fn resume_from_event(self) {
        let connection = self.get().connection;
        self.resume();
        // SAFETY: the connection outlives its requests, and NGINX copes with one that was closed meanwhile.
        unsafe { nginx_sys::ngx_http_run_posted_requests(connection) };
    }

    /// Keeps the body for an error page that is proxied.
    pub fn preserve_body(&self) {
        // SAFETY: the request is valid; nobody else holds a reference to it now.
        unsafe { (*self.0.as_ptr()).set_preserve_body(1) };
    }
}

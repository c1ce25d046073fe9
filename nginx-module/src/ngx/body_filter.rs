//! The chain of filters that a response's body goes through.

use nginx_sys::{ngx_chain_t, ngx_http_output_body_filter_pt, ngx_http_request_t, ngx_int_t};
use std::cell::Cell;
use std::marker::PhantomData;
use std::ptr::NonNull;

use super::{Answer, text};

thread_local! {
    /// The filter that stood first before ours. NGINX reads its configuration and serves requests in one thread.
    static NEXT: Cell<ngx_http_output_body_filter_pt> = const { Cell::new(None) };
}

/// Puts a filter in front of the others. To be called once for each configuration, while it is read: NGINX builds the chain anew for each.
pub fn put_first(filter: unsafe extern "C" fn(*mut ngx_http_request_t, *mut ngx_chain_t) -> ngx_int_t) {
    // SAFETY: NGINX touches the chain in this thread only.
    NEXT.set(unsafe { nginx_sys::ngx_http_top_body_filter });
    // SAFETY: as above.
    unsafe { nginx_sys::ngx_http_top_body_filter = Some(filter) };
}

/// Gives the body to the filter behind ours.
///
/// # Safety
///
/// The arguments must be those that NGINX gave to our filter.
pub unsafe fn pass_on(request: *mut ngx_http_request_t, chain: *mut ngx_chain_t) -> ngx_int_t {
    match NEXT.get() {
        // SAFETY: as the caller promises.
        Some(next) => unsafe { next(request, chain) },
        None => Answer::Error.code(),
    }
}

/// The parts of a chain that are in memory; what a file holds is left out.
pub struct InMemory<'a> {
    link: Option<NonNull<ngx_chain_t>>,
    lives: PhantomData<&'a [u8]>,
}

impl InMemory<'_> {
    /// Goes through a chain.
    ///
    /// # Safety
    ///
    /// The chain and its buffers must stay valid and unchanged as long as the iterator and what it yields are used.
    #[must_use]
    pub unsafe fn new(chain: *mut ngx_chain_t) -> Self {
        Self { link: NonNull::new(chain), lives: PhantomData }
    }
}

impl<'a> Iterator for InMemory<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            // SAFETY: `new` demands a valid chain.
            let link = unsafe { self.link?.as_ref() };
            self.link = NonNull::new(link.next);
            let Some(buffer) = NonNull::new(link.buf) else { continue };
            // SAFETY: as above, for its buffers.
            let buffer = unsafe { buffer.as_ref() };
            let there = buffer.temporary() != 0 || buffer.memory() != 0 || buffer.mmap() != 0;
            if there && buffer.last > buffer.pos {
                let length = buffer.last as usize - buffer.pos as usize;
                // SAFETY: the bytes between `pos` and `last` of a buffer in memory are valid.
                return Some(unsafe { text::slice(buffer.pos, length) });
            }
        }
    }
}

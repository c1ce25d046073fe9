//! `ngx_str_t`: a pointer and a length, seldom terminated.

use nginx_sys::{ngx_pool_t, ngx_str_t};
use std::ptr::NonNull;

/// The bytes of a string of NGINX.
///
/// # Safety
///
/// The string must be valid for as long as the caller uses the slice.
pub unsafe fn bytes<'a>(text: &ngx_str_t) -> &'a [u8] {
    // SAFETY: as the caller promises.
    unsafe { slice(text.data, text.len) }
}

/// The bytes between a pointer and a length, empty for a null pointer.
///
/// # Safety
///
/// A pointer that is not null must be valid for reading `len` bytes for as long as the caller uses the slice.
pub unsafe fn slice<'a>(data: *const u8, len: usize) -> &'a [u8] {
    match NonNull::new(data.cast_mut()) {
        Some(_) if len == 0 => &[],
        // SAFETY: as the caller promises.
        Some(data) => unsafe { std::slice::from_raw_parts(data.as_ptr(), len) },
        None => &[],
    }
}

/// A copy in a pool, with a terminator behind it. `None` when memory is exhausted.
///
/// # Safety
///
/// The pool must be valid.
pub unsafe fn copy(pool: *mut ngx_pool_t, text: &[u8]) -> Option<ngx_str_t> {
    // SAFETY: the pool is valid; the size is one more than what is written below.
    let data = NonNull::new(unsafe { nginx_sys::ngx_pnalloc(pool, text.len().checked_add(1)?) }.cast::<u8>())?;
    // SAFETY: `data` has room for the text and the terminator, and is fresh, so nothing overlaps.
    unsafe { data.as_ptr().copy_from_nonoverlapping(text.as_ptr(), text.len()) };
    // SAFETY: the last byte of the allocation.
    unsafe { data.as_ptr().add(text.len()).write(0) };
    Some(ngx_str_t { len: text.len(), data: data.as_ptr() })
}

//! Rust values that a pool of NGINX owns: they are dropped when it is destroyed.

use super::guard;
use super::log::Log;
use nginx_sys::ngx_pool_t;
use std::ffi::c_void;
use std::ptr::NonNull;

/// Gives a value to a pool. `None` when memory is exhausted; the value is dropped then.
///
/// The pointer is valid until the pool is destroyed.
///
/// # Safety
///
/// The pool must be valid.
pub unsafe fn give<T>(pool: *mut ngx_pool_t, value: T) -> Option<NonNull<T>> {
    // SAFETY: the pool is valid; a size of 0 asks for a cleanup without data of its own.
    let cleanup = NonNull::new(unsafe { nginx_sys::ngx_pool_cleanup_add(pool, 0) })?;
    let value = NonNull::from(Box::leak(Box::new(value)));
    // SAFETY: NGINX gave a valid cleanup, which nobody else touches before this function returns.
    let cleanup = unsafe { &mut *cleanup.as_ptr() };
    cleanup.data = value.as_ptr().cast();
    cleanup.handler = Some(drop_boxed::<T>);
    Some(value)
}

/// Finds the value of this type which was given to a pool last.
///
/// # Safety
///
/// The pool must be valid. All values of the type in this pool must come from [`give`].
pub unsafe fn find<T>(pool: *mut ngx_pool_t) -> Option<NonNull<T>> {
    let ours: unsafe extern "C" fn(*mut c_void) = drop_boxed::<T>;
    // SAFETY: the pool is valid, as the caller promises.
    let mut next = unsafe { (*pool).cleanup };
    while let Some(cleanup) = NonNull::new(next) {
        // SAFETY: the list of a valid pool holds valid cleanups.
        let cleanup = unsafe { cleanup.as_ref() };
        if cleanup.handler.is_some_and(|handler| handler as usize == ours as usize) {
            return NonNull::new(cleanup.data.cast());
        }
        next = cleanup.next;
    }
    None
}

/// Called by NGINX, once.
unsafe extern "C" fn drop_boxed<T>(data: *mut c_void) {
    guard::run(Log::of_cycle(), (), || {
        // SAFETY: `give` leaked this box and stored it here; NGINX runs a cleanup once.
        drop(unsafe { Box::from_raw(data.cast::<T>()) });
    });
}

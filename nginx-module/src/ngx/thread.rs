//! Threads beside NGINX's loop.

use std::mem::MaybeUninit;
use std::thread::JoinHandle;

/// Runs something in a thread of this name, at most 15 bytes, that no signal is delivered to: NGINX expects them in its own. `None` when there can be no thread.
///
/// The thread must be joined before the worker exits, since NGINX unloads this library then.
#[must_use]
pub fn spawn<T: Send + 'static>(name: &str, work: impl FnOnce() -> T + Send + 'static) -> Option<JoinHandle<T>> {
    let mut all = MaybeUninit::<nginx_sys::sigset_t>::uninit();
    let mut before = MaybeUninit::<nginx_sys::sigset_t>::uninit();
    // SAFETY: the set is valid for writing.
    if unsafe { nginx_sys::sigfillset(all.as_mut_ptr()) } != 0 {
        return None;
    }
    // SAFETY: `all` was filled; `before` is valid for writing. A thread inherits the mask of its maker.
    if unsafe { nginx_sys::pthread_sigmask(nginx_sys::SIG_SETMASK as i32, all.as_ptr(), before.as_mut_ptr()) } != 0 {
        return None;
    }
    let thread = std::thread::Builder::new().name(name.to_owned()).spawn(work);
    // SAFETY: the call above filled `before`.
    unsafe { nginx_sys::pthread_sigmask(nginx_sys::SIG_SETMASK as i32, before.as_ptr(), std::ptr::null_mut()) };
    thread.ok()
}

//! CPU time.

use std::time::Duration;

/// CPU time that this thread has used.
#[must_use]
pub fn thread_cpu() -> Duration {
    let mut time = nginx_sys::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is valid for writing, and the clock exists on every Linux.
    let failed = unsafe { nginx_sys::clock_gettime(nginx_sys::CLOCK_THREAD_CPUTIME_ID as _, &raw mut time) };
    if failed != 0 {
        return Duration::ZERO;
    }
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}

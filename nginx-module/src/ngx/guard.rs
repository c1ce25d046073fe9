//! The entry from C: a panic must never cross into NGINX, nor end a worker.

use super::log::{Level, Log};
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};

/// Panics caught in this process since it started.
static CAUGHT: AtomicU64 = AtomicU64::new(0);

thread_local! {
    /// Where the last panic was raised, as `file:line`.
    static PLACE: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Keeps the default hook from writing to standard error, and remembers the place instead. Called once a configuration.
pub fn quieten() {
    std::panic::set_hook(Box::new(|info| {
        let place = info.location().map(ToString::to_string).unwrap_or_default();
        PLACE.with_borrow_mut(|kept| *kept = place);
    }));
}

/// Runs the body of a callback. After a panic it counts, logs, and gives `otherwise`.
pub fn run<T>(log: Log<'_>, otherwise: T, body: impl FnOnce() -> T) -> T {
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(value) => value,
        Err(payload) => {
            let count = CAUGHT.fetch_add(1, Ordering::Relaxed) + 1;
            crate::report::engine_error();
            // Each of the first ones, then each power of two: a defect that every request meets must not fill the disk.
            if count.is_power_of_two() {
                let text = payload.downcast_ref::<&str>().copied().map(str::to_owned);
                let text = text.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_default();
                let place = PLACE.take();
                log.write(
                    Level::Error,
                    &format!("wallarm: proton error: {count} (a defect at {place}: {text}); passing on"),
                );
            }
            // A payload whose own drop panics would unwind into C.
            std::mem::forget(payload);
            otherwise
        }
    }
}

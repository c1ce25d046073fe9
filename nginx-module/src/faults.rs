//! Panics on demand, for tests that force one inside a handler. Without the feature `faults` nothing of it is compiled in.

use crate::ngx::request::Request;

/// Where a panic can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the pre-access phase.
    Preaccess,
    /// When the body is there.
    Body,
    /// In the log phase.
    Log,
}

/// Panics if the request asks for it with `X-Fault: preaccess`, `body` or `log`.
#[cfg(feature = "faults")]
#[expect(clippy::panic, reason = "this is what the feature is for")]
pub fn strike(request: &Request, place: Place) {
    let wanted: &[u8] = match place {
        Place::Preaccess => b"preaccess",
        Place::Body => b"body",
        Place::Log => b"log",
    };
    if request.headers().any(|(name, value)| name.eq_ignore_ascii_case(b"x-fault") && value == wanted) {
        panic!("the request asked for it");
    }
}

/// Does nothing.
#[cfg(not(feature = "faults"))]
#[inline]
pub fn strike(_request: &Request, _place: Place) {}

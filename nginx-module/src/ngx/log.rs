//! The error log.

use nginx_sys::ngx_log_t;
use std::marker::PhantomData;

/// How grave a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// NGINX cannot start.
    Emergency,
    /// Something failed.
    Error,
    /// Something is odd.
    Warning,
    /// Worth knowing.
    Notice,
    /// For the curious.
    Info,
}

impl Level {
    /// NGINX's number.
    #[must_use]
    pub const fn number(self) -> usize {
        match self {
            Self::Emergency => nginx_sys::NGX_LOG_EMERG as usize,
            Self::Error => nginx_sys::NGX_LOG_ERR as usize,
            Self::Warning => nginx_sys::NGX_LOG_WARN as usize,
            Self::Notice => nginx_sys::NGX_LOG_NOTICE as usize,
            Self::Info => nginx_sys::NGX_LOG_INFO as usize,
        }
    }
}

/// A log of NGINX; messages of a request's log end with its client, server and request line.
#[derive(Clone, Copy)]
pub struct Log<'a> {
    raw: *mut ngx_log_t,
    lives: PhantomData<&'a ()>,
}

impl Log<'_> {
    /// Wraps a log.
    ///
    /// # Safety
    ///
    /// The pointer must be null or a log that lives as long as this value.
    #[must_use]
    pub unsafe fn new(raw: *mut ngx_log_t) -> Self {
        Self { raw, lives: PhantomData }
    }

    /// The log of the running configuration.
    #[must_use]
    pub fn of_cycle() -> Self {
        // SAFETY: NGINX is single-threaded here, and sets the pointer before it loads any module.
        let cycle = unsafe { nginx_sys::ngx_cycle };
        // SAFETY: a cycle that is set is valid until it is replaced.
        let raw = if cycle.is_null() { std::ptr::null_mut() } else { unsafe { (*cycle).log } };
        Self { raw, lives: PhantomData }
    }

    /// NGINX's pointer, for wrappers.
    #[must_use]
    pub fn raw(self) -> *mut ngx_log_t {
        self.raw
    }

    /// Writes a message, if the log's level asks for it.
    pub fn write(self, level: Level, message: &str) {
        self.write_with(level, 0, message);
    }

    /// Writes a message followed by the text of an `errno`; 0 is none.
    pub fn write_with(self, level: Level, errno: i32, message: &str) {
        // SAFETY: the log is valid, as `new` demands; its level is a plain number.
        if self.raw.is_null() || unsafe { (*self.raw).log_level } < level.number() {
            return;
        }
        // SAFETY: the format takes a length and a pointer, which are those of a live string; NGINX does not keep them.
        unsafe {
            nginx_sys::ngx_log_error_core(
                level.number(),
                self.raw,
                errno,
                c"%*s".as_ptr(),
                message.len(),
                message.as_ptr(),
            );
        }
    }
}

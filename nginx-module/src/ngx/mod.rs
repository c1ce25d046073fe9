//! What this module needs of NGINX, wrapped so that everything outside this folder is safe code.
//!
//! | File | Wraps |
//! |---|---|
//! | `guard` | the entry from C: catches panics |
//! | `text` | `ngx_str_t` |
//! | `log` | the error log |
//! | `conf` | reading the configuration |
//! | `template` | texts with variables (`ngx_http_complex_value_t`) |
//! | `request` | a request: head, context, phases |
//! | `response` | answering a request |
//! | `request_id` | `$request_id` |
//! | `headers` | lists of header fields |
//! | `balancer` | servers of an `upstream` block |
//! | `body` | the buffers of a request body, in memory and in a file |
//! | `body_filter` | the filters that a response goes through |
//! | `ends` | the ends of a request's connection, and its times |
//! | `event` | posted events |
//! | `socket` | sockets that NGINX's loop watches |
//! | `repeating` | timers that repeat |
//! | `wakeup` | a timer that an ending worker waits for |
//! | `process` | the kind of process |
//! | `thread` | threads beside the loop |
//! | `shared_zone` | memory that workers share |
//! | `owned` | Rust values that live as long as a pool |
//! | `clock` | CPU time |
//! | `delay` | letting a request wait |
//! | `variable` | `$variables` |

pub mod balancer;
pub mod body;
pub mod body_filter;
pub mod clock;
pub mod conf;
pub mod delay;
pub mod ends;
pub mod event;
pub mod guard;
pub mod headers;
pub mod library;
pub mod log;
pub mod owned;
pub mod process;
pub mod repeating;
pub mod request;
pub mod request_id;
pub mod response;
pub mod shared_zone;
pub mod socket;
pub mod template;
pub mod text;
pub mod thread;
pub mod variable;
pub mod wakeup;

use nginx_sys::{NGX_AGAIN, NGX_DECLINED, NGX_DONE, NGX_ERROR, NGX_OK, ngx_int_t};

/// What a handler tells NGINX.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// All is well.
    Ok,
    /// It failed.
    Error,
    /// Somebody will run the phases again.
    Again,
    /// The request was taken care of.
    Done,
    /// Go on with the next handler.
    Declined,
    /// Answer with this HTTP status.
    Status(u16),
}

impl Answer {
    /// NGINX's number for it.
    #[must_use]
    pub fn code(self) -> ngx_int_t {
        match self {
            // The constants are bound as `u32` or `i32`, by their sign.
            Self::Ok => NGX_OK as ngx_int_t,
            Self::Error => NGX_ERROR as ngx_int_t,
            Self::Again => NGX_AGAIN as ngx_int_t,
            Self::Done => NGX_DONE as ngx_int_t,
            Self::Declined => NGX_DECLINED as ngx_int_t,
            Self::Status(status) => status as ngx_int_t,
        }
    }
}

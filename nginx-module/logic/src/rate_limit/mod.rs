//! `wallarm_rate_limit`: a leaky bucket for each key, kept in memory that all workers share.
//!
//! The rules are those of NGINX's own `limit_req`
//! (<https://nginx.org/en/docs/http/ngx_http_limit_req_module.html>): requests above the rate are delayed, requests above the
//! burst are refused and do not count. What is kept of a key is one moment, the one at which its bucket will be empty; the
//! excess at any time follows from it. A key whose moment has passed is the same as a key never seen, so forgetting it changes
//! no decision.

mod limit;
mod lock;
mod table;

pub use limit::{Decision, LimitError, RateLimit, Span};
pub use lock::Owner;
pub use table::{Key, Statistics, SweepPosition, Table};

/// The smallest zone for a table, bytes: NGINX keeps some pages of a zone for itself.
pub const LEAST_ZONE: u64 = 32 * 1024;

#[cfg(test)]
mod tests;

//! What a spool promises, from outside.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "helpers of tests state facts, as tests do; a failed unwrap is a failed fact"
)]

mod damage;
mod disk;
mod killed;
mod order;
mod place;
mod refusals;

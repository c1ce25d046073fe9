//! The server as its users meet it: the real binary, real sockets, real clients.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests state facts, as tests do; a failed unwrap is a failed fact"
)]

mod checks;
mod client;
mod clients;
mod collectd;
mod console;
mod impostor;
mod lifecycle;
mod limits;
mod memory;
mod metrics;
mod promises;
mod protocol;
mod refusals;
mod running;
mod settings;

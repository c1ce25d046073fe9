//! Whole trees, from real packages to real clients. One program, so that all tests share one signing key.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests: a failed unwrap is a failed fact"
)]

mod apt;
mod bad_input;
mod change;
mod file_indexes;
mod fixture;
mod history;
mod http;
mod interruption;
mod rotation;
mod s3;
mod soak;
mod verify;
mod yum;

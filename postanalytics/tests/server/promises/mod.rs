//! What the server promises to bear, each with a test that can fail.
//!
//! | Event | Tests |
//! |---|---|
//! | `kill -9` at any moment | `killed.rs` |
//! | bytes of the spool that are flipped, cut or zeroed; a newer spool | `damaged.rs` |
//! | a Cloud that is away, slow, wrong, or breaks off | `cloud.rs` |
//! | a full disk | `disk.rs` |
//! | memory at its limit | `memory.rs` here for attacks, `../memory.rs` for requests |
//! | hostile peers on the port | `hostile.rs`, `../limits.rs`, `../protocol.rs` |
//! | SIGTERM | `stop.rs`; SIGHUP in `../lifecycle.rs` |
//! | sums that are right at every moment | `balance.rs` |
//!
//! Two servers behind one NGINX, one of them killed, are a fact of the module (`cargo xtask nginx-test`).
//!
//! `cargo xtask soak postanalytics` runs the same for longer, by the variables `SOAK_ROUNDS` and `SOAK_SEED`.

mod balance;
mod cloud;
mod damaged;
mod disk;
mod hostile;
mod killed;
mod memory;
mod node;
mod stop;

/// How often something is done: what the soak says, else `few`.
fn rounds(few: u64) -> u64 {
    std::env::var("SOAK_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(few)
}

/// Where chance begins: the same seed, the same chances.
fn seed() -> u64 {
    std::env::var("SOAK_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1)
}

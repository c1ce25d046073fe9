//! The kinds of attack, shared with the server.

pub use attacks::{Attack, AttackSet};

//! The headers that say who calls.

/// `uuid` of `node.yaml`.
pub const UUID_HEADER: &str = "X-WallarmApi-UUID";
/// `secret` of `node.yaml`.
pub const SECRET_HEADER: &str = "X-WallarmApi-Secret";

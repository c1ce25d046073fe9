//! The headers of calls: who calls, and whether it is for the first time.

/// `uuid` of `node.yaml`.
pub const UUID_HEADER: &str = "X-WallarmApi-UUID";
/// `secret` of `node.yaml`.
pub const SECRET_HEADER: &str = "X-WallarmApi-Secret";
/// Names what is sent, a text in quotes: what came under a name before is not counted again. As in
/// draft-ietf-httpapi-idempotency-key-header. Calls whose content has names of its own, as hits have, go without.
pub const IDEMPOTENCY_KEY: &str = "Idempotency-Key";

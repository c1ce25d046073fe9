//! What a summary or report says of a key.

use std::time::SystemTime;

use serde::Serialize;
use signing::PublicKey;

/// A key that signs a tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KeyReport {
    /// Its fingerprint.
    pub fingerprint: String,
    /// Who it belongs to.
    pub user_id: String,
    /// The day on which it ends, as `2031-04-30`; `None` is never.
    pub expires: Option<String>,
    /// Whole days until then.
    pub days_left: Option<u64>,
}

impl KeyReport {
    /// What there is to say of a key at a time.
    #[must_use]
    pub fn of(key: &PublicKey, now: SystemTime) -> Self {
        Self {
            fingerprint: key.fingerprint().to_string(),
            user_id: key.user_id().to_owned(),
            expires: key.expires().map(|end| end.to_string()),
            days_left: key.days_left(now),
        }
    }
}

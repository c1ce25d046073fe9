//! Who publishes, and how.

use std::time::{Duration, SystemTime};

use signing::SecretKey;

use super::Keep;

/// Who publishes, and how.
#[derive(Debug, Clone)]
pub struct Publisher<'a> {
    /// As records and the journal name them. Never found out from the machine: the same run elsewhere writes the same.
    pub name: String,
    /// Signs the journal.
    pub key: &'a SecretKey,
    /// The date of every index and signature: the commit's time.
    pub when: SystemTime,
    /// What stays of older generations.
    pub keep: Keep,
    /// How long to wait for another publisher that has the lock, and how long to try again after a lost race.
    pub wait: Duration,
    /// Whether a package may take the place of another one with the same file name. Caches keep the old one: never do this
    /// where users are.
    pub replace: bool,
}

impl<'a> Publisher<'a> {
    /// Named as the key's owner, patient, and careful with what is there.
    #[must_use]
    pub fn new(key: &'a SecretKey, when: SystemTime) -> Self {
        Self {
            name: key.public().user_id().to_owned(),
            key,
            when,
            keep: Keep::default(),
            wait: Duration::from_secs(600),
            replace: false,
        }
    }

    /// For a tree that only its maker reads: nothing old stays, nothing is waited for.
    #[must_use]
    pub fn alone(key: &'a SecretKey, when: SystemTime) -> Self {
        Self { keep: Keep::CURRENT, wait: Duration::ZERO, replace: true, ..Self::new(key, when) }
    }
}

//! Who publishes, and how.

use std::path::Path;
use std::time::{Duration, SystemTime};

use signing::Signer;

use super::Keep;

/// Who publishes, and how.
#[derive(Debug, Clone)]
pub struct Publisher<'a> {
    /// As records and the journal name them. Never found out from the machine: the same run elsewhere writes the same.
    pub name: String,
    /// Signs the journal.
    pub key: &'a dyn Signer,
    /// The date of every index and signature: the commit's time.
    pub when: SystemTime,
    /// What stays of older generations.
    pub keep: Keep,
    /// How long to wait for another publisher that has the lock, and how long to try again after a lost race.
    pub wait: Duration,
    /// A folder for what was read and compressed, so that the next run has less to do. It can be removed at any time.
    pub caches: Option<&'a Path>,
    /// Whether a package may take the place of another one with the same file name. Caches keep the old one: never do this
    /// where users are.
    pub replace: bool,
}

impl<'a> Publisher<'a> {
    /// Named as the key's owner, patient, and careful with what is there.
    #[must_use]
    pub fn new(key: &'a dyn Signer, when: SystemTime) -> Self {
        Self {
            name: key.keyring().first().user_id().to_owned(),
            key,
            when,
            keep: Keep::default(),
            wait: Duration::from_secs(600),
            caches: None,
            replace: false,
        }
    }

    /// For a tree that only its maker reads: nothing old stays, and nobody is waited for but a program that this one is starting
    /// elsewhere: it holds what is open here, the lock as well, until it runs.
    #[must_use]
    pub fn alone(key: &'a dyn Signer, when: SystemTime) -> Self {
        Self { keep: Keep::CURRENT, wait: Duration::from_secs(2), replace: true, ..Self::new(key, when) }
    }
}

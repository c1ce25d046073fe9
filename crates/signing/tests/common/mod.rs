//! One key for all tests of a file: making it takes seconds.

use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

use signing::{KeySpec, SecretKey};

/// 2026-01-01, when the shared key was made.
pub fn created() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_225_600)
}

/// A moment in the key's life.
pub fn later() -> SystemTime {
    created() + Duration::from_secs(86_400)
}

/// An unprotected key, valid for ten years.
pub fn key() -> &'static SecretKey {
    static KEY: OnceLock<SecretKey> = OnceLock::new();
    KEY.get_or_init(|| {
        SecretKey::generate(&KeySpec {
            user_id: "Test Packages <test@example.org>".to_owned(),
            validity: Some(Duration::from_secs(10 * 365 * 86_400)),
            passphrase: None,
            created: created(),
        })
        .expect("a key")
    })
}

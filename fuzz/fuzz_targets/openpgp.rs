//! Any bytes are a keyring or an error, and a signature only when they are one. What is read as a keyring is written as one again.

#![no_main]

use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

use libfuzzer_sys::fuzz_target;
use signing::{KeySpec, Keyring, SecretKey};

/// One key for all inputs: making it takes seconds.
fn key() -> &'static SecretKey {
    static KEY: OnceLock<SecretKey> = OnceLock::new();
    KEY.get_or_init(|| {
        let created = SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_225_600);
        let spec = KeySpec { user_id: "Fuzz <fuzz@example.org>".to_owned(), validity: None, passphrase: None, created };
        SecretKey::generate(&spec).expect("a key")
    })
}

fuzz_target!(|bytes: &[u8]| {
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
    if let Ok(ring) = Keyring::from_bytes(bytes, "input") {
        let binary = ring.to_binary().expect("a keyring that was read can be written");
        let again = Keyring::from_bytes(&binary, "again").expect("a keyring that was written can be read");
        assert_eq!(again.iter().count(), ring.iter().count());
        let _ = ring.verify_detached(b"data", bytes, now);
    }
    assert!(key().public().verify_detached(b"data", bytes, now).is_err(), "nobody signed this");
    if let Ok(text) = std::str::from_utf8(bytes) {
        assert!(key().public().verify_cleartext(text, now).is_err(), "nobody signed this");
    }
});

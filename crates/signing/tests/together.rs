//! Two keys at once, as in a rotation: what both sign, a reader that knows either verifies.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests: a failed unwrap is a failed fact"
)]

#[allow(dead_code, reason = "each test file uses its part of the common helpers")]
mod common;

use std::fs;
use std::process::Command;
use std::sync::OnceLock;

use common::{created, key, later};
use proptest::prelude::*;
use signing::{KeyError, KeySpec, Keyring, PublicKey, SecretKey, Signer, Together, VerifyError};

/// The key that follows the shared one.
fn successor() -> &'static SecretKey {
    static KEY: OnceLock<SecretKey> = OnceLock::new();
    KEY.get_or_init(|| {
        let user_id = "Successor <next@example.org>".to_owned();
        SecretKey::generate(&KeySpec { user_id, validity: None, passphrase: None, created: created() }).unwrap()
    })
}

fn both() -> Together {
    Together::new(Box::new(successor().clone()), vec![Box::new(key().clone())]).unwrap()
}

fn fingerprints(keys: &[&SecretKey]) -> Vec<signing::Fingerprint> {
    keys.iter().map(|key| key.public().fingerprint()).collect()
}

#[test]
fn whoever_knows_either_key_verifies_what_both_signed() {
    let armored = both().sign_detached_armored(b"data", later()).unwrap();
    let message = both().sign_cleartext("Suite: x\n", later()).unwrap();
    for known in [key(), successor()] {
        let public = known.public();
        let detached = public.verify_detached(b"data", armored.as_bytes(), later()).unwrap();
        let clear = public.verify_cleartext(&message, later()).unwrap();
        for verified in [&detached, &clear.signature] {
            assert_eq!(verified.by, [public.fingerprint()]);
            // The other signature could be anything to this reader.
            assert!(!verified.exact);
        }
    }
    let ring = both().keyring().clone();
    let detached = ring.verify_detached(b"data", armored.as_bytes(), later()).unwrap();
    let clear = ring.verify_cleartext(&message, later()).unwrap();
    for verified in [detached, clear.signature] {
        // The key that every client knows comes first: yum 3 looks at no other signature.
        assert_eq!(verified.by, fingerprints(&[key(), successor()]));
        assert!(verified.exact);
    }
    assert_eq!(armored.matches("BEGIN PGP SIGNATURE").count(), 1);
}

#[test]
fn a_single_signature_is_by_the_key_that_every_client_knows() {
    let packet = both().sign_detached(b"data", later()).unwrap();
    assert_eq!(packet, key().sign_detached(b"data", later()).unwrap());
}

#[test]
fn every_flipped_bit_of_two_signatures_is_noticed() {
    let ring = both().keyring().clone();
    let armored = both().sign_detached_armored(b"data", later()).unwrap().into_bytes();
    for index in 0..armored.len() {
        let mut changed = armored.clone();
        changed[index] ^= 1;
        let seen = ring.verify_detached(b"data", &changed, later());
        assert!(!seen.is_ok_and(|seen| seen.exact && seen.by.len() == 2), "byte {index}");
    }
}

#[test]
fn a_signature_by_neither_names_both() {
    let user_id = "Stranger <s@example.org>".to_owned();
    let stranger =
        SecretKey::generate(&KeySpec { user_id, validity: None, passphrase: None, created: created() }).unwrap();
    let signature = stranger.sign_detached(b"data", later()).unwrap();
    let refused = both().keyring().verify_detached(b"data", &signature, later()).unwrap_err();
    assert!(matches!(refused, VerifyError::OtherKey { .. }), "{refused:?}");
    for one in [key(), successor()] {
        assert!(refused.to_string().contains(&one.public().fingerprint().to_string()), "{refused}");
    }
}

#[test]
fn a_keyring_survives_both_exports_in_its_order() {
    let ring = both().keyring().clone();
    let armored = ring.to_armored().unwrap();
    assert_eq!(armored.matches("BEGIN PGP PUBLIC KEY BLOCK").count(), 2);
    for bytes in [ring.to_binary().unwrap(), armored.into_bytes()] {
        let read = Keyring::from_bytes(&bytes, "export").unwrap();
        let found: Vec<_> = read.iter().map(PublicKey::fingerprint).collect();
        assert_eq!(found, fingerprints(&[successor(), key()]));
        assert_eq!(read.first().fingerprint(), successor().public().fingerprint());
    }
}

#[test]
fn a_keyring_with_rubbish_a_key_twice_or_nothing_is_refused() {
    let good = key().public().to_binary().unwrap();
    let twice = Keyring::from_bytes(&[good.clone(), good.clone()].concat(), "ring").unwrap_err();
    assert!(matches!(twice, KeyError::Twice { .. }), "{twice:?}");
    for bytes in [[good.clone(), b"rubbish".to_vec()].concat(), good[..good.len() - 1].to_vec(), Vec::new()] {
        let refused = Keyring::from_bytes(&bytes, "ring").unwrap_err();
        assert!(refused.to_string().starts_with("ring holds no OpenPGP key"), "{refused}");
    }
    let same = Together::new(Box::new(key().clone()), vec![Box::new(key().clone())]).unwrap_err();
    assert!(matches!(same, KeyError::Twice { .. }), "{same:?}");
}

#[test]
fn gpgv_with_either_key_takes_both_forms() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::write(at("Release"), "Suite: x\n").unwrap();
    fs::write(at("Release.gpg"), both().sign_detached_armored(b"Suite: x\n", later()).unwrap()).unwrap();
    fs::write(at("InRelease"), both().sign_cleartext("Suite: x\n", later()).unwrap()).unwrap();
    fs::write(at("both"), both().keyring().to_binary().unwrap()).unwrap();
    fs::write(at("old"), key().public().to_binary().unwrap()).unwrap();
    fs::write(at("new"), successor().public().to_binary().unwrap()).unwrap();
    for keyring in ["./old", "./new", "./both"] {
        for files in [["Release.gpg", "Release"].as_slice(), &["InRelease"]] {
            let mut gpgv = Command::new("gpgv");
            gpgv.arg("--homedir")
                .arg(folder.path())
                .args(["--keyring", keyring])
                .args(files)
                .current_dir(folder.path());
            let seen = gpgv.output().unwrap_or_else(|error| panic!("gpgv: {error}; install the Debian package gpgv"));
            let text = String::from_utf8_lossy(&seen.stderr);
            assert!(text.contains("Good signature") && !text.contains("BAD"), "{keyring} {files:?}: {text}");
            // gpgv itself wants to know every key; apt asks whether one is good.
            assert_eq!(seen.status.success(), keyring == "./both", "{keyring} {files:?}: {text}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 256, ..ProptestConfig::default() })]
    /// Whatever a download or a command gives: it is refused, never believed and never a panic.
    #[test]
    fn damaged_keyrings_and_signatures_are_refused_or_harmless(cut in 0usize..2000, at in 0usize..2000, byte: u8) {
        let ring = key().public().to_binary().unwrap();
        let signature = key().sign_detached(b"data", later()).unwrap();
        let damaged = |good: &[u8]| {
            let mut bytes = good.to_vec();
            let (place, length) = (at % bytes.len(), bytes.len());
            bytes[place] = byte;
            bytes.truncate(length - cut % length);
            bytes
        };
        if let Ok(read) = Keyring::from_bytes(&damaged(&ring), "ring") {
            prop_assert_eq!(read.iter().count(), 1);
        }
        let bytes = damaged(&signature);
        if let Ok(verified) = key().public().verify_detached(b"data", &bytes, later()) {
            prop_assert!(!verified.exact || bytes == signature);
        }
    }
}

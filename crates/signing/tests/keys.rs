//! Loading, storing and using keys, and every way in which that is refused.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests: a failed unwrap is a failed fact"
)]

#[allow(dead_code, reason = "each test file uses its part of the common helpers")]
mod common;

use std::os::unix::fs::PermissionsExt as _;
use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

use common::{created, key, later};
use proptest::prelude::*;
use signing::{KeyError, KeySource, KeySpec, Passphrase, PublicKey, SecretKey, SignError, Signer as _, VerifyError};

const TEN_YEARS: Duration = Duration::from_secs(10 * 365 * 86_400);

/// A stored key under a passphrase that lives for a day.
fn protected() -> &'static [u8] {
    static BYTES: OnceLock<Vec<u8>> = OnceLock::new();
    BYTES.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key.asc");
        SecretKey::generate(&KeySpec {
            user_id: "Short <short@example.org>".to_owned(),
            validity: Some(Duration::from_secs(86_400)),
            passphrase: Passphrase::new("open sesame".to_owned()),
            created: created(),
        })
        .unwrap()
        .write_new(&path)
        .unwrap();
        std::fs::read(&path).unwrap()
    })
}

#[test]
fn the_same_data_and_time_give_the_same_bytes() {
    let sign = || key().sign_detached(b"data", later()).unwrap();
    assert_eq!(sign(), sign());
    let clear = || key().sign_cleartext("text\n", later()).unwrap();
    assert_eq!(clear(), clear());
}

#[test]
fn what_is_signed_here_is_verified_here_and_is_exact() {
    let public = key().public();
    let binary = key().sign_detached(b"data", later()).unwrap();
    let armored = key().sign_detached_armored(b"data", later()).unwrap();
    for signature in [binary.as_slice(), armored.as_bytes()] {
        let verified = public.verify_detached(b"data", signature, later()).unwrap();
        assert!(verified.exact);
        assert_eq!(SystemTime::from(verified.made), later());
    }
    let message = key().sign_cleartext("a\n-b\n\nc\n", later()).unwrap();
    let read = public.verify_cleartext(&message, later()).unwrap();
    assert_eq!(read.text, "a\n-b\n\nc\n");
    assert!(read.signature.exact);
}

#[test]
fn a_signature_is_never_older_than_its_key() {
    let before = created() - Duration::from_secs(3600);
    let signature = key().sign_detached(b"data", before).unwrap();
    let verified = key().public().verify_detached(b"data", &signature, later()).unwrap();
    assert_eq!(SystemTime::from(verified.made), created());
}

#[test]
fn every_flipped_bit_of_a_signature_is_noticed() {
    let public = key().public();
    let detached = key().sign_detached_armored(b"data", later()).unwrap();
    let message = key().sign_cleartext("Suite: x\n", later()).unwrap();
    for index in 0..detached.len() {
        let mut changed = detached.clone().into_bytes();
        changed[index] ^= 1;
        let seen = public.verify_detached(b"data", &changed, later());
        assert!(!seen.is_ok_and(|seen| seen.exact), "byte {index} of the armoured signature");
    }
    for index in 0..message.len() {
        let mut changed = message.clone().into_bytes();
        changed[index] ^= 1;
        let Ok(changed) = String::from_utf8(changed) else {
            continue;
        };
        let seen = public.verify_cleartext(&changed, later());
        let unnoticed = seen.is_ok_and(|seen| seen.signature.exact && seen.text == "Suite: x\n");
        assert!(!unnoticed, "byte {index} of the message");
    }
}

#[test]
fn every_flipped_bit_of_an_exported_key_is_noticed() {
    let public = key().public();
    let good = public.to_binary().unwrap();
    for index in 0..good.len() {
        let mut changed = good.clone();
        changed[index] ^= 1;
        let same = PublicKey::from_bytes(&changed, "changed").is_ok_and(|read| {
            read.fingerprint() == public.fingerprint() && read.to_binary().is_ok_and(|bytes| bytes == changed)
        });
        assert!(!same, "byte {index} of {}", good.len());
    }
}

#[test]
fn trailing_white_space_is_not_signed_away() {
    let refused = key().sign_cleartext("a\nb \n", later()).unwrap_err();
    assert!(matches!(refused, SignError::TrailingSpace { line: 2 }));
}

#[test]
fn a_signature_by_another_key_names_both() {
    let other =
        SecretKey::from_bytes(protected(), "other", Passphrase::new("open sesame".to_owned()).as_ref(), created())
            .unwrap();
    let signature = other.sign_detached(b"data", created()).unwrap();
    let refused = key().public().verify_detached(b"data", &signature, later()).unwrap_err();
    let VerifyError::OtherKey { issuer, expected } = &refused else { panic!("{refused:?}") };
    assert!(issuer.ends_with(&other.public().key_id().to_string()), "{issuer}");
    assert_eq!(*expected, [key().public().fingerprint()]);
}

#[test]
fn a_key_whose_time_is_over_neither_signs_nor_verifies() {
    let passphrase = Passphrase::new("open sesame".to_owned());
    let alive = SecretKey::from_bytes(protected(), "short", passphrase.as_ref(), created()).unwrap();
    let signature = alive.sign_detached(b"data", created()).unwrap();
    let end = created() + Duration::from_secs(86_400);
    let refused = SecretKey::from_bytes(protected(), "short", passphrase.as_ref(), end).unwrap_err();
    assert!(refused.to_string().contains("expired on 2026-01-02"), "{refused}");
    let refused = alive.public().verify_detached(b"data", &signature, end).unwrap_err();
    assert!(matches!(refused, VerifyError::KeyExpired { .. }), "{refused:?}");
}

#[test]
fn a_key_that_ends_too_soon_is_named_with_its_date_and_what_to_do() {
    let passphrase = Passphrase::new("open sesame".to_owned());
    let short = SecretKey::from_bytes(protected(), "short", passphrase.as_ref(), created()).unwrap();
    let public = short.public();
    assert_eq!(public.days_left(created()), Some(1));
    assert_eq!(public.days_left(created() + Duration::from_secs(1)), Some(0));
    assert_eq!(public.days_left(created() + TEN_YEARS), Some(0));
    public.check_lasts(created(), 1).unwrap();
    let refused = public.check_lasts(created(), 30).unwrap_err().to_string();
    for part in
        [&public.fingerprint().to_string(), "2026-01-02", "in 1 days", "30 are asked for", "extend it", "rotation"]
    {
        assert!(refused.contains(part), "{part}: {refused}");
    }
    key().public().check_lasts(later(), 30).unwrap();
}

#[test]
fn a_signature_from_the_future_is_refused() {
    let signature = key().sign_detached(b"data", later()).unwrap();
    let refused = key().public().verify_detached(b"data", &signature, created());
    assert!(matches!(refused, Err(VerifyError::Bad { .. })), "{refused:?}");
}

#[test]
fn a_protected_key_wants_its_passphrase() {
    let missing = SecretKey::from_bytes(protected(), "k", None, created()).unwrap_err();
    assert!(matches!(missing, KeyError::PassphraseMissing { .. }));
    assert!(missing.to_string().contains("WALLARM_SIGNING_PASSPHRASE"));
    let wrong = Passphrase::new("open barley".to_owned());
    let refused = SecretKey::from_bytes(protected(), "k", wrong.as_ref(), created()).unwrap_err();
    assert!(matches!(refused, KeyError::WrongPassphrase { .. }));
}

#[test]
fn rubbish_is_not_a_key_and_the_error_says_where_it_lay() {
    let refused = SecretKey::from_bytes(b"rubbish", "some.gpg", None, later()).unwrap_err();
    assert!(refused.to_string().starts_with("some.gpg holds no OpenPGP key"), "{refused}");
    let missing = KeySource::from_variable(Some("/nonexistent/key".into())).unwrap();
    let refused = missing.load(None, later()).unwrap_err();
    assert!(refused.to_string().contains("/nonexistent/key"), "{refused}");
}

#[test]
fn an_empty_variable_is_no_key() {
    assert!(KeySource::from_variable(Some("".into())).is_none());
    assert!(KeySource::from_variable(None).is_none());
    assert!(Passphrase::new(String::new()).is_none());
}

#[test]
fn a_key_file_is_private_whole_and_never_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new").join("key.asc");
    key().write_new(&path).unwrap();
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let loaded = SecretKey::from_file(&path, None, later()).unwrap();
    assert_eq!(loaded.public().fingerprint(), key().public().fingerprint());
    assert!(matches!(key().write_new(&path), Err(KeyError::Exists { .. })));
    assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
}

#[test]
fn debug_output_shows_no_secret() {
    let passphrase = Passphrase::new("open sesame".to_owned());
    let source = KeySource::Text("-----BEGIN PGP PRIVATE KEY BLOCK-----".to_owned());
    let shown = format!("{passphrase:?} {:?} {source:?}", key());
    assert!(!shown.contains("sesame") && !shown.contains("BEGIN"), "{shown}");
    assert!(shown.contains(&key().public().fingerprint().to_string()));
}

#[test]
fn a_public_key_survives_both_exports() {
    let public = key().public();
    for bytes in [public.to_binary().unwrap(), public.to_armored().unwrap().into_bytes()] {
        let read = PublicKey::from_bytes(&bytes, "export").unwrap();
        assert_eq!(read.fingerprint(), public.fingerprint());
        assert_eq!(read.user_id(), "Test Packages <test@example.org>");
        assert_eq!(read.expires(), Some((created() + TEN_YEARS).into()));
        assert_eq!(read.strength().0, 4096);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 24, ..ProptestConfig::default() })]
    #[test]
    fn any_text_without_trailing_blanks_comes_back(lines in prop::collection::vec("(- |--|From )?[!-~]{0,8}( [!-~]{1,8})?", 1..8)) {
        let text = format!("{}\n", lines.join("\n"));
        prop_assume!(lines.iter().all(|line| !line.ends_with(' ')));
        let message = key().sign_cleartext(&text, later()).unwrap();
        let read = key().public().verify_cleartext(&message, later()).unwrap();
        prop_assert_eq!(read.text, text);
        prop_assert!(read.signature.exact);
    }
}

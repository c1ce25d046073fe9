//! GnuPG and rpm as the judges: the signatures and keys that are made here are read by the tools of every old system.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests: a failed unwrap is a failed fact"
)]

#[allow(dead_code, reason = "each test file uses its part of the common helpers")]
mod common;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use common::{key, later};
use signing::{KeyError, KeySource, KeySpec, Passphrase, PublicKey, SecretKey, Signer as _};

fn run(program: &str, home: &Path, arguments: &[&str]) -> Output {
    Command::new(program)
        .args(["--homedir", home.to_str().unwrap()])
        .args(arguments)
        .current_dir(home)
        .output()
        .unwrap_or_else(|error| panic!("{program}: {error}; install the Debian packages gnupg and gpgv"))
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// A private GnuPG home; gpg refuses one that others may read, which `tempdir` sees to.
fn home() -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("wallarm.gpg"), key().public().to_binary().unwrap()).unwrap();
    home
}

#[test]
fn gpgv_accepts_a_binary_and_an_armoured_detached_signature() {
    let home = home();
    let data = b"Suite: bookworm/4.8\n";
    fs::write(home.path().join("Release"), data).unwrap();
    fs::write(home.path().join("Release.sig"), key().sign_detached(data, later()).unwrap()).unwrap();
    let armored = key().sign_detached_armored(data, later()).unwrap();
    fs::write(home.path().join("Release.gpg"), armored).unwrap();
    for signature in ["Release.sig", "Release.gpg"] {
        let seen = run("gpgv", home.path(), &["--keyring", "./wallarm.gpg", signature, "Release"]);
        assert!(seen.status.success(), "{signature}: {}", text(&seen));
        assert!(text(&seen).contains("Good signature"), "{}", text(&seen));
    }
}

#[test]
fn gpgv_reads_a_cleartext_message_back_with_its_dashes() {
    let home = home();
    let message = "Origin: Wallarm\n- a dash\n--- more\nFrom: x\n\nend\n";
    fs::write(home.path().join("InRelease"), key().sign_cleartext(message, later()).unwrap()).unwrap();
    let arguments = ["--keyring", "./wallarm.gpg", "--output", "text", "InRelease"];
    let seen = run("gpgv", home.path(), &arguments);
    assert!(seen.status.success(), "{}", text(&seen));
    assert_eq!(fs::read_to_string(home.path().join("text")).unwrap(), message);
}

#[test]
fn gpg_shows_an_rsa_4096_primary_key_that_signs_and_has_no_subkey() {
    let home = home();
    let imported = run("gpg", home.path(), &["--batch", "--import", "wallarm.gpg"]);
    assert!(imported.status.success(), "{}", text(&imported));
    let listed = run("gpg", home.path(), &["--batch", "--with-colons", "--list-keys"]);
    let listing = String::from_utf8_lossy(&listed.stdout).into_owned();
    let public: Vec<_> = listing.lines().filter(|line| line.starts_with("pub:")).collect();
    assert_eq!(public.len(), 1, "{listing}");
    let fields: Vec<_> = public[0].split(':').collect();
    assert_eq!(fields[2..7], ["4096", "1", &key().public().key_id().to_string(), "1767225600", "2082585600"]);
    assert_eq!(fields[11], "scSC");
    assert!(!listing.contains("\nsub:"), "{listing}");
    assert!(listing.contains(&format!("fpr:::::::::{}:", key().public().fingerprint())));
}

#[test]
fn gpg_imports_a_protected_secret_key_that_this_crate_stored() {
    let home = home();
    let protected = SecretKey::generate(&KeySpec {
        user_id: "Protected <p@example.org>".to_owned(),
        validity: None,
        passphrase: Passphrase::new("correct horse".to_owned()),
        created: common::created(),
    })
    .unwrap();
    let path = home.path().join("secret.asc");
    protected.write_new(&path).unwrap();
    let seen = run(
        "gpg",
        home.path(),
        &["--batch", "--pinentry-mode", "loopback", "--passphrase", "correct horse", "--import", "secret.asc"],
    );
    assert!(text(&seen).contains("secret keys imported: 1"), "{}", text(&seen));
    let signed = run(
        "gpg",
        home.path(),
        &[
            "--batch",
            "--pinentry-mode",
            "loopback",
            "--passphrase",
            "correct horse",
            "--output",
            "s",
            "--detach-sign",
            "wallarm.gpg",
        ],
    );
    assert!(signed.status.success(), "{}", text(&signed));
    end_agent(home.path());
}

#[test]
fn a_key_exported_by_gpg_signs_here_and_its_gpg_signature_is_verified() {
    let home = home();
    let made = run(
        "gpg",
        home.path(),
        &[
            "--batch",
            "--pinentry-mode",
            "loopback",
            "--passphrase",
            "",
            "--quick-gen-key",
            "Gpg <gpg@example.org>",
            "rsa3072",
            "sign",
            "1y",
        ],
    );
    assert!(made.status.success(), "{}", text(&made));
    let secret = run("gpg", home.path(), &["--batch", "--armor", "--export-secret-keys", "Gpg"]).stdout;
    let source = KeySource::from_variable(Some(String::from_utf8(secret).unwrap().into())).unwrap();
    assert!(matches!(source, KeySource::Text(_)));
    let now = std::time::SystemTime::now();
    let loaded = source.load(None, now).unwrap();

    fs::write(home.path().join("data"), "data").unwrap();
    let signed = run(
        "gpg",
        home.path(),
        &["--batch", "--digest-algo", "SHA256", "--output", "data.sig", "--detach-sign", "data"],
    );
    assert!(signed.status.success(), "{}", text(&signed));
    let signature = fs::read(home.path().join("data.sig")).unwrap();
    let now = std::time::SystemTime::now() + std::time::Duration::from_secs(1);
    loaded.public().verify_detached(b"data", &signature, now).unwrap();

    let broken = run(
        "gpg",
        home.path(),
        &["--batch", "--digest-algo", "SHA1", "--output", "data.sha1", "--detach-sign", "data"],
    );
    assert!(broken.status.success(), "{}", text(&broken));
    let signature = fs::read(home.path().join("data.sha1")).unwrap();
    let refused = loaded.public().verify_detached(b"data", &signature, now);
    assert!(matches!(refused, Err(signing::VerifyError::Bad { .. })), "{refused:?}");
    end_agent(home.path());
}

#[test]
fn an_ed25519_key_is_refused_and_the_reason_names_rpm() {
    let home = home();
    let made = run(
        "gpg",
        home.path(),
        &[
            "--batch",
            "--pinentry-mode",
            "loopback",
            "--passphrase",
            "",
            "--quick-gen-key",
            "Ed <ed@example.org>",
            "ed25519",
            "sign",
        ],
    );
    assert!(made.status.success(), "{}", text(&made));
    let secret = run("gpg", home.path(), &["--batch", "--export-secret-keys", "Ed"]).stdout;
    let refused = SecretKey::from_bytes(&secret, "ed.gpg", None, std::time::SystemTime::now()).unwrap_err();
    assert!(refused.to_string().contains("rpm before 4.16"), "{refused}");
    end_agent(home.path());
}

/// A key made by gpg and exported, after `change` had its way with it.
fn refused_key(kind: &[&str], change: impl FnOnce(&Path)) -> KeyError {
    let home = home();
    let mut arguments = vec!["--batch", "--pinentry-mode", "loopback", "--passphrase", "", "--quick-gen-key", "Key"];
    arguments.extend(kind);
    let made = run("gpg", home.path(), &arguments);
    assert!(made.status.success(), "{}", text(&made));
    change(home.path());
    let secret = run("gpg", home.path(), &["--batch", "--export-secret-keys", "Key"]).stdout;
    end_agent(home.path());
    SecretKey::from_bytes(&secret, "key.gpg", None, std::time::SystemTime::now()).unwrap_err()
}

#[test]
fn a_short_key_is_refused_with_its_length() {
    let refused = refused_key(&["rsa2048", "sign"], |_| {});
    assert!(matches!(refused, KeyError::TooWeak { bits: 2048, .. }), "{refused:?}");
}

#[test]
fn a_key_whose_subkey_would_have_to_sign_is_refused() {
    let refused = refused_key(&["rsa3072", "cert"], |_| {});
    assert!(matches!(refused, KeyError::CannotSign { .. }), "{refused:?}");
}

#[test]
fn a_revoked_key_is_refused() {
    let refused = refused_key(&["rsa3072", "sign"], |home| {
        // gpg keeps a revocation for every new key, made harmless by a colon before the armour.
        let kept = fs::read_dir(home.join("openpgp-revocs.d")).unwrap().next().unwrap().unwrap().path();
        let revocation = fs::read_to_string(kept).unwrap().replace(":-----BEGIN", "-----BEGIN");
        fs::write(home.join("revocation"), revocation).unwrap();
        let imported = run("gpg", home, &["--batch", "--import", "revocation"]);
        assert!(imported.status.success(), "{}", text(&imported));
    });
    assert!(matches!(refused, KeyError::Revoked { .. }), "{refused:?}");
}

#[test]
fn a_public_key_alone_cannot_sign() {
    let bytes = key().public().to_armored().unwrap();
    let refused = SecretKey::from_bytes(bytes.as_bytes(), "wallarm.asc", None, later()).unwrap_err();
    assert!(refused.to_string().starts_with("wallarm.asc holds only the public half"), "{refused}");
    let public = PublicKey::from_bytes(bytes.as_bytes(), "wallarm.asc").unwrap();
    assert_eq!(public.fingerprint(), key().public().fingerprint());
}

#[test]
fn rpm_imports_the_armoured_key() {
    let home = home();
    fs::write(home.path().join("wallarm.asc"), key().public().to_armored().unwrap()).unwrap();
    let database = home.path().join("rpmdb");
    let seen = Command::new("rpmkeys")
        .arg("--dbpath")
        .arg(&database)
        .args(["--import", "wallarm.asc"])
        .current_dir(home.path())
        .output()
        .unwrap_or_else(|error| panic!("rpmkeys: {error}; install the Debian package rpm"));
    assert!(seen.status.success(), "{}", text(&seen));
}

/// gpg leaves its agent running; it ends by itself when its home is gone, but not at once.
fn end_agent(home: &Path) {
    let ended =
        Command::new("gpgconf").args(["--homedir", home.to_str().unwrap(), "--kill", "gpg-agent"]).status().unwrap();
    assert!(ended.success());
}

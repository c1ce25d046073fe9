//! A key that is reached by a command: gpg with its agent as a real one, shell scripts as those that go wrong.
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
use std::process::Command;
use std::sync::OnceLock;
use std::time::{Duration, Instant, SystemTime};

use common::{key, later};
use signing::{KeyError, PublicKey, SignError, Signer as _, SigningCommand};

const MINUTE: Duration = Duration::from_secs(60);

/// A GnuPG home whose agent holds keys; the agent ends with it.
struct Agent {
    home: tempfile::TempDir,
}

impl Agent {
    /// With an RSA key for certifying, `usage` and, when it is asked for, a subkey that signs.
    fn new(algorithm: &str, usage: &str, subkey: bool) -> Self {
        let agent = Self { home: tempfile::tempdir().unwrap() };
        agent.gpg(&["--quick-gen-key", "Card <card@example.org>", algorithm, usage, "1y"]);
        if subkey {
            let fingerprint = agent.public().fingerprint().to_string();
            agent.gpg(&["--quick-add-key", &fingerprint, algorithm, "sign", "1y"]);
        }
        agent
    }

    fn gpg(&self, arguments: &[&str]) -> Vec<u8> {
        let output = Command::new("gpg")
            .arg("--homedir")
            .arg(self.home.path())
            .args(["--batch", "--pinentry-mode", "loopback", "--passphrase", ""])
            .args(arguments)
            .output()
            .unwrap_or_else(|error| panic!("gpg: {error}; install the Debian package gnupg"));
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    }

    fn public(&self) -> PublicKey {
        PublicKey::from_bytes(&self.gpg(&["--export"]), "gpg").unwrap()
    }

    fn command(&self, more: &str) -> String {
        format!("gpg --homedir '{}' --batch {more}", self.home.path().display())
    }

    fn signer(&self, more: &str) -> SigningCommand {
        SigningCommand::new(self.command(more), self.public(), MINUTE, SystemTime::now()).unwrap()
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = Command::new("gpgconf").arg("--homedir").arg(self.home.path()).args(["--kill", "gpg-agent"]).status();
    }
}

/// One agent for the tests that need nothing special of it.
fn agent() -> &'static Agent {
    static AGENT: OnceLock<Agent> = OnceLock::new();
    AGENT.get_or_init(|| Agent::new("rsa3072", "sign", false))
}

/// A command that claims the shared key of these tests.
fn fake(command: impl Into<String>) -> SigningCommand {
    SigningCommand::new(command, key().public().clone(), MINUTE, later()).unwrap()
}

fn refusal(signer: &SigningCommand) -> String {
    let error = signer.sign_detached(b"data", later()).unwrap_err();
    let SignError::Command { command, .. } = &error else { panic!("{error:?}") };
    let text = error.to_string();
    assert!(text.contains(command.as_str()), "{text}");
    text
}

/// A command that prints this file.
fn printing(folder: &Path, bytes: &[u8]) -> String {
    let file = folder.join("output");
    fs::write(&file, bytes).unwrap();
    // The arguments that follow are for gpg; `cat` would take them for files.
    format!("sh -c 'cat \"{}\"'", file.display())
}

#[test]
fn gpg_signs_every_form_that_readers_find() {
    let signer = agent().signer("");
    let public = agent().public();
    let now = || SystemTime::now() + Duration::from_secs(1);
    let packet = signer.sign_detached(b"data", later()).unwrap();
    let armored = signer.sign_detached_armored(b"data", later()).unwrap();
    for signature in [packet.as_slice(), armored.as_bytes()] {
        let verified = public.verify_detached(b"data", signature, now()).unwrap();
        assert!(verified.exact);
        assert_eq!(verified.by, [public.fingerprint()]);
    }
    for text in ["Suite: x\n", "a\n- dash\n\n--\n", "one line without an end"] {
        let message = signer.sign_cleartext(text, later()).unwrap();
        let read = public.verify_cleartext(&message, now()).unwrap();
        assert_eq!(read.text.trim_end(), text.trim_end());
        assert!(read.signature.exact, "{message}");
        fs::write(agent().home.path().join("InRelease"), message).unwrap();
        let path = agent().home.path().join("InRelease");
        agent().gpg(&["--verify", path.to_str().unwrap()]);
    }
    assert!(signer.sign_cleartext("blank \n", later()).is_err());
}

#[test]
fn sha512_is_taken_and_named_in_the_frame() {
    let signer = agent().signer("--digest-algo SHA512 --personal-digest-preferences SHA512");
    // The last `--digest-algo` is ours and wins, so a wrapper takes it away.
    let wrapper = format!(
        "sh -c 'shift 3; exec {} --digest-algo SHA512 --detach-sign \"$@\"' gpg",
        agent().command("").replace('\'', "\"")
    );
    let asked = signer.sign_cleartext("Suite: x\n", later()).unwrap();
    assert!(asked.contains("\nHash: SHA256\n"), "{asked}");
    let wrapped = SigningCommand::new(wrapper, agent().public(), MINUTE, SystemTime::now()).unwrap();
    let message = wrapped.sign_cleartext("Suite: x\n", later()).unwrap();
    assert!(message.contains("\nHash: SHA512\n"), "{message}");
    let read = agent().public().verify_cleartext(&message, SystemTime::now() + Duration::from_secs(1)).unwrap();
    assert!(read.signature.exact);
}

#[test]
fn sha1_is_refused() {
    let wrapper =
        format!("sh -c 'exec {} --digest-algo SHA1 --detach-sign' gpg", agent().command("").replace('\'', "\""));
    let signer = SigningCommand::new(wrapper, agent().public(), MINUTE, SystemTime::now()).unwrap();
    let text = refusal(&signer);
    assert!(text.contains("its digest is SHA1"), "{text}");
}

#[test]
fn a_signature_of_the_wrong_kind_is_refused() {
    let wrapper =
        format!("sh -c 'exec {} --detach-sign --digest-algo SHA256' gpg", agent().command("").replace('\'', "\""));
    let signer = SigningCommand::new(wrapper, agent().public(), MINUTE, SystemTime::now()).unwrap();
    signer.sign_detached(b"data", later()).unwrap();
    let text = signer.sign_cleartext("Suite: x\n", later()).unwrap_err().to_string();
    assert!(text.contains("over a"), "{text}");
}

#[test]
fn a_subkey_is_refused_and_the_cure_named() {
    let agent = Agent::new("rsa3072", "cert,sign", true);
    let text = refusal(&agent.signer(""));
    assert!(text.contains("a subkey") && text.contains("`!`"), "{text}");
    let named = format!("--local-user {}!", agent.public().fingerprint());
    agent.signer(&named).sign_detached(b"data", later()).unwrap();
}

#[test]
fn another_keys_signature_is_refused() {
    let signer = SigningCommand::new(agent().command(""), key().public().clone(), MINUTE, SystemTime::now()).unwrap();
    let text = refusal(&signer);
    assert!(text.contains("another key") && text.contains(&agent().public().key_id().to_string()), "{text}");
}

#[test]
fn a_signature_over_other_bytes_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let other = key().sign_detached(b"other data", later()).unwrap();
    let text = refusal(&fake(printing(folder.path(), &other)));
    assert!(text.contains("of no use"), "{text}");
}

#[test]
fn two_signatures_rubbish_and_nothing_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let one = key().sign_detached(b"data", later()).unwrap();
    let two = [one.clone(), one.clone()].concat();
    assert!(refusal(&fake(printing(folder.path(), &two))).contains("more than one signature"));
    for rubbish in [b"rubbish".as_slice(), b"\x00\xff", &one[..one.len() - 1], &[b'x'; 100_000]] {
        let text = refusal(&fake(printing(folder.path(), rubbish)));
        assert!(text.contains("one OpenPGP signature"), "{text}");
    }
    assert!(refusal(&fake(printing(folder.path(), b""))).contains("it wrote nothing"));
    let public = key().public().to_binary().unwrap();
    assert!(refusal(&fake(printing(folder.path(), &public))).contains("packet of kind"));
    fake(printing(folder.path(), &one)).sign_detached(b"data", later()).unwrap();
}

/// It was taken for one that failed when it was still writing as the pipe closed on it.
#[test]
fn a_command_that_writes_too_much_is_refused_for_that_and_ended() {
    for endless in ["yes #", "sh -c 'head -c 1000000 /dev/zero'"] {
        let text = refusal(&fake(endless));
        assert!(text.contains("one OpenPGP signature") && text.contains("more than 64 kB"), "{text}");
    }
}

#[test]
fn a_command_may_say_much_on_standard_error() {
    let folder = tempfile::tempdir().unwrap();
    let signature = key().sign_detached(b"data", later()).unwrap();
    let printing = printing(folder.path(), &signature);
    let talkative = format!("sh -ec 'head -c 1000000 /dev/zero >&2; {}' sh", printing.replace('\'', "\""));
    fake(talkative).sign_detached(b"data", later()).unwrap();
}

#[test]
fn a_command_that_fails_is_quoted() {
    let text = refusal(&fake("sh -c 'echo the card is not >&2; echo \"in its reader\" >&2; exit 7'"));
    assert!(text.contains("exit status: 7") && text.contains("said: the card is not in its reader"), "{text}");
    let text = refusal(&fake("/nonexistent/signer"));
    assert!(text.contains("failed (exit status: 127)"), "{text}");
    let text = refusal(&fake("sh -c 'kill -9 $$'"));
    assert!(text.contains("signal: 9"), "{text}");
}

/// Data that no pipe holds, to a command that reads none of it.
#[test]
fn a_command_that_reads_nothing_is_judged_by_what_it_writes() {
    let folder = tempfile::tempdir().unwrap();
    let data = vec![b'x'; 1 << 20];
    let signature = key().sign_detached(&data, later()).unwrap();
    fake(printing(folder.path(), &signature)).sign_detached(&data, later()).unwrap();
}

#[test]
fn a_command_that_never_ends_is_ended() {
    for command in ["sleep 1000 #", "sh -c 'exec >&- 2>&-; exec sleep 1000'", "sh -c 'sleep 5 & exec sleep 1000'"] {
        let signer = SigningCommand::new(command, key().public().clone(), Duration::from_millis(300), later()).unwrap();
        let begun = Instant::now();
        let text = refusal(&signer);
        assert!(text.contains("gave no signature within"), "{text}");
        assert!(begun.elapsed() < MINUTE);
    }
}

#[test]
fn the_time_to_sign_with_and_the_arguments_reach_the_command() {
    let folder = tempfile::tempdir().unwrap();
    let seen = folder.path().join("seen");
    let script =
        format!("sh -c 'echo \"$SOURCE_DATE_EPOCH $*\" >> \"{}\"; cat > /dev/null; exit 1' wrapper", seen.display());
    let signer = fake(script);
    signer.sign_detached(b"data", later()).unwrap_err();
    signer.sign_cleartext("text\n", later()).unwrap_err();
    let expected =
        "1767312000 --detach-sign --digest-algo SHA256\n1767312000 --detach-sign --digest-algo SHA256 --textmode\n";
    assert_eq!(fs::read_to_string(seen).unwrap(), expected);
}

#[test]
fn a_public_key_that_old_systems_cannot_verify_is_refused_at_once() {
    let ed = Agent::new("ed25519", "sign", false);
    let refused = SigningCommand::new("gpg", ed.public(), MINUTE, SystemTime::now()).unwrap_err();
    assert!(matches!(refused, KeyError::NotRsa { .. }), "{refused:?}");
}

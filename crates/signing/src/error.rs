//! What can be wrong with a key, with signing and with a signature. No error ever carries key material.

use std::error::Error;
use std::io;
use std::path::PathBuf;

use crate::{CommandProblem, Fingerprint, UtcTime};

/// An error of the OpenPGP library, kept as the source.
pub(crate) type Source = Box<dyn Error + Send + Sync>;

/// Why a key cannot be loaded, made or stored.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The file cannot be read.
    #[error("cannot read the key or passphrase file {path}", path = path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The bytes are no OpenPGP key.
    #[error("{origin} holds no OpenPGP key; give an armoured or binary export of one key")]
    NotAKey {
        /// Where the bytes came from.
        origin: String,
        /// What the OpenPGP library said.
        source: Source,
    },
    /// Only the public half is there.
    #[error(
        "{origin} holds only the public half of {fingerprint}; signing needs the secret half (`gpg --export-secret-keys`)"
    )]
    NoSecret {
        /// Where the bytes came from.
        origin: String,
        /// The key.
        fingerprint: Fingerprint,
    },
    /// The secret half is encrypted and no passphrase was given.
    #[error("the secret key {fingerprint} is protected; set WALLARM_SIGNING_PASSPHRASE or name a passphrase file")]
    PassphraseMissing {
        /// The key.
        fingerprint: Fingerprint,
    },
    /// The passphrase does not open the key.
    #[error("the passphrase does not open the secret key {fingerprint}")]
    WrongPassphrase {
        /// The key.
        fingerprint: Fingerprint,
    },
    /// The key's time is over.
    #[error("the key {fingerprint} expired on {expired}; extend it (its id stays the same) and publish it again")]
    Expired {
        /// The key.
        fingerprint: Fingerprint,
        /// First moment at which it is no longer valid.
        expired: UtcTime,
    },
    /// The key holds today, but not for as long as what is signed with it should.
    #[error(
        "the key {fingerprint} ends on {expires}, in {left} days, and {needed} are asked for: extend it (its id stays the same) \
         or begin a rotation to its successor, then sign again; --allow-expiring DAYS signs all the same"
    )]
    EndsSoon {
        /// The key.
        fingerprint: Fingerprint,
        /// First moment at which it is no longer valid.
        expires: UtcTime,
        /// Whole days until then.
        left: u64,
        /// Days that it should last.
        needed: u64,
    },
    /// The key was revoked.
    #[error("the key {fingerprint} is revoked; sign with its successor")]
    Revoked {
        /// The key.
        fingerprint: Fingerprint,
    },
    /// The primary key is not RSA.
    #[error(
        "the primary key {fingerprint} is {algorithm}; rpm before 4.16 (CentOS 7, EL 8) verifies only RSA, so use an RSA-4096 key"
    )]
    NotRsa {
        /// The key.
        fingerprint: Fingerprint,
        /// Name of its algorithm.
        algorithm: String,
    },
    /// The modulus is too short.
    #[error("the key {fingerprint} has {bits} bits; at least {needed} are needed", needed = crate::MINIMUM_RSA_BITS)]
    TooWeak {
        /// The key.
        fingerprint: Fingerprint,
        /// Length of the modulus in bits.
        bits: usize,
    },
    /// The primary key's flags do not allow it to sign data.
    #[error(
        "the primary key {fingerprint} may not sign data (a subkey's signature would not do: rpm before 4.13 cannot verify it)"
    )]
    CannotSign {
        /// The key.
        fingerprint: Fingerprint,
    },
    /// The key has no valid self-signature, or one made with a broken digest.
    #[error("the key {fingerprint} has no acceptable self-signature (SHA-1 and MD5 are refused)")]
    NoSelfSignature {
        /// The key.
        fingerprint: Fingerprint,
    },
    /// A key file is there already and would have been overwritten.
    #[error("{path} exists; a key file is never overwritten: choose another name or move it away", path = path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// The key file cannot be written.
    #[error("cannot write the key file {path}", path = path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Two keys of a keyring, or two that shall sign together, are the same.
    #[error("the key {fingerprint} is given twice")]
    Twice {
        /// The key.
        fingerprint: Fingerprint,
    },
    /// No key is configured.
    #[error("no signing key: name a key file or set WALLARM_SIGNING_KEY to a path or to the armoured key itself")]
    NotConfigured,
    /// The OpenPGP library failed for a reason that no input explains.
    #[error("the OpenPGP library failed to {what}")]
    Library {
        /// What was being done.
        what: &'static str,
        /// What the library said.
        source: Source,
    },
}

/// Why data could not be signed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SignError {
    /// A line of a text to be signed ends in white space, which a cleartext signature does not protect (RFC 9580 §7.2).
    #[error("line {line} of the text ends in white space, which a cleartext signature would not protect")]
    TrailingSpace {
        /// Line number, from 1.
        line: usize,
    },
    /// A signing command gave no signature of use.
    #[error("the signing command `{command}` {problem}")]
    Command {
        /// The command.
        command: String,
        /// What it did wrong.
        #[source]
        problem: CommandProblem,
    },
    /// The OpenPGP library failed.
    #[error("cannot make the signature")]
    Library(#[source] Source),
}

/// Why a signature is not accepted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// The bytes are not a signature or not a cleartext message.
    #[error("this is not an OpenPGP {expected}")]
    Malformed {
        /// What was expected.
        expected: &'static str,
        /// What the OpenPGP library said, when it said anything.
        #[source]
        source: Option<Source>,
    },
    /// Another key made it.
    #[error("signed by {issuer}, not by {}", list(.expected))]
    OtherKey {
        /// The key which the signature names.
        issuer: String,
        /// The keys of which one was expected.
        expected: Vec<Fingerprint>,
    },
    /// It does not match the data, or it is of a kind that is not accepted (SHA-1, MD5, from the future).
    #[error("the signature is bad: {reason}")]
    Bad {
        /// What is bad.
        reason: String,
    },
    /// The key expired.
    #[error("the key {fingerprint} expired on {expired}")]
    KeyExpired {
        /// The key.
        fingerprint: Fingerprint,
        /// First moment at which it is no longer valid.
        expired: UtcTime,
    },
}

fn list(keys: &[Fingerprint]) -> String {
    keys.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or ")
}

//! A key that is somewhere else – on a card, behind an agent, on another machine – reached by a command.
//!
//! The command is what a shell understands, for example `gpg --local-user FINGERPRINT!`. It is called with
//!
//! ```text
//! COMMAND --detach-sign --digest-algo SHA256 [--textmode]
//! ```
//!
//! gets the octets to sign on its standard input, and writes an OpenPGP signature over them to its standard output, binary or
//! armoured. `--textmode` asks for a signature over a text (type 0x01, RFC 9580 §5.2.1) instead of one over octets. The variable
//! `SOURCE_DATE_EPOCH` holds the time that the signature would best be given. What comes back is believed in nothing: see
//! `check.rs`.

mod check;
mod process;

use std::ffi::OsString;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use crate::{KeyError, Keyring, PublicKey, SignError, SignatureKind, Signer, UtcTime};

/// The command that signs, where it is no flag.
pub const SIGN_WITH_VARIABLE: &str = "WALLARM_SIGN_WITH";

/// The file with the public key of that command.
pub const PUBLIC_KEY_VARIABLE: &str = "WALLARM_PUBLIC_KEY";

/// Signs by calling a command.
#[derive(Debug)]
pub struct SigningCommand {
    command: String,
    keyring: Keyring,
    timeout: Duration,
    /// A card signs one thing at a time, and a wrapper need not know how to wait.
    turn: Mutex<()>,
}

/// What a command did wrong.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CommandProblem {
    /// The shell could not be started.
    #[error("cannot be started")]
    NotStarted(#[source] std::io::Error),
    /// It ended with another status than zero.
    #[error("failed ({status}){}", said(.message))]
    Failed {
        /// Its exit status or signal.
        status: String,
        /// The end of what it wrote to standard error.
        message: String,
    },
    /// It did not end in time, and was ended.
    #[error("gave no signature within {} seconds; it was ended", .timeout.as_secs())]
    TooSlow {
        /// How long it had.
        timeout: Duration,
    },
    /// What it wrote is no single signature.
    #[error("did not write one OpenPGP signature to its standard output: {0}")]
    NoSignature(String),
    /// It wrote a signature that would not do.
    #[error("made a signature that is of no use: {0}")]
    Refused(String),
}

fn said(message: &str) -> String {
    if message.is_empty() { String::new() } else { format!(" and said: {message}") }
}

impl SigningCommand {
    /// A command and the public half of the key that it signs with.
    ///
    /// # Errors
    /// When `public` is a key that would not do for signing; see [`PublicKey::check_fit_for_signing`].
    pub fn new(
        command: impl Into<String>,
        public: PublicKey,
        timeout: Duration,
        now: SystemTime,
    ) -> Result<Self, KeyError> {
        public.check_fit_for_signing(now)?;
        Ok(Self { command: command.into(), keyring: public.into(), timeout, turn: Mutex::new(()) })
    }

    fn sign(&self, kind: SignatureKind, octets: &[u8], when: SystemTime) -> Result<Vec<u8>, SignError> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let public = self.keyring.first();
        let mut arguments = vec!["--detach-sign", "--digest-algo", "SHA256"];
        if kind == SignatureKind::Text {
            arguments.push("--textmode");
        }
        // A signature is never older than its key.
        let epoch = UtcTime::from(when).max(public.created()).seconds();
        let variable = ("SOURCE_DATE_EPOCH", OsString::from(epoch.to_string()));
        let written = process::run(&self.command, &arguments, variable, octets, self.timeout);
        let checked = written.and_then(|bytes| check::packet(&bytes, kind, octets, public));
        checked.map_err(|problem| SignError::Command { command: self.command.clone(), problem })
    }
}

impl Signer for SigningCommand {
    fn keyring(&self) -> &Keyring {
        &self.keyring
    }

    fn packets(&self, kind: SignatureKind, octets: &[u8], when: SystemTime) -> Result<Vec<Vec<u8>>, SignError> {
        Ok(vec![self.sign(kind, octets, when)?])
    }

    fn sign_detached(&self, data: &[u8], when: SystemTime) -> Result<Vec<u8>, SignError> {
        self.sign(SignatureKind::Binary, data, when)
    }
}

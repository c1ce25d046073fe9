//! OpenPGP keys and signatures for packages and repositories.
//!
//! One key signs everything: an RSA primary key without subkeys, because rpm before 4.13 cannot verify what a subkey
//! signed and rpm before 4.16 knows no Ed25519. Signatures are version 4 with SHA-256 and depend on nothing but the key,
//! the data and the time given, so that the same commit gives the same bytes.
//!
//! A [`Signer`] signs: a [`SecretKey`] that is at hand, a [`SigningCommand`] that reaches one elsewhere, or several [`Together`] while one
//! key follows another. A [`Keyring`] of [`PublicKey`]s verifies. [`KeySource`] says where a secret key comes from.

mod armor;
mod cleartext;
mod command;
mod error;
mod key;
mod keyring;
mod openpgp;
mod passphrase;
mod plain_rsa;
mod public;
mod signer;
mod source;
mod time;
mod together;
mod verify;

pub use command::{CommandProblem, PUBLIC_KEY_VARIABLE, SIGN_WITH_VARIABLE, SigningCommand};
pub use error::{KeyError, SignError, VerifyError};
pub use key::{KeySpec, MINIMUM_RSA_BITS, RSA_BITS, SecretKey};
pub use keyring::Keyring;
pub use passphrase::Passphrase;
pub use public::{Fingerprint, KeyId, PublicKey};
pub use signer::{SignatureKind, Signer};
pub use source::{KEY_VARIABLE, KeySource, PASSPHRASE_VARIABLE};
pub use time::UtcTime;
pub use together::Together;
pub use verify::{Cleartext, Verified};

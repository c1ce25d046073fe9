//! OpenPGP keys and signatures for packages and repositories.
//!
//! One key signs everything: an RSA primary key without subkeys, because rpm before 4.13 cannot verify what a subkey
//! signed and rpm before 4.16 knows no Ed25519. Signatures are version 4 with SHA-256 and depend on nothing but the key,
//! the data and the time given, so that the same commit gives the same bytes.
//!
//! [`SecretKey`] signs, [`PublicKey`] verifies, [`KeySource`] says where a secret key comes from.

mod armor;
mod cleartext;
mod error;
mod key;
mod openpgp;
mod passphrase;
mod public;
mod source;
mod time;

pub use error::{KeyError, SignError, VerifyError};
pub use key::{KeySpec, MINIMUM_RSA_BITS, RSA_BITS, SecretKey};
pub use passphrase::Passphrase;
pub use public::{Cleartext, Fingerprint, KeyId, PublicKey, Verified};
pub use source::{KEY_VARIABLE, KeySource, PASSPHRASE_VARIABLE};
pub use time::UtcTime;

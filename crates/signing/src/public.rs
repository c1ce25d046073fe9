//! Public keys: reading, describing, exporting.

use std::fmt;
use std::time::SystemTime;

use sequoia_openpgp::armor::Kind;
use sequoia_openpgp::cert::Cert;
use sequoia_openpgp::parse::Parse;
use sequoia_openpgp::policy::StandardPolicy;
use sequoia_openpgp::serialize::MarshalInto;
use sequoia_openpgp::types::{HashAlgorithm, PublicKeyAlgorithm, RevocationStatus};

use crate::{Cleartext, KeyError, Keyring, MINIMUM_RSA_BITS, UtcTime, Verified, VerifyError, armor};

/// Fingerprint of a version 4 key: 40 hexadecimal digits, upper case.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Fingerprint(String);

impl fmt::Display for Fingerprint {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// Id of a key: the last 16 digits of its fingerprint.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct KeyId(String);

impl fmt::Display for KeyId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// A public key with the facts of its newest self-signature.
#[derive(Clone)]
pub struct PublicKey {
    cert: Cert,
    user_id: String,
    expires: Option<UtcTime>,
    may_sign: bool,
}

impl PublicKey {
    /// Reads an armoured or binary public key; a secret half, if there is one, is dropped.
    ///
    /// # Errors
    /// [`KeyError::NotAKey`] with `origin`; [`KeyError::NoSelfSignature`] when the key is not bound to a user id by an
    /// acceptable signature.
    pub fn from_bytes(bytes: &[u8], origin: &str) -> Result<Self, KeyError> {
        let cert = Cert::from_bytes(bytes)
            .map_err(|error| KeyError::NotAKey { origin: origin.to_owned(), source: error.into() })?;
        Self::from_cert(cert.strip_secret_key_material())
    }

    pub(crate) fn from_cert(cert: Cert) -> Result<Self, KeyError> {
        let newest = cert
            .userids()
            .flat_map(|user| {
                let name = String::from_utf8_lossy(user.userid().value()).into_owned();
                let signatures: Vec<_> = user.self_signatures().cloned().collect();
                signatures.into_iter().map(move |one| (name.clone(), one))
            })
            .filter(|(_, one)| is_strong(one.hash_algo()))
            .max_by_key(|(_, one)| (one.signature_creation_time(), one.primary_userid()));
        let Some((user_id, binding)) = newest else {
            return Err(KeyError::NoSelfSignature { fingerprint: Fingerprint(cert.fingerprint().to_hex()) });
        };
        let expires = binding.key_expiration_time(cert.primary_key().key()).map(UtcTime::from);
        let may_sign = binding.key_flags().is_some_and(|flags| flags.for_signing());
        Ok(Self { cert, user_id, expires, may_sign })
    }

    /// The fingerprint.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint(self.cert.fingerprint().to_hex())
    }

    /// The key id.
    #[must_use]
    pub fn key_id(&self) -> KeyId {
        KeyId(self.cert.keyid().to_hex())
    }

    /// Who the key belongs to.
    #[must_use]
    pub fn user_id(&self) -> &str {
        &self.user_id
    }

    /// When the key was made.
    #[must_use]
    pub fn created(&self) -> UtcTime {
        self.cert.primary_key().key().creation_time().into()
    }

    /// The first moment at which the key is no longer valid; `None` when it has no end.
    #[must_use]
    pub fn expires(&self) -> Option<UtcTime> {
        self.expires
    }

    /// Length of the primary key in bits, and its algorithm's name.
    #[must_use]
    pub fn strength(&self) -> (usize, String) {
        let key = self.cert.primary_key().key();
        let bits = key.mpis().bits().unwrap_or_default();
        (bits, key.pk_algo().to_string())
    }

    /// The moment of expiry when it lies at or before `at`.
    #[must_use]
    pub fn expired_at(&self, at: SystemTime) -> Option<UtcTime> {
        self.expires.filter(|end| *end <= UtcTime::from(at))
    }

    /// Whole days until the key ends, zero when it has; `None` when it has no end.
    #[must_use]
    pub fn days_left(&self, now: SystemTime) -> Option<u64> {
        self.expires.map(|end| UtcTime::from(now).whole_days_until(end))
    }

    /// Whether the key lasts for so many days more: what is published stays for that long at least.
    ///
    /// # Errors
    /// [`KeyError::EndsSoon`] with the date and what to do.
    pub fn check_lasts(&self, now: SystemTime, days: u32) -> Result<(), KeyError> {
        let needed = u64::from(days);
        match (self.expires, self.days_left(now)) {
            (Some(expires), Some(left)) if left < needed => {
                Err(KeyError::EndsSoon { fingerprint: self.fingerprint(), expires, left, needed })
            }
            _ => Ok(()),
        }
    }

    /// The binary export, which `wallarm.gpg` is: what `apt-key add`, `gpg --import` and `signed-by=` all take.
    ///
    /// # Errors
    /// [`KeyError::Library`].
    pub fn to_binary(&self) -> Result<Vec<u8>, KeyError> {
        self.cert.export_to_vec().map_err(|error| KeyError::Library { what: "export a key", source: error.into() })
    }

    /// The armoured export, which rpm imports.
    ///
    /// # Errors
    /// [`KeyError::Library`].
    pub fn to_armored(&self) -> Result<String, KeyError> {
        armor::armor(Kind::PublicKey, &self.to_binary()?)
            .map_err(|error| KeyError::Library { what: "armour a key", source: error.into() })
    }

    /// Whether packages and repositories signed by the primary key are accepted by every system of the matrix.
    ///
    /// # Errors
    /// The first reason against it, of [`KeyError`]'s `NotRsa`, `TooWeak`, `CannotSign`, `Revoked`, `Expired`.
    pub fn check_fit_for_signing(&self, now: SystemTime) -> Result<(), KeyError> {
        let fingerprint = self.fingerprint();
        let (bits, algorithm) = self.strength();
        if self.cert.primary_key().key().pk_algo() != PublicKeyAlgorithm::RSAEncryptSign {
            return Err(KeyError::NotRsa { fingerprint, algorithm });
        }
        if bits < MINIMUM_RSA_BITS {
            return Err(KeyError::TooWeak { fingerprint, bits });
        }
        if !self.may_sign {
            return Err(KeyError::CannotSign { fingerprint });
        }
        let policy = StandardPolicy::new();
        if let RevocationStatus::Revoked(_) = self.cert.revocation_status(&policy, now) {
            return Err(KeyError::Revoked { fingerprint });
        }
        match self.expired_at(now) {
            Some(expired) => Err(KeyError::Expired { fingerprint, expired }),
            None => Ok(()),
        }
    }

    /// Verifies a detached signature, armoured or binary, as of the time `at`; see [`Keyring::verify_detached`].
    ///
    /// # Errors
    /// See [`VerifyError`]; SHA-1 and MD5 signatures and those of an expired key are refused.
    pub fn verify_detached(&self, data: &[u8], signature: &[u8], at: SystemTime) -> Result<Verified, VerifyError> {
        Keyring::from(self.clone()).verify_detached(data, signature, at)
    }

    /// Verifies a message in the cleartext framework and gives its text.
    ///
    /// # Errors
    /// See [`VerifyError`].
    pub fn verify_cleartext(&self, message: &str, at: SystemTime) -> Result<Cleartext, VerifyError> {
        Keyring::from(self.clone()).verify_cleartext(message, at)
    }

    pub(crate) fn cert(&self) -> &Cert {
        &self.cert
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "PublicKey({}, {})", self.fingerprint(), self.user_id)
    }
}

/// Digests in which no second message with the same value can be made.
fn is_strong(hash: HashAlgorithm) -> bool {
    matches!(hash, HashAlgorithm::SHA224 | HashAlgorithm::SHA256 | HashAlgorithm::SHA384 | HashAlgorithm::SHA512)
}

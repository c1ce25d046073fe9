//! Secret keys: making, loading, storing, signing.

use std::fmt;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, SystemTime};

use sequoia_openpgp::armor::Kind;
use sequoia_openpgp::cert::Cert;
use sequoia_openpgp::crypto::KeyPair;
use sequoia_openpgp::packet::key::{Key4, PrimaryRole, SecretParts};
use sequoia_openpgp::packet::signature::SignatureBuilder;
use sequoia_openpgp::packet::signature::subpacket::{Subpacket, SubpacketArea};
use sequoia_openpgp::packet::{Key, Packet, UserID};
use sequoia_openpgp::parse::Parse;
use sequoia_openpgp::serialize::MarshalInto;
use sequoia_openpgp::types::{Features, HashAlgorithm, KeyFlags, SignatureType};

use crate::error::Source;
use crate::{KeyError, Keyring, Passphrase, PublicKey, SignError, SignatureKind, Signer, armor, openpgp};

/// Length of a new key's modulus in bits.
pub const RSA_BITS: usize = 4096;

/// The shortest modulus that is accepted, in bits (NIST SP 800-57: 128 bits of strength).
pub const MINIMUM_RSA_BITS: usize = 3072;

/// What a new key shall be.
#[derive(Debug, Clone)]
pub struct KeySpec {
    /// Who the key belongs to: `Name <address>`.
    pub user_id: String,
    /// How long it is valid from `created` on; `None` is without end.
    pub validity: Option<Duration>,
    /// Protects the secret half where it is stored.
    pub passphrase: Option<Passphrase>,
    /// When it was made.
    pub created: SystemTime,
}

/// A key that can sign: an unlocked RSA primary key.
#[derive(Clone)]
pub struct SecretKey {
    /// With the secret half as it is stored: encrypted when there is a passphrase.
    cert: Cert,
    signer: KeyPair,
    keyring: Keyring,
}

impl SecretKey {
    /// Makes an RSA-4096 primary key without subkeys which certifies and signs, self-signed with SHA-512.
    ///
    /// Only what `gpg --quick-gen-key` makes too is in it – key, user id, one certification – since rpm 4.11 reads it.
    ///
    /// # Errors
    /// [`KeyError::Library`] when the OpenPGP library fails.
    pub fn generate(spec: &KeySpec) -> Result<Self, KeyError> {
        let fail = |source: Source| KeyError::Library { what: "make a key", source };
        let cert = generate_cert(spec).map_err(|error| fail(error.into()))?;
        Self::from_cert(cert, "the new key", spec.passphrase.as_ref(), spec.created)
    }

    /// Loads an armoured or binary secret key and unlocks it.
    ///
    /// `origin` names the place of the bytes in errors; `now` decides whether the key is expired.
    ///
    /// # Errors
    /// Whatever makes this key unfit for signing packages for every system of the matrix; see [`KeyError`].
    pub fn from_bytes(
        bytes: &[u8],
        origin: &str,
        passphrase: Option<&Passphrase>,
        now: SystemTime,
    ) -> Result<Self, KeyError> {
        let cert = Cert::from_bytes(bytes)
            .map_err(|error| KeyError::NotAKey { origin: origin.to_owned(), source: error.into() })?;
        Self::from_cert(cert, origin, passphrase, now)
    }

    /// Loads a key from a file; see [`SecretKey::from_bytes`].
    ///
    /// # Errors
    /// As there, and [`KeyError::Unreadable`].
    pub fn from_file(path: &Path, passphrase: Option<&Passphrase>, now: SystemTime) -> Result<Self, KeyError> {
        let bytes = fs::read(path).map_err(|source| KeyError::Unreadable { path: path.to_owned(), source })?;
        Self::from_bytes(&bytes, &path.display().to_string(), passphrase, now)
    }

    fn from_cert(cert: Cert, origin: &str, passphrase: Option<&Passphrase>, now: SystemTime) -> Result<Self, KeyError> {
        let public = PublicKey::from_cert(cert.clone().strip_secret_key_material())?;
        public.check_fit_for_signing(now)?;
        let fingerprint = public.fingerprint();
        let Ok(secret) = cert.primary_key().key().clone().parts_into_secret() else {
            return Err(KeyError::NoSecret { origin: origin.to_owned(), fingerprint });
        };
        let signer = unlock(secret, &public, passphrase)?;
        Ok(Self { cert, signer, keyring: public.into() })
    }

    /// The public half.
    #[must_use]
    pub fn public(&self) -> &PublicKey {
        self.keyring.first()
    }

    /// Stores the key armoured in a new file with mode 0600, protected when it was made or loaded with a passphrase.
    ///
    /// The file appears whole or not at all.
    ///
    /// # Errors
    /// [`KeyError::Exists`] when there is a file of that name, [`KeyError::Write`] when the system refuses.
    pub fn write_new(&self, path: &Path) -> Result<(), KeyError> {
        let packets = self
            .cert
            .as_tsk()
            .to_vec()
            .map_err(|error| KeyError::Library { what: "serialise a key", source: error.into() })?;
        let write = |source| KeyError::Write { path: path.to_owned(), source };
        let text = armor::armor(Kind::SecretKey, &packets).map_err(write)?;
        let folder = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        fs::create_dir_all(folder).map_err(write)?;
        // `NamedTempFile` opens with mode 0600, `persist_noclobber` fails when the name is taken.
        let mut file = tempfile::NamedTempFile::new_in(folder).map_err(write)?;
        file.write_all(text.as_bytes()).map_err(write)?;
        file.as_file().sync_all().map_err(write)?;
        match file.persist_noclobber(path) {
            Ok(_) => Ok(()),
            Err(error) if error.error.kind() == std::io::ErrorKind::AlreadyExists => {
                Err(KeyError::Exists { path: path.to_owned() })
            }
            Err(error) => Err(write(error.error)),
        }
    }

    /// Signs data; gives a binary version 4 signature packet by the primary key with SHA-256, as rpm's tag 268 wants it.
    ///
    /// `when` is the time of the signature, moved to the key's creation when it lies before it: every verifier refuses
    /// a signature that is older than its key, and a commit may well be.
    ///
    /// # Errors
    /// [`SignError::Library`].
    pub fn sign_detached(&self, data: &[u8], when: SystemTime) -> Result<Vec<u8>, SignError> {
        self.sign(SignatureType::Binary, data, when)
    }

    fn sign(&self, kind: SignatureType, octets: &[u8], when: SystemTime) -> Result<Vec<u8>, SignError> {
        let made = when.max(self.public().created().into());
        openpgp::sign(self.signer.clone(), kind, octets, made).map_err(|error| SignError::Library(error.into()))
    }
}

impl Signer for SecretKey {
    fn keyring(&self) -> &Keyring {
        &self.keyring
    }

    fn packets(&self, kind: SignatureKind, octets: &[u8], when: SystemTime) -> Result<Vec<Vec<u8>>, SignError> {
        Ok(vec![self.sign(kind.into(), octets, when)?])
    }

    fn sign_detached(&self, data: &[u8], when: SystemTime) -> Result<Vec<u8>, SignError> {
        SecretKey::sign_detached(self, data, when)
    }
}

/// Shows who the key is, never what it is.
impl fmt::Debug for SecretKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "SecretKey({})", self.public().fingerprint())
    }
}

fn unlock(
    mut secret: Key<SecretParts, PrimaryRole>,
    public: &PublicKey,
    passphrase: Option<&Passphrase>,
) -> Result<KeyPair, KeyError> {
    let fingerprint = public.fingerprint();
    if secret.secret().is_encrypted() {
        let Some(passphrase) = passphrase else {
            return Err(KeyError::PassphraseMissing { fingerprint });
        };
        secret = secret.decrypt_secret(passphrase.password()).map_err(|_| KeyError::WrongPassphrase { fingerprint })?;
    }
    secret
        .into_keypair()
        .map_err(|error| KeyError::Library { what: "take the secret key into use", source: error.into() })
}

fn generate_cert(spec: &KeySpec) -> sequoia_openpgp::Result<Cert> {
    let mut key = Key4::<SecretParts, PrimaryRole>::generate_rsa(RSA_BITS)?;
    key.set_creation_time(spec.created)?;
    let key = Key::from(key);
    let mut signer = key.clone().into_keypair()?;
    let stored = match &spec.passphrase {
        None => key,
        Some(passphrase) => key.encrypt_secret(passphrase.password())?,
    };
    let cert = Cert::try_from(vec![Packet::from(stored)])?;
    let user_id = UserID::from(spec.user_id.as_str());
    let template = SignatureBuilder::new(SignatureType::PositiveCertification)
        .set_hash_algo(HashAlgorithm::SHA512)
        .set_signature_creation_time(spec.created)?
        .set_key_flags(KeyFlags::empty().set_certification().set_signing())?
        .set_key_validity_period(spec.validity)?
        .set_features(Features::empty().set_seipdv1())?
        .set_preferred_hash_algorithms(vec![HashAlgorithm::SHA512, HashAlgorithm::SHA256])?
        .set_primary_userid(true)?
        .modify_hashed_area(|area| {
            // rpm 4.18 refuses to import a key with a critical subpacket that it does not know (primary user id).
            SubpacketArea::new(
                area.iter().map(|one| Subpacket::new(one.value().clone(), false)).collect::<Result<_, _>>()?,
            )
        })?;
    let certification = user_id.bind(&mut signer, &cert, template)?;
    let (cert, _) = cert.insert_packets(vec![Packet::from(user_id), Packet::from(certification)])?;
    Ok(cert)
}

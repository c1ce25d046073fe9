//! Several public keys in one file: what a tree offers and a client trusts while one key follows another.

use sequoia_openpgp::cert::{Cert, CertParser};
use sequoia_openpgp::parse::Parse as _;

use crate::{Fingerprint, KeyError, PublicKey};

const BLOCK_BEGINS: &str = "-----BEGIN PGP PUBLIC KEY BLOCK-----";

/// One public key or more, in their order; never none.
#[derive(Debug, Clone)]
pub struct Keyring {
    first: PublicKey,
    others: Vec<PublicKey>,
}

impl From<PublicKey> for Keyring {
    fn from(first: PublicKey) -> Self {
        Self { first, others: Vec::new() }
    }
}

impl Keyring {
    /// Reads one binary export after another, or one armour after another.
    ///
    /// # Errors
    /// [`KeyError::NotAKey`] with `origin` when any part of it is no key or there is none, [`KeyError::NoSelfSignature`],
    /// [`KeyError::Twice`].
    pub fn from_bytes(bytes: &[u8], origin: &str) -> Result<Self, KeyError> {
        let mut all: Option<Self> = None;
        for block in blocks(bytes) {
            let certs = CertParser::from_bytes(block).and_then(Iterator::collect::<Result<Vec<Cert>, _>>);
            let certs = certs.map_err(|error| KeyError::NotAKey { origin: origin.to_owned(), source: error.into() })?;
            for cert in certs {
                let key = PublicKey::from_cert(cert.strip_secret_key_material())?;
                match &mut all {
                    None => all = Some(key.into()),
                    Some(ring) => ring.push(key)?,
                }
            }
        }
        let nothing = || KeyError::NotAKey { origin: origin.to_owned(), source: "it is empty".into() };
        all.ok_or_else(nothing)
    }

    /// Adds a key at the end.
    ///
    /// # Errors
    /// [`KeyError::Twice`] when it is there already.
    pub fn push(&mut self, key: PublicKey) -> Result<(), KeyError> {
        let fingerprint = key.fingerprint();
        if self.get(&fingerprint).is_some() {
            return Err(KeyError::Twice { fingerprint });
        }
        self.others.push(key);
        Ok(())
    }

    /// The first key: the one that stays.
    #[must_use]
    pub fn first(&self) -> &PublicKey {
        &self.first
    }

    /// Every key, in order.
    pub fn iter(&self) -> impl Iterator<Item = &PublicKey> {
        std::iter::once(&self.first).chain(&self.others)
    }

    /// The key of a fingerprint.
    #[must_use]
    pub fn get(&self, fingerprint: &Fingerprint) -> Option<&PublicKey> {
        self.iter().find(|key| key.fingerprint() == *fingerprint)
    }

    /// The keys' binary exports, one after the other: a keyring as apt, gpg and gpgv read it.
    ///
    /// # Errors
    /// [`KeyError::Library`].
    pub fn to_binary(&self) -> Result<Vec<u8>, KeyError> {
        Ok(self.iter().map(PublicKey::to_binary).collect::<Result<Vec<_>, _>>()?.concat())
    }

    /// One armour a key: rpm before 4.16 and yum 3 read only the first key of an armour, but every armour of a file.
    ///
    /// # Errors
    /// [`KeyError::Library`].
    pub fn to_armored(&self) -> Result<String, KeyError> {
        self.iter().map(PublicKey::to_armored).collect()
    }
}

/// Armours one by one, or binary keys as a whole: the library's reader ends with the first armour.
fn blocks(bytes: &[u8]) -> Vec<&[u8]> {
    let text = std::str::from_utf8(bytes).unwrap_or_default();
    let begins: Vec<usize> = text.match_indices(BLOCK_BEGINS).map(|(at, _)| at).collect();
    if begins.is_empty() {
        return vec![bytes];
    }
    let ends = begins.iter().skip(1).copied().chain([bytes.len()]);
    begins.iter().zip(ends).filter_map(|(begin, end)| bytes.get(*begin..end)).collect()
}

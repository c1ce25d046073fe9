//! What can sign: a key that is at hand, a command that reaches one elsewhere, or several together.

use std::fmt;
use std::time::SystemTime;

use sequoia_openpgp::armor::Kind;
use sequoia_openpgp::types::SignatureType;

use crate::{Keyring, SignError, armor, cleartext};

/// What is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignatureKind {
    /// Octets as they are.
    Binary,
    /// A text, given with CR LF between its lines and none at its end.
    Text,
}

impl From<SignatureKind> for SignatureType {
    fn from(kind: SignatureKind) -> Self {
        match kind {
            SignatureKind::Binary => Self::Binary,
            SignatureKind::Text => Self::Text,
        }
    }
}

/// Something that signs packages and indexes.
///
/// An implementation gives single signature packets; the forms in which readers find them are made from those here, the same
/// for every signer.
pub trait Signer: fmt::Debug + Sync {
    /// The public halves of the keys that sign, first the one that stays.
    fn keyring(&self) -> &Keyring;

    /// Signs octets with every key; gives a binary signature packet each, in the order in which readers shall find them.
    ///
    /// `when` is the time of the signatures as far as the signer can choose it.
    ///
    /// # Errors
    /// See [`SignError`].
    fn packets(&self, kind: SignatureKind, octets: &[u8], when: SystemTime) -> Result<Vec<Vec<u8>>, SignError>;

    /// Signs data with one key, the one that every reader knows; gives the binary packet, as rpm's tag 268 wants it.
    ///
    /// # Errors
    /// See [`SignError`].
    fn sign_detached(&self, data: &[u8], when: SystemTime) -> Result<Vec<u8>, SignError>;

    /// Signs data with every key; gives one armour with all signatures: `Release.gpg`, `repomd.xml.asc`.
    ///
    /// # Errors
    /// See [`SignError`].
    fn sign_detached_armored(&self, data: &[u8], when: SystemTime) -> Result<String, SignError> {
        let packets = self.packets(SignatureKind::Binary, data, when)?.concat();
        armor::armor(Kind::Signature, &packets).map_err(|error| SignError::Library(error.into()))
    }

    /// Signs a text in the cleartext framework with every key: `InRelease`. The text ends in a line feed, or is treated as if
    /// it did.
    ///
    /// # Errors
    /// [`SignError::TrailingSpace`] for a text that the framework would not protect whole, and as above.
    fn sign_cleartext(&self, text: &str, when: SystemTime) -> Result<String, SignError> {
        cleartext::check(text)?;
        let packets = self.packets(SignatureKind::Text, &cleartext::signed_octets(text), when)?;
        cleartext::frame(text, &packets).map_err(|error| SignError::Library(error.into()))
    }
}

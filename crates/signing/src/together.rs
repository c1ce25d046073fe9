//! Several signers at once, while one key follows another.

use std::time::SystemTime;

use crate::{KeyError, Keyring, SignError, SignatureKind, Signer};

/// Signers that sign together: indexes carry a signature by each.
///
/// The first holds the key that stays, the last the one that every client knows since before the rotation. The last one's
/// signature comes first, because yum 3 (CentOS 7) looks at no other, and it alone signs rpms, whose header has room for one.
#[derive(Debug)]
pub struct Together {
    first: Box<dyn Signer>,
    older: Vec<Box<dyn Signer>>,
    keyring: Keyring,
}

impl Together {
    /// Takes the signers, newest first.
    ///
    /// # Errors
    /// [`KeyError::Twice`] when two have the same key.
    pub fn new(first: Box<dyn Signer>, older: Vec<Box<dyn Signer>>) -> Result<Self, KeyError> {
        let mut keyring = first.keyring().clone();
        older.iter().flat_map(|signer| signer.keyring().iter()).try_for_each(|key| keyring.push(key.clone()))?;
        Ok(Self { first, older, keyring })
    }

    /// Oldest first.
    fn all(&self) -> impl Iterator<Item = &dyn Signer> {
        self.older.iter().rev().chain([&self.first]).map(Box::as_ref)
    }
}

impl Signer for Together {
    fn keyring(&self) -> &Keyring {
        &self.keyring
    }

    fn packets(&self, kind: SignatureKind, octets: &[u8], when: SystemTime) -> Result<Vec<Vec<u8>>, SignError> {
        let mut packets = Vec::new();
        for signer in self.all() {
            packets.extend(signer.packets(kind, octets, when)?);
        }
        Ok(packets)
    }

    fn sign_detached(&self, data: &[u8], when: SystemTime) -> Result<Vec<u8>, SignError> {
        self.older.last().unwrap_or(&self.first).sign_detached(data, when)
    }
}

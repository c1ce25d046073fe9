//! Signature packets built by hand, because the library's builder salts every version 4 signature with random bytes and
//! the same commit would never give the same repository twice. RSA with PKCS #1 v1.5 needs no salt.

use std::time::SystemTime;

use sequoia_openpgp::crypto::hash::Hash;
use sequoia_openpgp::crypto::mpi;
use sequoia_openpgp::crypto::{KeyPair, Signer};
use sequoia_openpgp::packet::signature::subpacket::{Subpacket, SubpacketArea, SubpacketValue};
use sequoia_openpgp::packet::{Packet, Signature, signature::Signature4};
use sequoia_openpgp::serialize::MarshalInto;
use sequoia_openpgp::types::{HashAlgorithm, SignatureType, Timestamp};

/// The one digest of every signature: accepted from rpm 4.11 to apt 3.
pub(crate) const HASH: HashAlgorithm = HashAlgorithm::SHA256;

/// Signs octets; gives the signature packet with its packet header.
///
/// The issuer stands in the hashed area, the unhashed area stays empty: then every bit of the packet is protected.
pub(crate) fn sign(
    mut signer: KeyPair,
    kind: SignatureType,
    octets: &[u8],
    made: SystemTime,
) -> sequoia_openpgp::Result<Vec<u8>> {
    let algorithm = signer.public().pk_algo();
    let hashed = SubpacketArea::new(vec![
        // Nothing is marked critical: gpg does not either, and old rpm refuses what it does not know.
        Subpacket::new(SubpacketValue::SignatureCreationTime(Timestamp::try_from(made)?), false)?,
        Subpacket::new(SubpacketValue::Issuer(signer.public().keyid()), false)?,
        Subpacket::new(SubpacketValue::IssuerFingerprint(signer.public().fingerprint()), false)?,
    ])?;
    let packet = |prefix, mpis| {
        let unhashed = SubpacketArea::default();
        Signature4::new(kind, algorithm, HASH, hashed.clone(), unhashed, prefix, mpis)
    };
    let unsigned = mpi::Signature::RSA { s: mpi::MPI::new(&[]) };
    let mut context = HASH.context()?.for_signature(4);
    context.update(octets);
    packet([0; 2], unsigned).hash(&mut context)?;
    let digest = context.into_digest()?;
    let prefix = match digest.as_slice() {
        [first, second, ..] => [*first, *second],
        _ => [0; 2],
    };
    let mpis = signer.sign(HASH, &digest)?;
    Packet::from(Signature::from(packet(prefix, mpis))).to_vec()
}

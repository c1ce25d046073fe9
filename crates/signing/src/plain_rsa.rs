//! The common case of a detached signature, with its arithmetic done by ring: one binary RSA signature of version 4, by a key of the
//! keyring.
//!
//! Who indexes thousands of rpms checks as many signatures, and the arithmetic of the OpenPGP library takes several times as long as
//! ring's. Only that is done elsewhere: what a signature and its key have to be is asked of the library, in the words of its own verifier
//! (`sequoia_openpgp::parse::stream`). Whatever is not good in every respect is `None`, and goes to that verifier, which says why.

use std::time::SystemTime;

use ring::digest;
use ring::signature::{
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, RsaParameters,
    RsaPublicKeyComponents,
};
use sequoia_openpgp::cert::amalgamation::ValidAmalgamation as _;
use sequoia_openpgp::crypto::mpi;
use sequoia_openpgp::packet::{Packet, Signature};
use sequoia_openpgp::parse::Parse as _;
use sequoia_openpgp::policy::{Policy as _, StandardPolicy};
use sequoia_openpgp::serialize::MarshalInto as _;
use sequoia_openpgp::types::{HashAlgorithm, PublicKeyAlgorithm, RevocationStatus, SignatureType};

use crate::verify::is_all_protected;
use crate::{Keyring, PublicKey, Verified};

/// What such a signature tells when it is good.
pub(crate) fn verify(keys: &Keyring, data: &[u8], signature: &[u8], at: SystemTime) -> Option<Verified> {
    let packet = parse(signature)?;
    let made = packet.signature_creation_time()?;
    let policy = StandardPolicy::at(at);
    packet.signature_alive(Some(at), None).ok()?;
    policy.signature(&packet, sequoia_openpgp::policy::HashAlgoSecurity::default()).ok()?;
    let issuers = packet.get_issuers();
    let mut candidates = keys.iter().filter(|key| issuers.iter().any(|issuer| key.cert().key_handle().aliases(issuer)));
    let by = candidates.next()?;
    if candidates.next().is_some() || !may_sign(by, made, &policy)? || by.expired_at(at).is_some() {
        return None;
    }
    let (parameters, hash) = algorithms(packet.hash_algo())?;
    let mpi::PublicKey::RSA { e, n } = by.cert().primary_key().key().mpis() else { return None };
    let mpi::Signature::RSA { s } = packet.mpis() else { return None };
    // Version 4 leaves zeros at the front out, ring wants the length of the modulus.
    let s = s.value_padded(n.value().len()).ok()?;
    let signed = [data, &trailer(&packet)?].concat();
    RsaPublicKeyComponents { n: n.value(), e: e.value() }.verify(parameters, &signed, &s).ok()?;
    let exact = is_all_protected(&packet, digest::digest(hash, &signed).as_ref(), by.cert());
    Some(Verified { made: made.into(), by: vec![by.fingerprint()], exact })
}

/// The only packet, if these bytes are its plain form and it is of the common kind.
fn parse(signature: &[u8]) -> Option<Signature> {
    let Packet::Signature(packet) = Packet::from_bytes(signature).ok()? else { return None };
    let is_common = packet.version() == 4
        && packet.typ() == SignatureType::Binary
        && packet.pk_algo() == PublicKeyAlgorithm::RSAEncryptSign;
    (is_common && Packet::from(packet.clone()).to_vec().is_ok_and(|bytes| bytes == signature)).then_some(packet)
}

/// Whether the primary key could sign when this was made.
fn may_sign(key: &PublicKey, made: SystemTime, policy: &StandardPolicy<'_>) -> Option<bool> {
    let cert = key.cert().with_policy(policy, made).ok()?;
    let primary = cert.primary_key();
    let is_revoked = |status: RevocationStatus<'_>| matches!(status, RevocationStatus::Revoked(_));
    Some(
        cert.alive().is_ok()
            && primary.alive().is_ok()
            && !is_revoked(cert.revocation_status())
            && !is_revoked(primary.revocation_status())
            && primary.for_signing()
            && made >= primary.key().creation_time(),
    )
}

fn algorithms(hash: HashAlgorithm) -> Option<(&'static RsaParameters, &'static digest::Algorithm)> {
    match hash {
        HashAlgorithm::SHA256 => Some((&RSA_PKCS1_2048_8192_SHA256, &digest::SHA256)),
        HashAlgorithm::SHA384 => Some((&RSA_PKCS1_2048_8192_SHA384, &digest::SHA384)),
        HashAlgorithm::SHA512 => Some((&RSA_PKCS1_2048_8192_SHA512, &digest::SHA512)),
        _ => None,
    }
}

/// What is signed behind the data (RFC 9580 §5.2.4): the packet up to its hashed subpackets, then a version, a mark and the length of that.
fn trailer(packet: &Signature) -> Option<Vec<u8>> {
    let hashed = packet.hashed_area().to_vec().ok()?;
    let mut trailer = vec![4, packet.typ().into(), packet.pk_algo().into(), packet.hash_algo().into()];
    trailer.extend_from_slice(&u16::try_from(hashed.len()).ok()?.to_be_bytes());
    trailer.extend_from_slice(&hashed);
    let length = u32::try_from(trailer.len()).ok()?;
    trailer.extend_from_slice(&[4, 0xff]);
    trailer.extend_from_slice(&length.to_be_bytes());
    Some(trailer)
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::{KeySpec, SecretKey};

    const DAY: Duration = Duration::from_secs(86_400);

    fn now() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_780_000_000)
    }

    fn key() -> SecretKey {
        let (user_id, validity) = ("Plain <plain@example.org>".to_owned(), Some(100 * DAY));
        SecretKey::generate(&KeySpec { user_id, validity, passphrase: None, created: now() }).unwrap()
    }

    static KEY: LazyLock<SecretKey> = LazyLock::new(key);
    static SIGNATURE: LazyLock<Vec<u8>> = LazyLock::new(|| KEY.sign_detached(b"header", now()).unwrap());

    fn ring() -> Keyring {
        KEY.public().clone().into()
    }

    #[test]
    fn a_signature_of_ours_is_verified_as_the_library_does() {
        for data in [&b""[..], b"header", &[0; 5000]] {
            let signature = KEY.sign_detached(data, now()).unwrap();
            let verified = verify(&ring(), data, &signature, now()).expect("the short way");
            assert_eq!(verified, ring().verify_by_library(data, &signature, now()).unwrap());
            assert!(verified.exact);
        }
    }

    #[test]
    fn whatever_is_not_plainly_good_is_left_to_the_library() {
        let at = |time| verify(&ring(), b"header", &SIGNATURE, time);
        assert_eq!(verify(&ring(), b"Header", &SIGNATURE, now()), None);
        assert_eq!(at(now() - DAY), None, "made in the future");
        assert_eq!(at(now() + 101 * DAY), None, "the key's time is over");
        assert_eq!(verify(&key().public().clone().into(), b"header", &SIGNATURE, now()), None, "by another key");
        let twice = [SIGNATURE.as_slice(), &SIGNATURE].concat();
        assert_eq!(verify(&ring(), b"header", &twice, now()), None);
        assert!(at(now() + 99 * DAY).is_some());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        /// Never the other way round: what is taken here, the library takes, and says the same of it.
        #[test]
        fn what_is_taken_here_the_library_takes(at in any::<prop::sample::Index>(), bit in 0_u8..8, days in 0_u32..200) {
            let mut signature = SIGNATURE.clone();
            let place = at.index(signature.len());
            signature[place] ^= 1 << bit;
            let time = now() + days * DAY;
            if let Some(verified) = verify(&ring(), b"header", &signature, time) {
                prop_assert_eq!(verified, ring().verify_by_library(b"header", &signature, time).unwrap());
            }
        }
    }
}

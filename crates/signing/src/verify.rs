//! Verifying: detached signatures and cleartext messages, by one key or any of several.

use std::io::Read as _;
use std::time::SystemTime;

use sequoia_openpgp::KeyHandle;
use sequoia_openpgp::armor::Kind;
use sequoia_openpgp::cert::Cert;
use sequoia_openpgp::packet::{Packet, Signature, signature::subpacket::SubpacketValue};
use sequoia_openpgp::parse::Parse;
use sequoia_openpgp::parse::stream::{
    DetachedVerifierBuilder, GoodChecksum, MessageLayer, MessageStructure, VerificationError, VerificationHelper,
    VerifierBuilder,
};
use sequoia_openpgp::policy::StandardPolicy;
use sequoia_openpgp::serialize::MarshalInto;

use crate::{Fingerprint, Keyring, PublicKey, UtcTime, VerifyError, armor, cleartext, plain_rsa};

/// Signed data of which at least one signature holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// When the first good signature was made, by its own word.
    pub made: UtcTime,
    /// Which keys of the keyring made good signatures, in the order of the signatures.
    pub by: Vec<Fingerprint>,
    /// Whether every byte of the signatures is either protected or canonical, so that none could be changed unnoticed. Armour
    /// headers, odd line lengths, foreign subpackets in the unhashed area or a signature by an unknown key make this `false`.
    pub exact: bool,
}

/// The text of a cleartext message whose signature holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cleartext {
    /// What was signed, dash-escaping undone, ending in a line feed.
    pub text: String,
    /// About the signatures; `exact` covers the frame around the text as well.
    pub signature: Verified,
}

impl Keyring {
    /// Verifies a detached signature, armoured or binary, as of the time `at`. Where there are several signatures, one good
    /// one by a key of this keyring is enough, as it is for apt and dnf.
    ///
    /// # Errors
    /// See [`VerifyError`]; SHA-1 and MD5 signatures and those of an expired key are refused.
    pub fn verify_detached(&self, data: &[u8], signature: &[u8], at: SystemTime) -> Result<Verified, VerifyError> {
        match plain_rsa::verify(self, data, signature, at) {
            Some(verified) => Ok(verified),
            None => self.verify_by_library(data, signature, at),
        }
    }

    /// Every kind of signature, and what is wrong with one.
    pub(crate) fn verify_by_library(
        &self,
        data: &[u8],
        signature: &[u8],
        at: SystemTime,
    ) -> Result<Verified, VerifyError> {
        const EXPECTED: &str = "detached signature";
        let policy = StandardPolicy::at(at);
        let mut verifier = DetachedVerifierBuilder::from_bytes(signature)
            .and_then(|builder| builder.with_policy(&policy, at, Judge::new(self, at)))
            .map_err(|error| malformed(EXPECTED, error))?;
        let outcome = verifier.verify_bytes(data);
        verifier.into_helper().verdict(EXPECTED, outcome, |packets| {
            let packets = packets.concat();
            packets == signature
                || armor::armor(Kind::Signature, &packets).is_ok_and(|text| text.as_bytes() == signature)
        })
    }

    /// Verifies a message in the cleartext framework and gives its text.
    ///
    /// # Errors
    /// See [`VerifyError`].
    pub fn verify_cleartext(&self, message: &str, at: SystemTime) -> Result<Cleartext, VerifyError> {
        const EXPECTED: &str = "cleartext-signed message";
        // The library would also take an inline-signed binary message, whose text no reader of `InRelease` sees.
        if !message.starts_with(cleartext::HEAD) {
            return Err(VerifyError::Malformed { expected: EXPECTED, source: None });
        }
        let policy = StandardPolicy::at(at);
        let mut verifier = VerifierBuilder::from_bytes(message)
            .and_then(|builder| builder.with_policy(&policy, at, Judge::new(self, at)))
            .map_err(|error| match error.downcast::<VerifyError>() {
                Ok(verdict) => verdict,
                Err(error) => malformed(EXPECTED, error),
            })?;
        let mut bytes = Vec::new();
        let outcome = verifier.read_to_end(&mut bytes).map(drop).map_err(Into::into);
        let judge = verifier.into_helper();
        // The line feed before the signature belongs to the frame, so the library leaves it out (§7.2).
        bytes.push(b'\n');
        let text = String::from_utf8(bytes)
            .map_err(|error| VerifyError::Malformed { expected: EXPECTED, source: Some(error.into()) });
        let framed = |packets: &[Vec<u8>]| {
            text.as_ref().is_ok_and(|text| cleartext::frame(text, packets).is_ok_and(|framed| framed == message))
        };
        let signature = judge.verdict(EXPECTED, outcome, framed)?;
        Ok(Cleartext { text: text?, signature })
    }
}

/// A signature that matches the data.
struct Match {
    packet: Signature,
    by: PublicKey,
}

impl Match {
    fn is_all_protected(&self) -> bool {
        let digest = self.packet.computed_digest();
        digest.is_some_and(|digest| is_all_protected(&self.packet, digest, self.by.cert()))
    }
}

/// Whether the parts of a signature that its digest does not cover say nothing but the truth.
pub(crate) fn is_all_protected(packet: &Signature, digest: &[u8], cert: &Cert) -> bool {
    let names_the_issuer = |value: &SubpacketValue| match value {
        SubpacketValue::Issuer(id) => *id == cert.keyid(),
        SubpacketValue::IssuerFingerprint(print) => *print == cert.fingerprint(),
        _ => false,
    };
    digest.starts_with(packet.digest_prefix())
        && packet.unhashed_area().iter().all(|subpacket| names_the_issuer(subpacket.value()))
}

/// Gives the library our keys and keeps what it says of each signature.
struct Judge<'a> {
    keys: &'a Keyring,
    at: SystemTime,
    matches: Vec<Match>,
    refusal: Option<VerifyError>,
}

impl<'a> Judge<'a> {
    fn new(keys: &'a Keyring, at: SystemTime) -> Self {
        Self { keys, at, matches: Vec::new(), refusal: None }
    }

    /// `is_canonical` tells whether these packets, in their plainest form, are what was given.
    fn verdict(
        self,
        expected: &'static str,
        outcome: sequoia_openpgp::Result<()>,
        is_canonical: impl FnOnce(&[Vec<u8>]) -> bool,
    ) -> Result<Verified, VerifyError> {
        let alive: Vec<&Match> = self.matches.iter().filter(|one| one.by.expired_at(self.at).is_none()).collect();
        let Some(first) = alive.first() else {
            if let Some(refusal) = self.refusal {
                return Err(refusal);
            }
            outcome.map_err(|error| malformed(expected, error))?;
            return Err(self.expired().unwrap_or(VerifyError::Malformed { expected, source: None }));
        };
        outcome.map_err(|error| malformed(expected, error))?;
        let packets = self.matches.iter().map(|one| Packet::from(one.packet.clone()).to_vec());
        let packets: Vec<Vec<u8>> = packets.collect::<Result<_, _>>().map_err(|error| malformed("signature", error))?;
        let protected = self.refusal.is_none() && self.matches.iter().all(Match::is_all_protected);
        let made = first.packet.signature_creation_time().unwrap_or(SystemTime::UNIX_EPOCH).into();
        let by = alive.iter().map(|one| one.by.fingerprint()).collect();
        Ok(Verified { made, by, exact: protected && is_canonical(&packets) })
    }

    fn expired(&self) -> Option<VerifyError> {
        let key = &self.matches.first()?.by;
        let expired = key.expired_at(self.at)?;
        Some(VerifyError::KeyExpired { fingerprint: key.fingerprint(), expired })
    }

    fn matched(&self, good: &GoodChecksum<'_>) -> Option<Match> {
        let cert = good.ka.cert().fingerprint();
        let by = self.keys.iter().find(|key| key.cert().fingerprint() == cert)?;
        Some(Match { packet: good.sig.clone(), by: by.clone() })
    }
}

impl VerificationHelper for Judge<'_> {
    fn get_certs(&mut self, _: &[KeyHandle]) -> sequoia_openpgp::Result<Vec<Cert>> {
        Ok(self.keys.iter().map(|key| key.cert().clone()).collect())
    }

    fn check(&mut self, structure: MessageStructure<'_>) -> sequoia_openpgp::Result<()> {
        for layer in structure {
            let MessageLayer::SignatureGroup { results } = layer else {
                continue;
            };
            for result in results {
                match result {
                    Ok(good) => self.matches.extend(self.matched(&good)),
                    Err(error) => self.refusal = self.refusal.take().or(Some(refusal(self.keys, &error))),
                }
            }
        }
        Ok(())
    }
}

fn malformed(expected: &'static str, error: impl Into<crate::error::Source>) -> VerifyError {
    VerifyError::Malformed { expected, source: Some(error.into()) }
}

fn refusal(keys: &Keyring, error: &VerificationError<'_>) -> VerifyError {
    match error {
        VerificationError::MissingKey { sig } => VerifyError::OtherKey {
            issuer: sig.get_issuers().first().map_or_else(|| "an unnamed key".to_owned(), KeyHandle::to_hex),
            expected: keys.iter().map(PublicKey::fingerprint).collect(),
        },
        VerificationError::MalformedSignature { error, .. }
        | VerificationError::UnboundKey { error, .. }
        | VerificationError::BadKey { error, .. }
        | VerificationError::BadSignature { error, .. } => VerifyError::Bad { reason: format!("{error:#}") },
        other => VerifyError::Bad { reason: other.to_string() },
    }
}

//! What a command gave is taken only when every reader of the matrix would take it.

use std::time::SystemTime;

use sequoia_openpgp::packet::{Packet, Signature};
use sequoia_openpgp::parse::Parse as _;
use sequoia_openpgp::serialize::MarshalInto as _;
use sequoia_openpgp::types::{HashAlgorithm, PublicKeyAlgorithm, SignatureType};
use sequoia_openpgp::{KeyHandle, PacketPile};

use super::CommandProblem;
use crate::{PublicKey, SignatureKind};

/// Gives the signature as a plain packet, armour and all decoration taken off, when it is one over `octets` by the primary key
/// of `public`, RSA with SHA-256 or SHA-512.
pub(super) fn packet(
    written: &[u8],
    kind: SignatureKind,
    octets: &[u8],
    public: &PublicKey,
) -> Result<Vec<u8>, CommandProblem> {
    let signature = single(written)?;
    check_form(&signature, kind)?;
    check_issuer(&signature, public)?;
    let refused = |error: &dyn std::fmt::Display| CommandProblem::Refused(error.to_string());
    let packet = Packet::from(signature).to_vec().map_err(|error| refused(&error))?;
    let verified = public.verify_detached(octets, &packet, SystemTime::now()).map_err(|error| refused(&error))?;
    if !verified.exact {
        return Err(CommandProblem::Refused("it carries subpackets that it does not protect".to_owned()));
    }
    Ok(packet)
}

fn single(written: &[u8]) -> Result<Signature, CommandProblem> {
    let nothing = |reason: &str| CommandProblem::NoSignature(reason.to_owned());
    if written.is_empty() {
        return Err(nothing("it wrote nothing"));
    }
    let pile = PacketPile::from_bytes(written).map_err(|error| nothing(&format!("{error:#}")))?;
    let mut packets = pile.into_children();
    match (packets.next(), packets.next()) {
        (Some(Packet::Signature(signature)), None) => Ok(signature),
        (Some(Packet::Signature(_)), Some(_)) => Err(nothing("there is more than one signature in it")),
        (Some(other), _) => Err(nothing(&format!("it begins with a packet of kind {}", other.tag()))),
        (None, _) => Err(nothing("there is no packet in it")),
    }
}

fn check_form(signature: &Signature, kind: SignatureKind) -> Result<(), CommandProblem> {
    let refused = |reason: String| Err(CommandProblem::Refused(reason));
    if signature.version() != 4 {
        return refused(format!("it is of version {}, and old readers know 4", signature.version()));
    }
    let wanted = SignatureType::from(kind);
    if signature.typ() != wanted {
        return refused(format!("it is a signature over a {}, not over a {wanted}", signature.typ()));
    }
    if signature.pk_algo() != PublicKeyAlgorithm::RSAEncryptSign {
        return refused(format!("it is made with {}, and rpm before 4.16 knows RSA", signature.pk_algo()));
    }
    if !matches!(signature.hash_algo(), HashAlgorithm::SHA256 | HashAlgorithm::SHA512) {
        return refused(format!("its digest is {}, and must be SHA256 or SHA512", signature.hash_algo()));
    }
    Ok(())
}

/// A subkey's signature is good to OpenPGP, and unknown to rpm before 4.13.
fn check_issuer(signature: &Signature, public: &PublicKey) -> Result<(), CommandProblem> {
    let primary = KeyHandle::from(public.cert().fingerprint());
    let issuers = signature.get_issuers();
    match issuers.iter().find(|issuer| !issuer.aliases(&primary)) {
        _ if issuers.is_empty() => Err(CommandProblem::Refused("it names no key".to_owned())),
        None => Ok(()),
        Some(other) => {
            let is_subkey = public.cert().keys().subkeys().any(|subkey| subkey.key().key_handle().aliases(other));
            let hint = match is_subkey {
                true => {
                    "a subkey, which rpm before 4.13 cannot verify; name the primary key, with gpg by a `!` after it"
                }
                false => "another key",
            };
            Err(CommandProblem::Refused(format!("it is by {other:X}, not by {primary:X}: {hint}")))
        }
    }
}

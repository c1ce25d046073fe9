//! The cleartext signature framework (RFC 9580 §7), the form of `InRelease`.

use sequoia_openpgp::Packet;
use sequoia_openpgp::armor::Kind;
use sequoia_openpgp::parse::Parse as _;

use crate::{SignError, armor};

pub(crate) const HEAD: &str = "-----BEGIN PGP SIGNED MESSAGE-----\n";

/// Refuses what the framework would leave unprotected: blanks at the end of a line are not part of the signed text.
pub(crate) fn check(text: &str) -> Result<(), SignError> {
    match text.split('\n').position(|line| line.ends_with([' ', '\t', '\r'])) {
        None => Ok(()),
        Some(index) => Err(SignError::TrailingSpace { line: index + 1 }),
    }
}

/// The octets that are signed: lines joined by CR LF, without the end of the last line (§7.2).
pub(crate) fn signed_octets(text: &str) -> Vec<u8> {
    let body = text.strip_suffix('\n').unwrap_or(text);
    body.replace('\n', "\r\n").into_bytes()
}

/// Puts text and signature packets together; lines that begin with a dash are escaped (§7.1).
///
/// RFC 9580 asks for no `Hash` header, but apt's older gpgv warns without it, and RFC 4880 required it.
pub(crate) fn frame(text: &str, packets: &[Vec<u8>]) -> sequoia_openpgp::Result<String> {
    let body = text.strip_suffix('\n').unwrap_or(text);
    let armored = armor::armor(Kind::Signature, &packets.concat())?;
    let mut framed = String::with_capacity(text.len() + armored.len() + 128);
    framed.push_str(HEAD);
    framed.push_str("Hash: ");
    framed.push_str(&hashes(packets)?.join(","));
    framed.push_str("\n\n");
    for line in body.split('\n') {
        if line.starts_with('-') {
            framed.push_str("- ");
        }
        framed.push_str(line);
        framed.push('\n');
    }
    framed.push_str(&armored);
    Ok(framed)
}

/// Names of the digests that the signatures use, each once.
fn hashes(packets: &[Vec<u8>]) -> sequoia_openpgp::Result<Vec<String>> {
    let mut names = Vec::new();
    for packet in packets {
        if let Packet::Signature(signature) = Packet::from_bytes(packet)? {
            let name = signature.hash_algo().text_name()?.to_owned();
            if !names.contains(&name) {
                names.push(name);
            }
        }
    }
    Ok(names)
}

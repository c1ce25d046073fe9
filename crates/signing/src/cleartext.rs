//! The cleartext signature framework (RFC 9580 §7), the form of `InRelease`.

use crate::SignError;

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

/// Puts text and armoured signature together; lines that begin with a dash are escaped (§7.1).
///
/// RFC 9580 asks for no `Hash` header for SHA-256, but apt's older gpgv warns without it, and RFC 4880 required it.
pub(crate) fn frame(text: &str, armored_signature: &str) -> String {
    let body = text.strip_suffix('\n').unwrap_or(text);
    let mut framed = String::with_capacity(text.len() + armored_signature.len() + 128);
    framed.push_str(HEAD);
    framed.push_str("Hash: SHA256\n\n");
    for line in body.split('\n') {
        if line.starts_with('-') {
            framed.push_str("- ");
        }
        framed.push_str(line);
        framed.push('\n');
    }
    framed.push_str(armored_signature);
    framed
}

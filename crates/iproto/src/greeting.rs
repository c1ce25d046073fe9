//! The greeting: 128 bytes in two lines of 64, padded with spaces.
//!
//! Line one names the version, the protocol and the instance; line two carries the salt of the authentication in base64.

/// Length of a greeting in bytes.
pub const LENGTH: usize = 128;
const LINE: usize = LENGTH / 2;
/// Random bytes in a salt, 44 characters in base64.
pub const SALT_LENGTH: usize = 32;

/// A greeting does not look like one: the peer is not a Tarantool-like server, or speaks another protocol.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum GreetingError {
    /// Line one does not begin with `Tarantool <version>`.
    #[error("the server's greeting does not begin with 'Tarantool': is it another service?")]
    NotTarantool,
    /// The server offers its text console instead of IPROTO.
    #[error("the server speaks '{0}' on this port, not '(Binary)'")]
    NotBinary(String),
}

/// Builds the greeting of a server that names itself `version` and `instance` (a UUID in its text form).
///
/// Overlong parts are cut so that the lines keep their length.
#[must_use]
pub fn encode(version: &str, instance: &str, salt: &[u8; SALT_LENGTH]) -> [u8; LENGTH] {
    let mut greeting = [b' '; LENGTH];
    let first = format!("Tarantool {version} (Binary) {instance}");
    put(&mut greeting[..LINE - 1], first.as_bytes());
    put(&mut greeting[LINE..LENGTH - 1], base64(salt).as_bytes());
    greeting[LINE - 1] = b'\n';
    greeting[LENGTH - 1] = b'\n';
    greeting
}

fn put(line: &mut [u8], text: &[u8]) {
    let length = text.len().min(line.len());
    line[..length].copy_from_slice(&text[..length]);
}

/// Standard base64 with padding (RFC 4648, section 4). Twelve lines here cost less than a dependency would.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let bits = group.iter().fold(0u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - group.len()));
        for digit in 0..4 {
            let index = (bits >> (18 - 6 * digit) & 63) as usize;
            text.push(if digit <= group.len() { char::from(ALPHABET[index]) } else { '=' });
        }
    }
    text
}

/// The version that a server names in its greeting, such as `2.11.0`.
///
/// # Errors
///
/// [`GreetingError`] if the peer is something else than a server of this protocol.
pub fn decode(greeting: &[u8; LENGTH]) -> Result<String, GreetingError> {
    let line = String::from_utf8_lossy(&greeting[..LINE]);
    let mut words = line.split_whitespace();
    let (Some("Tarantool"), Some(version)) = (words.next(), words.next()) else {
        return Err(GreetingError::NotTarantool);
    };
    match words.next() {
        Some("(Binary)") => Ok(version.to_owned()),
        other => Err(GreetingError::NotBinary(other.unwrap_or_default().to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_lines_of_64_bytes_padded_with_spaces() {
        let greeting = encode("2.11.0", "213c93a0-47c9-46b8-82d5-1e4179585ac1", &[7; SALT_LENGTH]);
        let text = std::str::from_utf8(&greeting).unwrap();
        assert_eq!(&text[..64], "Tarantool 2.11.0 (Binary) 213c93a0-47c9-46b8-82d5-1e4179585ac1 \n");
        assert_eq!(&text[64..], "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=                   \n");
    }

    #[test]
    fn base64_agrees_with_the_vectors_of_rfc_4648() {
        for (plain, coded) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")] {
            assert_eq!(base64(plain.as_bytes()), coded);
        }
    }

    #[test]
    fn a_client_reads_the_version_of_a_real_2_6_server() {
        let mut greeting = [b' '; LENGTH];
        let line = b"Tarantool 2.6.0 (Binary) 213c93a0-47c9-46b8-82d5-1e4179585ac1  \n";
        greeting[..LINE].copy_from_slice(line);
        assert_eq!(decode(&greeting), Ok("2.6.0".to_owned()));
    }

    #[test]
    fn a_web_server_and_a_text_console_are_told_apart() {
        let mut greeting = [b' '; LENGTH];
        greeting[..17].copy_from_slice(b"HTTP/1.1 400 Bad ");
        assert_eq!(decode(&greeting), Err(GreetingError::NotTarantool));
        greeting[..29].copy_from_slice(b"Tarantool 2.6.0 (Lua console)");
        assert_eq!(decode(&greeting), Err(GreetingError::NotBinary("(Lua".to_owned())));
    }
}

//! SHA-256 and SHA-512 as index files write them.

use std::fmt;
use std::io::{self, Read, Write};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256, Sha512};

/// A SHA-256 digest in lower-case hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Sha256Hex(String);

/// A SHA-512 digest in lower-case hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Sha512Hex(String);

impl Sha256Hex {
    /// The digest of some bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(hex(&Sha256::digest(bytes)))
    }

    /// Takes 64 digits, in lower case, and nothing else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        (text.len() == 64 && text.bytes().all(digit)).then(|| Self(text.to_owned()))
    }

    /// The digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Sha256Hex {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text).ok_or_else(|| format!("`{text}` is no SHA-256 digest in lower case"))
    }
}

impl From<Sha256Hex> for String {
    fn from(digest: Sha256Hex) -> Self {
        digest.0
    }
}

impl Sha512Hex {
    /// The digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Sha256Hex {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl fmt::Display for Sha512Hex {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// Size and digests of one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Digests {
    /// Size in bytes.
    pub size: u64,
    /// SHA-256.
    pub sha256: Sha256Hex,
    /// SHA-512.
    pub sha512: Sha512Hex,
}

impl Digests {
    /// Of some bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        let mut hasher = Hasher::default();
        hasher.update(bytes);
        hasher.finish()
    }

    /// Of everything that a reader still gives, in constant memory.
    ///
    /// # Errors
    /// Those of the reader.
    pub fn read(from: impl Read) -> io::Result<Self> {
        HashingReader::new(from).finish()
    }
}

#[derive(Default)]
struct Hasher {
    size: u64,
    sha256: Sha256,
    sha512: Sha512,
}

impl Hasher {
    fn update(&mut self, bytes: &[u8]) {
        self.size += bytes.len() as u64;
        self.sha256.update(bytes);
        self.sha512.update(bytes);
    }

    fn finish(self) -> Digests {
        Digests {
            size: self.size,
            sha256: Sha256Hex(hex(&self.sha256.finalize())),
            sha512: Sha512Hex(hex(&self.sha512.finalize())),
        }
    }
}

/// Hashes what passes through.
pub(crate) struct HashingReader<R> {
    inner: R,
    hasher: Hasher,
}

impl<R: Read> HashingReader<R> {
    pub(crate) fn new(inner: R) -> Self {
        Self { inner, hasher: Hasher::default() }
    }

    /// Reads the rest and gives the digests of the whole.
    pub(crate) fn finish(mut self) -> io::Result<Digests> {
        let mut buffer = vec![0; 1 << 16];
        while read_some(&mut self, &mut buffer)? > 0 {}
        Ok(self.hasher.finish())
    }
}

impl<R: Read> Read for HashingReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.hasher.update(buffer.get(..count).unwrap_or_default());
        Ok(count)
    }
}

/// Copies everything and gives the digests of what was copied.
pub(crate) fn copy_hashed(from: impl Read, to: &mut impl Write) -> io::Result<Digests> {
    let mut reader = HashingReader::new(from);
    let mut buffer = vec![0; 1 << 16];
    loop {
        match read_some(&mut reader, &mut buffer)? {
            0 => return Ok(reader.hasher.finish()),
            count => to.write_all(buffer.get(..count).unwrap_or_default())?,
        }
    }
}

/// Reads once more when a signal came between.
fn read_some(reader: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match reader.read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

/// Lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        for nibble in [byte >> 4, byte & 15] {
            text.push(char::from_digit(u32::from(nibble), 16).unwrap_or('0'));
        }
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_those_of_the_standard() {
        let digests = Digests::of(b"abc");
        assert_eq!(digests.size, 3);
        assert_eq!(digests.sha256.as_str(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert!(digests.sha512.as_str().starts_with("ddaf35a193617abacc417349ae204131"));
        assert_eq!(Digests::read(&b"abc"[..]).unwrap(), digests);
        assert_eq!(Sha256Hex::of(b"abc"), digests.sha256);
    }
}

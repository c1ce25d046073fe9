//! SHA-256 and SHA-512 as index files write them.

use std::fmt;
use std::io::{self, Read, Write};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256, Sha512};

/// A SHA-256 digest in lower-case hexadecimal. Copies share the digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Sha256Hex(Arc<str>);

/// A SHA-512 digest in lower-case hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Sha512Hex(String);

impl Sha256Hex {
    /// A digest that was written down; `None` when this is none.
    #[must_use]
    pub fn parse(digits: &str) -> Option<Self> {
        is_hex(digits, 64).then(|| Self(digits.into()))
    }

    /// The digest of some bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(hex(&Sha256::digest(bytes)).into())
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
        digest.0.as_ref().to_owned()
    }
}

impl Sha512Hex {
    /// A digest that was written down; `None` when this is none.
    #[must_use]
    pub fn parse(digits: &str) -> Option<Self> {
        is_hex(digits, 128).then(|| Self(digits.to_owned()))
    }

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

fn is_hex(digits: &str, length: usize) -> bool {
    digits.len() == length && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Size and digests of one file, as apt's indexes list them.
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

    /// What is enough to know the file again.
    #[must_use]
    pub fn checksum(&self) -> Checksum {
        Checksum { size: self.size, sha256: self.sha256.clone() }
    }
}

/// Size and SHA-256 of one file: what is enough to know it again, and all that yum's indexes list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Checksum {
    /// Size in bytes.
    pub size: u64,
    /// SHA-256.
    pub sha256: Sha256Hex,
}

impl Checksum {
    /// Of some bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        let mut hasher = Sha256Hasher::default();
        hasher.update(bytes);
        hasher.finish()
    }

    /// Of everything that a reader still gives, in constant memory.
    ///
    /// # Errors
    /// Those of the reader.
    pub fn read(from: impl Read) -> io::Result<Self> {
        HashingReader::sha256(from).finish()
    }
}

/// Takes bytes in, gives sums out.
pub(crate) trait Sums: Clone + Default {
    type Sum: Clone + fmt::Debug;

    fn update(&mut self, bytes: &[u8]);

    fn finish(self) -> Self::Sum;
}

/// Makes [`Digests`].
#[derive(Clone, Default)]
pub(crate) struct Hasher {
    size: u64,
    sha256: Sha256,
    sha512: Sha512,
}

impl Sums for Hasher {
    type Sum = Digests;

    fn update(&mut self, bytes: &[u8]) {
        self.size += bytes.len() as u64;
        self.sha256.update(bytes);
        self.sha512.update(bytes);
    }

    fn finish(self) -> Digests {
        Digests {
            size: self.size,
            sha256: Sha256Hex(hex(&self.sha256.finalize()).into()),
            sha512: Sha512Hex(hex(&self.sha512.finalize())),
        }
    }
}

/// Makes a [`Checksum`], in a third of the time.
#[derive(Clone, Default)]
pub(crate) struct Sha256Hasher {
    size: u64,
    sha256: Sha256,
}

impl Sums for Sha256Hasher {
    type Sum = Checksum;

    fn update(&mut self, bytes: &[u8]) {
        self.size += bytes.len() as u64;
        self.sha256.update(bytes);
    }

    fn finish(self) -> Checksum {
        Checksum { size: self.size, sha256: Sha256Hex(hex(&self.sha256.finalize()).into()) }
    }
}

/// Hashes what passes through.
pub(crate) struct HashingReader<R, H = Hasher> {
    inner: R,
    hasher: H,
}

impl<R: Read> HashingReader<R> {
    /// For [`Digests`].
    pub(crate) fn new(inner: R) -> Self {
        Self { inner, hasher: Hasher::default() }
    }
}

impl<R: Read> HashingReader<R, Sha256Hasher> {
    /// For a [`Checksum`].
    pub(crate) fn sha256(inner: R) -> Self {
        Self { inner, hasher: Sha256Hasher::default() }
    }
}

impl<R: Read, H: Sums> HashingReader<R, H> {
    /// Reads the rest and gives the sums of the whole.
    pub(crate) fn finish(mut self) -> io::Result<H::Sum> {
        let mut buffer = vec![0; 1 << 16];
        while read_some(&mut self, &mut buffer)? > 0 {}
        Ok(self.hasher.finish())
    }

    /// What was hashed so far; hashing begins anew.
    pub(crate) fn take_hasher(&mut self) -> H {
        std::mem::take(&mut self.hasher)
    }
}

impl<R: Read, H: Sums> Read for HashingReader<R, H> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.hasher.update(buffer.get(..count).unwrap_or_default());
        Ok(count)
    }
}

/// Copies everything and gives the checksum of what was copied.
pub(crate) fn copy_hashed(from: impl Read, to: &mut impl Write) -> io::Result<Checksum> {
    let mut reader = HashingReader::sha256(from);
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
        assert_eq!(Checksum::of(b"abc"), digests.checksum());
        assert_eq!(Sha256Hex::parse(digests.sha256.as_str()), Some(digests.sha256));
        assert_eq!(Sha512Hex::parse("ddaf"), None);
    }
}

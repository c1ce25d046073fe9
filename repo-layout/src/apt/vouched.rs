//! What a published `InRelease` vouches for, as far as its signature holds.

use std::io::{BufRead as _, BufReader, Read};
use std::path::Path;
use std::time::SystemTime;

use formats::deb822::Paragraph;
use signing::Keyring;

use super::release;
use crate::destination::Destination;
use crate::digest::{HashingReader, Sha256Hasher, Sums as _};
use crate::{Error, TreePath};

/// A published `InRelease` with a good signature.
pub(crate) struct Vouched {
    folder: TreePath,
    release: Paragraph,
}

impl Vouched {
    /// Takes the `InRelease` of the suite in `folder`, which was read already.
    pub(crate) fn read(folder: TreePath, in_release: &[u8], keys: &Keyring, now: SystemTime) -> Result<Self, Error> {
        let path = folder.join("InRelease")?;
        let signed = String::from_utf8_lossy(in_release);
        let text = keys
            .verify_cleartext(&signed, now)
            .map_err(|source| Error::PublishedSignature { path: path.clone(), source })?
            .text;
        let release =
            Paragraph::parse(&text).map_err(|error| Error::Published { path: path.clone(), why: error.to_string() })?;
        Ok(Self { folder, release })
    }

    /// Whether there is an index of this name.
    pub(crate) fn lists(&self, name: &str) -> bool {
        self.digest(name).is_some()
    }

    fn digest(&self, name: &str) -> Option<&str> {
        let listed = self.release.get("SHA256").and_then(release::entries)?;
        listed.iter().find(|entry| entry.name == name).map(|entry| entry.digest)
    }

    /// Opens the index of this name; `None` when there is none.
    ///
    /// By its digest: under its own name, the index may be newer or older while another publisher is at work.
    pub(crate) fn open(&self, destination: &dyn Destination, name: &str) -> Result<Option<Lines>, Error> {
        let Some(sha256) = self.digest(name).map(str::to_owned) else { return Ok(None) };
        let path = self.folder.join(&format!("by-hash/SHA256/{sha256}"))?;
        let file = destination.open(&path)?.ok_or_else(|| Error::Gone { path: path.clone() })?;
        let lines = BufReader::with_capacity(1 << 16, HashingReader::sha256(file));
        Ok(Some(Lines { path, lines, sha256 }))
    }

    /// What is wrong with it.
    pub(crate) fn wrong(&self, why: &str) -> Error {
        match self.folder.join("InRelease") {
            Ok(path) => Error::Published { path, why: why.to_owned() },
            Err(error) => error,
        }
    }
}

/// An index, line by line.
pub(crate) struct Lines {
    path: TreePath,
    lines: BufReader<HashingReader<Box<dyn Read + Send>, Sha256Hasher>>,
    sha256: String,
}

impl Lines {
    /// Appends the next line with its line feed; `false` at the end of what `InRelease` vouches for, an error at any other.
    pub(crate) fn read(&mut self, to: &mut String) -> Result<bool, Error> {
        let count = self.lines.read_line(to).map_err(Error::io("read", Path::new(self.path.as_str())))?;
        if count > 0 {
            return Ok(true);
        }
        let sum = self.lines.get_mut().take_hasher().finish().sha256;
        if sum.as_str() == self.sha256 {
            return Ok(false);
        }
        Err(self.wrong("it is not the file that InRelease vouches for"))
    }

    /// What is wrong with it.
    pub(crate) fn wrong(&self, why: &str) -> Error {
        Error::Published { path: self.path.clone(), why: why.to_owned() }
    }
}

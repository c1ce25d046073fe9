//! What a published apt repository says of its packages, stanza by stanza.
//!
//! Only an index that this program wrote is taken: the last four fields of a stanza are those which the index adds. It is
//! believed as far as `InRelease` vouches for it, and that as far as its signature holds.

use std::io::{BufRead as _, BufReader, Read};
use std::path::Path;
use std::time::SystemTime;

use formats::deb822::Paragraph;
use signing::Keyring;

use super::{ADDED, release};
use crate::destination::Destination;
use crate::digest::{HashingReader, Sha256Hasher, Sums as _};
use crate::index::Entry;
use crate::{Error, Sha256Hex, Sha512Hex, TreePath};

/// The packages of a published repository.
pub(crate) struct Published {
    path: TreePath,
    lines: BufReader<HashingReader<Box<dyn Read + Send>, Sha256Hasher>>,
    sha256: String,
}

/// Opens the index of the suite in `folder`, whose `InRelease` was read already.
pub(crate) fn open(
    destination: &dyn Destination,
    folder: &TreePath,
    in_release: &[u8],
    keys: &Keyring,
    now: SystemTime,
) -> Result<Published, Error> {
    let path = folder.join("InRelease")?;
    let signed = String::from_utf8_lossy(in_release);
    let text = keys
        .verify_cleartext(&signed, now)
        .map_err(|source| Error::PublishedSignature { path: path.clone(), source })?
        .text;
    let release =
        Paragraph::parse(&text).map_err(|error| Error::Published { path: path.clone(), why: error.to_string() })?;
    let listed = release.get("SHA256").and_then(release::entries).unwrap_or_default();
    let sha256 = listed.iter().find(|entry| entry.name == "Packages").map(|entry| entry.digest.to_owned());
    let sha256 =
        sha256.ok_or_else(|| Error::Published { path, why: "it lists no Packages under SHA256".to_owned() })?;
    // By its digest: under its own name, the index may be newer or older while another publisher is at work.
    let path = folder.join(&format!("by-hash/SHA256/{sha256}"))?;
    let file = destination.open(&path)?.ok_or_else(|| Error::Gone { path: path.clone() })?;
    let lines = BufReader::with_capacity(1 << 16, HashingReader::sha256(file));
    Ok(Published { path, lines, sha256 })
}

impl Published {
    /// The next package; `None` at the end of what was whole.
    pub(crate) fn read(&mut self) -> Result<Option<Entry>, Error> {
        let mut stanza = String::new();
        loop {
            let before = stanza.len();
            let count = self.lines.read_line(&mut stanza).map_err(Error::io("read", Path::new(self.path.as_str())))?;
            match stanza.get(before..) {
                Some("\n") => {
                    let wrong = || self.wrong("the last fields of a stanza are not those that this program adds");
                    return entry(&stanza).map(Some).ok_or_else(wrong);
                }
                _ if count == 0 && stanza.is_empty() => return self.end().map(|()| None),
                _ if count == 0 => return Err(self.wrong("it ends within a stanza")),
                _ => {}
            }
        }
    }

    /// What was read has to be what `InRelease` vouches for.
    fn end(&mut self) -> Result<(), Error> {
        let sum = self.lines.get_mut().take_hasher().finish().sha256;
        if sum.as_str() == self.sha256 {
            Ok(())
        } else {
            Err(self.wrong("it is not the file that InRelease vouches for"))
        }
    }

    fn wrong(&self, why: &str) -> Error {
        Error::Published { path: self.path.clone(), why: why.to_owned() }
    }
}

/// Takes a stanza apart, into control data and what the index has added.
fn entry(stanza: &str) -> Option<Entry> {
    let mut rest = stanza.strip_suffix('\n')?;
    let mut added = [""; ADDED.len()];
    for (value, name) in added.iter_mut().zip(ADDED).rev() {
        let line = rest.strip_suffix('\n')?.rsplit('\n').next()?;
        *value = line.strip_prefix(name)?.strip_prefix(": ")?;
        rest = rest.get(..rest.len() - line.len() - 1)?;
    }
    let [file, size, sha256, sha512] = added;
    let field = |wanted: &str| {
        let mut fields = rest.lines().filter_map(|line| line.split_once(':'));
        fields.find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| value.trim().to_owned())
    };
    Some(Entry {
        file_name: file.rsplit_once("/pool/")?.1.to_owned(),
        name: field("Package")?,
        version: field("Version")?,
        architecture: field("Architecture")?,
        summary: field("Description").unwrap_or_default(),
        size: size.parse().ok()?,
        sha256: Sha256Hex::parse(sha256)?,
        sha512: Some(Sha512Hex::parse(sha512)?),
        parts: vec![rest.to_owned()],
    })
}

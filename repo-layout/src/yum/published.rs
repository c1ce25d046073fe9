//! What a published yum repository says of its packages, package by package.
//!
//! Only indexes that this program wrote are taken: a package begins and ends at the left margin. They are believed as far as
//! `repomd.xml` vouches for them, and that as far as its signature holds.

use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use flate2::read::MultiGzDecoder;
use signing::Keyring;

use super::Yum;
use super::family::tail;
use super::repodata::{self, Data, Listed};
use crate::digest::{HashingReader, Sha256Hasher, Sums as _};
use crate::index::{Entry, Family as _};
use crate::{Error, Sha256Hex, TreePath};

/// The packages of a published repository.
pub(crate) struct Published {
    documents: Vec<Document>,
    ended: bool,
}

/// One index being read.
struct Document {
    number: usize,
    path: PathBuf,
    lines: BufReader<HashingReader<MultiGzDecoder<BufReader<File>>, Sha256Hasher>>,
    open_checksum: String,
}

/// Opens the indexes of the repository in `folder`; `None` when nothing is published there.
pub(crate) fn open(
    root: &Path,
    folder: &TreePath,
    keys: &Keyring,
    now: SystemTime,
) -> Result<Option<Published>, Error> {
    let repomd_path = folder.join("repodata/repomd.xml")?.under(root);
    let repomd = match fs::read(&repomd_path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other.map_err(Error::io("read", &repomd_path))?,
    };
    let signature_path = folder.join("repodata/repomd.xml.asc")?.under(root);
    let signature = fs::read(&signature_path).map_err(Error::io("read", &signature_path))?;
    keys.verify_detached(&repomd, &signature, now)
        .map_err(|source| Error::PublishedSignature { path: signature_path, source })?;
    let foreign = |why: String| Error::Published { path: repomd_path.clone(), why };
    let listed = repodata::repomd(&String::from_utf8_lossy(&repomd)).map_err(|error| foreign(error.to_string()))?;
    let mut documents = Vec::new();
    for (number, kind) in Yum::DOCUMENTS.iter().enumerate() {
        let data = listed.iter().find(|data| data.kind == **kind);
        let data = data.ok_or_else(|| foreign(format!("it lists no {kind}")))?;
        documents.push(Document::open(number, &folder.join(&data.location)?.under(root), data)?);
    }
    Ok(Some(Published { documents, ended: false }))
}

impl Iterator for Published {
    type Item = Result<Entry, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let entry = self.read().transpose();
        self.ended = !matches!(entry, Some(Ok(_)));
        entry
    }
}

impl Published {
    fn read(&mut self) -> Result<Option<Entry>, Error> {
        let parts = self.documents.iter_mut().map(Document::package).collect::<Result<Vec<_>, _>>()?;
        let Some(primary) = self.documents.first() else { return Ok(None) };
        if parts.iter().all(Option::is_none) {
            return Ok(None);
        }
        let parts: Option<Vec<String>> = parts.into_iter().collect();
        let parts = parts.ok_or_else(|| primary.wrong("the indexes list different numbers of packages"))?;
        let text = parts.first().map_or("", String::as_str);
        let listed = repodata::primary(text).map_err(|error| primary.wrong(&error.to_string()))?;
        let [listed] = listed.as_slice() else { return Err(primary.wrong("a package does not begin at the margin")) };
        let same = |part: &String| part.contains(listed.checksum.as_str());
        if !parts.iter().all(same) {
            return Err(primary.wrong(&format!("the other indexes list another package beside {}", listed.name)));
        }
        let entry =
            entry(listed, parts).ok_or_else(|| primary.wrong(&format!("{} is not as it should be", listed.name)))?;
        Ok(Some(entry))
    }
}

impl Document {
    fn open(number: usize, path: &Path, data: &Data) -> Result<Self, Error> {
        let file = File::open(path).map_err(Error::io("read", path))?;
        let open = HashingReader::sha256(MultiGzDecoder::new(BufReader::with_capacity(1 << 16, file)));
        let mut this = Self {
            number,
            path: path.to_owned(),
            lines: BufReader::with_capacity(1 << 16, open),
            open_checksum: data.open_checksum.clone(),
        };
        let head = [this.line()?, this.line()?];
        if head[0].starts_with("<?xml") && head[1].contains(" packages=\"") {
            return Ok(this);
        }
        Err(this.wrong("another program wrote it"))
    }

    /// The text of the next package; `None` at the end of a document that was whole.
    fn package(&mut self) -> Result<Option<String>, Error> {
        let mut text = self.line()?;
        if text == tail(self.number) {
            return self.end().map(|()| None);
        }
        if !text.starts_with("<package ") {
            return Err(self.wrong("a package does not begin at the margin"));
        }
        while !text.ends_with("\n</package>\n") {
            if self.read_line(&mut text)? == 0 {
                return Err(self.wrong("it ends within a package"));
            }
        }
        Ok(Some(text))
    }

    /// Nothing may follow, and what was read has to be what `repomd.xml` vouches for.
    fn end(&mut self) -> Result<(), Error> {
        let left = self.line()?;
        let sum = self.lines.get_mut().take_hasher().finish().sha256;
        if left.is_empty() && sum.as_str() == self.open_checksum {
            return Ok(());
        }
        Err(self.wrong("it is not the file that repomd.xml vouches for"))
    }

    fn line(&mut self) -> Result<String, Error> {
        let mut line = String::new();
        self.read_line(&mut line)?;
        Ok(line)
    }

    fn read_line(&mut self, to: &mut String) -> Result<usize, Error> {
        self.lines.read_line(to).map_err(Error::io("read", &self.path))
    }

    fn wrong(&self, why: &str) -> Error {
        Error::Published { path: self.path.clone(), why: why.to_owned() }
    }
}

fn entry(listed: &Listed, parts: Vec<String>) -> Option<Entry> {
    Some(Entry {
        file_name: listed.location.strip_prefix("Packages/")?.to_owned(),
        name: listed.name.clone(),
        version: listed.version.clone(),
        architecture: listed.architecture.clone(),
        summary: listed.summary.lines().next().unwrap_or_default().to_owned(),
        size: listed.size?,
        sha256: Sha256Hex::parse(&listed.checksum)?,
        sha512: None,
        parts,
    })
}

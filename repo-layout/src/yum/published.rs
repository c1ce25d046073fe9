//! What a published yum repository says of its packages, package by package.
//!
//! Only indexes that this program wrote are taken: a package begins and ends at the left margin. They are believed as far as
//! `repomd.xml` vouches for them, and that as far as its signature holds.

use std::io::{BufRead as _, BufReader, Read};
use std::path::Path;
use std::time::SystemTime;

use flate2::read::MultiGzDecoder;
use signing::Keyring;

use super::Yum;
use super::family::tail;
use super::repodata::{self, Data, Listed};
use crate::destination::Destination;
use crate::digest::{HashingReader, Sha256Hasher, Sums as _};
use crate::index::{Entry, Family as _};
use crate::publish;
use crate::{Error, Sha256Hex, TreePath};

/// The packages of a published repository.
pub(crate) struct Published {
    documents: Vec<Document>,
}

/// An index as XML.
type Unpacked = MultiGzDecoder<BufReader<Box<dyn Read + Send>>>;

/// One index being read.
struct Document {
    number: usize,
    path: TreePath,
    lines: BufReader<HashingReader<Unpacked, Sha256Hasher>>,
    open_checksum: String,
}

/// A published `repomd.xml` with a good signature.
pub(crate) struct Vouched {
    folder: TreePath,
    path: TreePath,
    listed: Vec<Data>,
}

impl Vouched {
    /// Takes the `repomd.xml` of the repository in `folder`, which was read already.
    pub(crate) fn read(
        destination: &dyn Destination,
        folder: &TreePath,
        repomd: &[u8],
        keys: &Keyring,
        now: SystemTime,
    ) -> Result<Self, Error> {
        let path = folder.join("repodata/repomd.xml")?;
        check_signature(destination, folder, repomd, keys, now)?;
        match repodata::repomd(&String::from_utf8_lossy(repomd)) {
            Ok(listed) => Ok(Self { folder: folder.clone(), path, listed }),
            Err(error) => Err(Error::Published { path, why: error.to_string() }),
        }
    }
}

/// Opens the indexes of a repository.
pub(crate) fn open(destination: &dyn Destination, vouched: &Vouched) -> Result<Published, Error> {
    let mut documents = Vec::new();
    for (number, kind) in Yum::DOCUMENTS.iter().enumerate() {
        let data = vouched.listed.iter().find(|data| data.kind == **kind);
        let lacks = || Error::Published { path: vouched.path.clone(), why: format!("it lists no {kind}") };
        let data = data.ok_or_else(lacks)?;
        documents.push(Document::open(number, destination, vouched.folder.join(&data.location)?, data)?);
    }
    Ok(Published { documents })
}

/// The signature in its file has to fit; in object storage, one that is on record will do: `repomd.xml` changes first, and whoever has
/// published is about to bring the other, or was killed just then.
fn check_signature(
    destination: &dyn Destination,
    folder: &TreePath,
    repomd: &[u8],
    keys: &Keyring,
    now: SystemTime,
) -> Result<(), Error> {
    let path = folder.join("repodata/repomd.xml.asc")?;
    let fits = |signature: &[u8]| keys.verify_detached(repomd, signature, now);
    match destination.read(&path)?.map(|signature| fits(&signature.bytes)) {
        Some(Ok(_)) => return Ok(()),
        None if destination.as_folder().is_some() => return Err(Error::Gone { path }),
        Some(Err(source)) if destination.as_folder().is_some() => {
            return Err(Error::PublishedSignature { path, source });
        }
        None | Some(Err(_)) => {}
    }
    let on_record = publish::published(destination, folder)?.and_then(|generation| generation.signature);
    if on_record.is_some_and(|signature| fits(signature.as_bytes()).is_ok()) {
        Ok(())
    } else {
        Err(Error::Raced { path })
    }
}

impl Published {
    /// The next package; `None` at the end of what was whole.
    pub(crate) fn read(&mut self) -> Result<Option<Entry>, Error> {
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
    fn open(number: usize, destination: &dyn Destination, path: TreePath, data: &Data) -> Result<Self, Error> {
        let file = destination.open(&path)?.ok_or_else(|| Error::Gone { path: path.clone() })?;
        let open = HashingReader::sha256(MultiGzDecoder::new(BufReader::with_capacity(1 << 16, file)));
        let mut this = Self {
            number,
            path,
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
        self.lines.read_line(to).map_err(Error::io("read", Path::new(self.path.as_str())))
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

//! yum repositories as the engine sees them.

use std::cmp::Ordering;
use std::io;
use std::path::Path;
use std::time::SystemTime;

use formats::rpm_header::Tag;
use formats::version_order;
use signing::Keyring;

use super::published::{self, Vouched};
use super::repodata::full_version;
use super::{YumPackage, filelists, other, primary};
use crate::destination::Destination;
use crate::digest::Sha256Hasher;
use crate::index::{Entry, Family, Forms, PublishedEntries, entries};
use crate::{Error, TreePath, YumRepository, pool};

/// Root elements of the documents, and the name spaces that they declare.
const ROOTS: [(&str, &str); 3] = [
    ("metadata", r#"xmlns="http://linux.duke.edu/metadata/common" xmlns:rpm="http://linux.duke.edu/metadata/rpm""#),
    ("filelists", r#"xmlns="http://linux.duke.edu/metadata/filelists""#),
    ("otherdata", r#"xmlns="http://linux.duke.edu/metadata/other""#),
];

/// A yum repository.
pub(crate) struct Yum<'a> {
    /// Which.
    pub(crate) repository: &'a YumRepository,
    /// Whose signature packages have to carry.
    pub(crate) keys: &'a Keyring,
    /// When signatures have to be valid.
    pub(crate) now: SystemTime,
}

impl Family for Yum<'_> {
    const PACKAGES: &'static str = "Packages";
    const EXTENSION: &'static str = ".rpm";
    const DOCUMENTS: &'static [&'static str] = &["primary", "filelists", "other"];
    // gzip, because yum of EL7 reads nothing newer.
    const FORMS: Forms = Forms { plain: false, xz: false };

    type Sums = Sha256Hasher;
    type Vouched = Vouched;

    fn compare(a: &str, b: &str) -> Ordering {
        version_order::rpm(a, b)
    }

    /// `name-version-release.arch.rpm`.
    fn name_in(file_name: &str) -> &str {
        file_name.rsplitn(3, '-').nth(2).unwrap_or(file_name)
    }

    fn circumstances(&self) -> String {
        let keys: Vec<String> = self.keys.iter().map(|key| key.fingerprint().to_string()).collect();
        format!("signed by one of {}", keys.join(" "))
    }

    fn read(&self, path: &Path) -> Result<Entry, Error> {
        let package = YumPackage::read(path, self.keys, self.now)?;
        if pool::file_name(path) != package.file_name {
            return Err(Error::Name { path: path.to_owned(), expected: package.file_name });
        }
        entry(&package).map_err(Error::io("write the index entry of", path))
    }

    fn check(&self, entry: &Entry, path: &Path) -> Result<(), Error> {
        if entry.architecture == "noarch" || entry.architecture == self.repository.architecture {
            return Ok(());
        }
        Err(Error::Architecture {
            path: path.to_owned(),
            found: entry.architecture.clone(),
            suite: self.repository.path.clone(),
            served: self.repository.architecture.clone(),
        })
    }

    fn head(&self, document: usize, count: usize) -> String {
        head(document, count)
    }

    fn text(&self, document: usize, entry: &Entry, out: &mut String) {
        out.push_str(entry.part(document));
    }

    fn tail(&self, document: usize) -> String {
        tail(document)
    }

    fn vouched(&self, destination: &dyn Destination, entry_point: &[u8]) -> Result<Vouched, Error> {
        Vouched::read(destination, &self.repository.path, entry_point, self.keys, self.now)
    }

    fn published(&self, destination: &dyn Destination, vouched: &Vouched) -> Result<PublishedEntries, Error> {
        let mut published = published::open(destination, vouched)?;
        Ok(entries(move || published.read()))
    }

    fn folder(&self) -> Result<TreePath, Error> {
        Ok(self.repository.path.clone())
    }
}

/// What a document begins with.
fn head(document: usize, count: usize) -> String {
    let (root, spaces) = ROOTS.get(document).copied().unwrap_or_default();
    format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<{root} {spaces} packages=\"{count}\">\n")
}

/// What a document ends with.
pub(super) fn tail(document: usize) -> String {
    format!("</{}>\n", ROOTS.get(document).copied().unwrap_or_default().0)
}

/// What the documents say of a package.
fn entry(package: &YumPackage) -> io::Result<Entry> {
    Ok(Entry {
        file_name: package.file_name.clone(),
        name: package.name.clone(),
        version: full_version(package.epoch, &package.version, &package.release),
        architecture: package.architecture.clone(),
        summary: package.text(Tag::SUMMARY).lines().next().unwrap_or_default().to_owned(),
        size: package.checksum.size,
        sha256: package.checksum.sha256.clone(),
        sha512: None,
        parts: vec![primary::package(package)?, filelists::package(package)?, other::package(package)?],
    })
}

/// The documents of packages which are in the order of their file names, whole: for a look at what was published.
pub(crate) fn documents(packages: &[YumPackage]) -> io::Result<Vec<(&'static str, String)>> {
    let entries = packages.iter().map(entry).collect::<io::Result<Vec<_>>>()?;
    let text = |document| {
        let mut text = head(document, entries.len());
        entries.iter().for_each(|entry| text.push_str(entry.part(document)));
        text + &tail(document)
    };
    Ok(Yum::DOCUMENTS.iter().enumerate().map(|(document, kind)| (*kind, text(document))).collect())
}

//! What the indexes say of one package, in the form in which they say it.

use std::cmp::Ordering;
use std::path::Path;

use super::Forms;
use super::record::{Fields, FieldsError, Record};
use crate::destination::Destination;
use crate::digest::Sums;
use crate::{Error, Sha256Hex, Sha512Hex, TreePath};

/// One package of an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Name in the folder of packages; indexes are in its order.
    pub(crate) file_name: String,
    /// The package's name.
    pub(crate) name: String,
    /// Its version: `[epoch:]version[-revision]`, `[epoch:]version-release`.
    pub(crate) version: String,
    /// Its architecture.
    pub(crate) architecture: String,
    /// What it is, in one line.
    pub(crate) summary: String,
    /// Bytes of the file.
    pub(crate) size: u64,
    /// SHA-256 of the file.
    pub(crate) sha256: Sha256Hex,
    /// SHA-512 of the file, where the family's indexes list it.
    pub(crate) sha512: Option<Sha512Hex>,
    /// What each document of the family says of it, without where it lies; then what there is to say [beside](super::Beside) them.
    pub(crate) parts: Vec<String>,
}

impl Entry {
    /// The text for one document.
    pub(crate) fn part(&self, document: usize) -> &str {
        self.parts.get(document).map_or("", String::as_str)
    }

    /// Writes it into a record.
    pub(crate) fn write(&self, record: &mut Record) {
        for text in [&self.file_name, &self.name, &self.version, &self.architecture, &self.summary] {
            record.text(text);
        }
        record.number(self.size);
        record.text(self.sha256.as_str());
        record.text(self.sha512.as_ref().map_or("", Sha512Hex::as_str));
        record.number(self.parts.len() as u64);
        self.parts.iter().for_each(|part| record.text(part));
    }

    /// Reads what [`Entry::write`] has written.
    pub(crate) fn read(fields: &mut Fields<'_>) -> Result<Self, FieldsError> {
        let texts = [fields.text()?, fields.text()?, fields.text()?, fields.text()?, fields.text()?];
        let [file_name, name, version, architecture, summary] = texts.map(str::to_owned);
        let size = fields.number()?;
        let sha256 = Sha256Hex::parse(fields.text()?).ok_or(FieldsError)?;
        let sha512 = match fields.text()? {
            "" => None,
            digits => Some(Sha512Hex::parse(digits).ok_or(FieldsError)?),
        };
        let parts = (0..fields.number()?).map(|_| fields.text().map(str::to_owned)).collect::<Result<_, _>>()?;
        Ok(Self { file_name, name, version, architecture, summary, size, sha256, sha512, parts })
    }
}

/// A kind of repository, as the engine sees it.
pub(crate) trait Family: Sync {
    /// The folder of packages within the repository.
    const PACKAGES: &'static str;

    /// What the names of packages end in.
    const EXTENSION: &'static str;

    /// Names of the documents that list packages.
    const DOCUMENTS: &'static [&'static str];

    /// In which forms each document is published.
    const FORMS: Forms;

    /// The sums of documents that the family's indexes list.
    type Sums: Sums + Send;

    /// What vouches for a published state, its signature being good.
    type Vouched: Sync;

    /// Which of two versions is the newer one.
    fn compare(a: &str, b: &str) -> Ordering;

    /// The package's name, as far as a file name tells it.
    fn name_in(file_name: &str) -> &str;

    /// What an entry depends on beside the package file: whose signature was checked. A cached entry with another one is not used.
    fn circumstances(&self) -> String;

    /// Reads and checks one package.
    fn read(&self, path: &Path) -> Result<Entry, Error>;

    /// Whether an entry may stand in this repository; `path` is named when it may not.
    fn check(&self, entry: &Entry, path: &Path) -> Result<(), Error>;

    /// What a document begins with when it lists `count` packages.
    fn head(&self, document: usize, count: usize) -> String;

    /// What a document says of a package.
    fn text(&self, document: usize, entry: &Entry, out: &mut String);

    /// What a document ends with.
    fn tail(&self, document: usize) -> String;

    /// Checks the signature of what makes a state visible: `InRelease`, `repomd.xml`.
    fn vouched(&self, destination: &dyn Destination, entry_point: &[u8]) -> Result<Self::Vouched, Error>;

    /// The entries that are published, by rising file name.
    fn published(&self, destination: &dyn Destination, vouched: &Self::Vouched) -> Result<PublishedEntries, Error>;

    /// The repository's folder within the tree.
    fn folder(&self) -> Result<TreePath, Error>;
}

/// What is published, entry by entry. The last item is an error when it was not what its signature vouches for.
pub(crate) type PublishedEntries = Box<dyn Iterator<Item = Result<Entry, Error>>>;

/// Entries as `read` gives them, up to its end or its first error.
pub(crate) fn entries(mut read: impl FnMut() -> Result<Option<Entry>, Error> + 'static) -> PublishedEntries {
    let mut ended = false;
    Box::new(std::iter::from_fn(move || {
        if ended {
            return None;
        }
        let entry = read().transpose();
        ended = !matches!(entry, Some(Ok(_)));
        entry
    }))
}

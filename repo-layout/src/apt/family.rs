//! Flat apt repositories as the engine sees them.

use std::cmp::Ordering;
use std::fmt::Write as _;
use std::path::Path;
use std::time::SystemTime;

use formats::version_order;
use signing::Keyring;

use super::{Vouched, package, published};
use crate::destination::Destination;
use crate::digest::Hasher;
use crate::index::{Entry, Family, Forms, PublishedEntries, entries};
use crate::{AptSuite, Error, Sha512Hex, TreePath};

/// A flat apt repository.
pub(crate) struct Apt<'a> {
    /// Which.
    pub(crate) suite: &'a AptSuite,
    /// Whose signature the published state has to carry.
    pub(crate) keys: &'a Keyring,
    /// When that has to be valid.
    pub(crate) now: SystemTime,
}

impl Family for Apt<'_> {
    const PACKAGES: &'static str = "pool";
    const EXTENSION: &'static str = ".deb";
    const DOCUMENTS: &'static [&'static str] = &["Packages"];
    const FORMS: Forms = Forms { plain: true, xz: true };

    type Sums = Hasher;
    type Vouched = Vouched;

    fn compare(a: &str, b: &str) -> Ordering {
        version_order::deb(a, b)
    }

    fn name_in(file_name: &str) -> &str {
        file_name.split_once('_').map_or(file_name, |(name, _)| name)
    }

    /// Debs are not signed: the index vouches for them. Their files are read only where they are listed.
    fn circumstances(&self) -> String {
        if self.suite.contents { "with the names of its files".to_owned() } else { String::new() }
    }

    fn read(&self, path: &Path) -> Result<Entry, Error> {
        package::read(path, self.suite.contents)
    }

    fn check(&self, entry: &Entry, path: &Path) -> Result<(), Error> {
        if entry.architecture == "all" || self.suite.architectures.contains(&entry.architecture) {
            return Ok(());
        }
        Err(Error::Architecture {
            path: path.to_owned(),
            found: entry.architecture.clone(),
            suite: self.suite.folder()?,
            served: self.suite.architectures.join(", "),
        })
    }

    fn head(&self, _: usize, _: usize) -> String {
        String::new()
    }

    fn text(&self, _: usize, entry: &Entry, out: &mut String) {
        stanza(self.suite, entry, out);
    }

    fn tail(&self, _: usize) -> String {
        String::new()
    }

    fn vouched(&self, _: &dyn Destination, entry_point: &[u8]) -> Result<Vouched, Error> {
        Vouched::read(self.suite.folder()?, entry_point, self.keys, self.now)
    }

    fn published(&self, destination: &dyn Destination, vouched: &Vouched) -> Result<PublishedEntries, Error> {
        let mut published = published::open(destination, vouched)?;
        Ok(entries(move || published.read()))
    }

    fn folder(&self) -> Result<TreePath, Error> {
        self.suite.folder()
    }
}

/// A package's stanza: its control data as it stands, then where the file lies and what it hashes to.
///
/// apt resolves `Filename` of a flat repository against the URI of the source line, so the suite is part of it.
pub(crate) fn stanza(suite: &AptSuite, entry: &Entry, out: &mut String) {
    out.push_str(entry.part(0));
    let sha512 = entry.sha512.as_ref().map_or("", Sha512Hex::as_str);
    // Writing to a String cannot fail.
    let _ = write!(
        out,
        "Filename: {}/{}/{}\nSize: {}\nSHA256: {}\nSHA512: {sha512}\n\n",
        suite.suite,
        Apt::PACKAGES,
        entry.file_name,
        entry.size,
        entry.sha256
    );
}

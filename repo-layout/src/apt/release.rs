//! The `Release` file: the one that is signed, and that vouches for the indexes.

use std::fmt::Write as _;

use formats::deb822::{Error, Paragraph};
use signing::UtcTime;

use crate::{AptSuite, Digests};

/// Writes the file. There is no `Valid-Until`: a repository that nobody touches for months stays installable.
pub(crate) fn release(suite: &AptSuite, date: UtcTime, files: &[(String, Digests)]) -> Result<Paragraph, Error> {
    let mut architectures = suite.architectures.clone();
    architectures.sort();
    architectures.dedup();
    let mut release = Paragraph::new();
    release.set("Origin", suite.origin.as_str())?;
    release.set("Label", suite.label.as_str())?;
    // apt compares both with the path of the source line and warns of a conflicting distribution.
    release.set("Suite", suite.suite.as_str())?;
    release.set("Codename", suite.suite.as_str())?;
    release.set("Date", date.release_date())?;
    release.set("Architectures", architectures.join(" "))?;
    release.set("Acquire-By-Hash", "yes")?;
    release.set("Description", suite.description.as_str())?;
    release.set("SHA256", list(files, |digests| digests.sha256.as_str()))?;
    release.set("SHA512", list(files, |digests| digests.sha512.as_str()))?;
    Ok(release)
}

fn list(files: &[(String, Digests)], digest: impl Fn(&Digests) -> &str) -> String {
    files.iter().fold(String::new(), |mut list, (name, digests)| {
        let _ = write!(list, "\n{} {} {name}", digest(digests), digests.size);
        list
    })
}

/// An entry of the `SHA256` or `SHA512` list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry<'a> {
    pub(crate) digest: &'a str,
    pub(crate) size: u64,
    pub(crate) name: &'a str,
}

/// The entries of such a list; `None` when a line is not `<digest> <size> <name>`.
pub(crate) fn entries(list: &str) -> Option<Vec<Entry<'_>>> {
    list.lines()
        .filter(|line| !line.trim().is_empty())
        .map(|line| {
            let mut words = line.split_ascii_whitespace();
            let (digest, size, name) = (words.next()?, words.next()?, words.next()?);
            let size = size.parse().ok()?;
            words.next().is_none().then_some(Entry { digest, size, name })
        })
        .collect()
}

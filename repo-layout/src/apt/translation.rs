//! `en`: the descriptions once more, for an apt that asks for those of its language.
//!
//! A flat repository has them under the name of the language alone (elsewhere it is `i18n/Translation-en`). `Packages` keeps
//! its descriptions in full, so whoever does not ask misses nothing.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use md5::{Digest as _, Md5};

use super::{Document, IndexWriter, control};
use crate::Error;
use crate::digest::hex;
use crate::index::{Entry, Forms};

/// The index's name.
pub(crate) const NAME: &str = "en";

/// As `Packages`: apt fetches the smallest form that it knows.
const FORMS: Forms = Forms { plain: true, xz: true };

/// The index on its way.
pub(crate) struct Translation {
    writer: IndexWriter,
    told: Told,
}

impl Translation {
    /// Begins it; see [`IndexWriter::begin`].
    pub(crate) fn begin(aside: &Path, cache: Option<&Path>) -> Result<Self, Error> {
        Ok(Self { writer: IndexWriter::begin(aside, FORMS, cache)?, told: Told::default() })
    }

    /// Takes the next package.
    pub(crate) fn package(&mut self, entry: &Entry) -> Result<(), Error> {
        let Some(stanza) = self.told.stanza(&entry.name, entry.part(0)) else { return Ok(()) };
        self.writer.package(&entry.file_name, |text| text.push_str(&stanza))
    }

    /// Gives the files.
    pub(crate) fn finish(self) -> Result<Document, Error> {
        self.writer.finish()
    }
}

/// What was told already: packages of one name stand together, and often share a description.
#[derive(Debug, Default)]
pub(crate) struct Told {
    name: String,
    digests: BTreeSet<String>,
}

impl Told {
    /// The stanza of the next package with these control data; `None` for one that says nothing new.
    pub(crate) fn stanza(&mut self, name: &str, control: &str) -> Option<String> {
        let description = control::whole_field(control, "Description").filter(|text| !text.starts_with('\n'))?;
        if self.name != name {
            name.clone_into(&mut self.name);
            self.digests.clear();
        }
        let digest = digest(&description);
        if !self.digests.insert(digest.clone()) {
            return None;
        }
        let mut stanza = String::new();
        // Writing to a String cannot fail.
        let _ = write!(stanza, "Package: {name}\nDescription-md5: {digest}\nDescription-en: {description}\n\n");
        Some(stanza)
    }
}

/// What apt knows a description by: the MD5 of its text as `Packages` has it.
fn digest(description: &str) -> String {
    hex(&Md5::new().chain_update(description).chain_update("\n").finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_description_is_told_once_a_name() {
        let control = "Package: a\nDescription: short\n Long.\nSection: web\n";
        let mut told = Told::default();
        let stanza = told.stanza("a", control).unwrap();
        assert_eq!(
            stanza,
            "Package: a\nDescription-md5: 99e5bbac519e556dde7b57c16ce1a219\nDescription-en: short\n Long.\n\n"
        );
        assert_eq!(told.stanza("a", control), None);
        assert!(told.stanza("a", "Package: a\nDescription: other\n").is_some());
        assert!(told.stanza("b", control).is_some());
        assert_eq!(told.stanza("c", "Package: c\n"), None);
    }
}

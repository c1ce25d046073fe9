//! What a published apt repository says of its packages, stanza by stanza.
//!
//! Only an index that this program wrote is taken: the last four fields of a stanza are those which the index adds. It is
//! believed as far as `InRelease` vouches for it, and that as far as its signature holds.

use super::vouched::{Lines, Vouched};
use super::{ADDED, control};
use crate::destination::Destination;
use crate::index::Entry;
use crate::{Error, Sha256Hex, Sha512Hex};

/// The packages of a published repository.
pub(crate) struct Published {
    lines: Lines,
}

/// Opens the index of a suite.
pub(crate) fn open(destination: &dyn Destination, vouched: &Vouched) -> Result<Published, Error> {
    let lines = vouched.open(destination, "Packages")?;
    let lines = lines.ok_or_else(|| vouched.wrong("it lists no Packages under SHA256"))?;
    Ok(Published { lines })
}

impl Published {
    /// The next package; `None` at the end of what was whole.
    pub(crate) fn read(&mut self) -> Result<Option<Entry>, Error> {
        let mut stanza = String::new();
        loop {
            let before = stanza.len();
            let more = self.lines.read(&mut stanza)?;
            match stanza.get(before..) {
                Some("\n") => {
                    let wrong = || self.lines.wrong("the last fields of a stanza are not those that this program adds");
                    return entry(&stanza).map(Some).ok_or_else(wrong);
                }
                _ if !more && stanza.is_empty() => return Ok(None),
                _ if !more => return Err(self.lines.wrong("it ends within a stanza")),
                _ => {}
            }
        }
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
    let field = |wanted| control::field(rest, wanted).map(str::to_owned);
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

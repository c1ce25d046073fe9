//! Pages for people: an `index.html` at the root of a tree and in the folder of each suite and repository.
//!
//! Package managers take no notice of them. They need no script and nothing from elsewhere, depend on the packages, the key and the given time
//! alone, and become visible with the index that they describe. Each has a detached signature beside it, `index.html.asc`, since people
//! paste what they read here.
//!
//! | Module | Holds |
//! |---|---|
//! | [`front`] | what the caller says: names, commands |
//! | [`row`] | what a page shows of a package |
//! | [`layout`] | head, key and foot, which all pages share |
//! | [`root`], [`repository`] | the two pages |

mod front;
mod layout;
mod repository;
mod root;
mod row;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use signing::{Keyring, PublicKey, Signer, UtcTime};

use crate::publish::{Content, Phase, Transaction};
use crate::{Error, TreePath};

pub use front::{Front, Step, System};
pub(crate) use row::{MOST_ROWS, Row, Rows};

/// The page of a folder.
pub(crate) const PAGE: &str = "index.html";
/// The signature of a page.
pub(crate) const PAGE_SIGNATURE: &str = "index.html.asc";

/// What every page of one publication says.
pub(crate) struct Pages<'a> {
    pub(crate) front: &'a Front,
    pub(crate) signer: &'a dyn Signer,
    pub(crate) when: UtcTime,
}

/// What a page says of the key.
struct KeyFacts {
    fingerprint: String,
    user_id: String,
    expires: Option<String>,
}

impl KeyFacts {
    fn all(keys: &Keyring) -> Vec<Self> {
        keys.iter().map(Self::of).collect()
    }

    fn of(key: &PublicKey) -> Self {
        Self {
            fingerprint: key.fingerprint().to_string(),
            user_id: key.user_id().to_owned(),
            expires: key.expires().map(|end| end.to_string()),
        }
    }
}

/// Which indexes a repository's page names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Apt,
    Yum,
}

impl Pages<'_> {
    /// The page of one suite or repository.
    pub(crate) fn put_repository(
        &self,
        transaction: &mut Transaction<'_>,
        folder: &TreePath,
        kind: Kind,
        rows: &Rows,
    ) -> Result<(), Error> {
        let html = repository::page(self.front, &KeyFacts::all(self.signer.keyring()), self.when, folder, kind, rows);
        self.put(transaction, &folder.join(PAGE)?, &folder.join(PAGE_SIGNATURE)?, &html)
    }

    /// The page of the tree; `present` are the suites and repositories that it has once all is published.
    pub(crate) fn put_root(
        &self,
        transaction: &mut Transaction<'_>,
        present: &BTreeSet<TreePath>,
    ) -> Result<(), Error> {
        let html = root::page(self.front, &KeyFacts::all(self.signer.keyring()), self.when, present);
        self.put(transaction, &TreePath::new(PAGE)?, &TreePath::new(PAGE_SIGNATURE)?, &html)
    }

    fn put(
        &self,
        transaction: &mut Transaction<'_>,
        page: &TreePath,
        signature: &TreePath,
        html: &str,
    ) -> Result<(), Error> {
        let sign_error = |source| Error::Sign { suite: page.clone(), source };
        let signed = self.signer.sign_detached_armored(html.as_bytes(), self.when.into()).map_err(sign_error)?;
        transaction.put(Phase::Visible, page, &Content::Bytes(html.as_bytes()))?;
        transaction.put(Phase::Visible, signature, &Content::Bytes(signed.as_bytes()))
    }
}

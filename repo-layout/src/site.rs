//! What to lay out: which packages stand in which suite, and where the suites stand.

use std::borrow::Borrow;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{Error, Front, Selection};

/// A path within a tree: relative, `/` between its parts, no part empty, `.` or `..`, no character that a URL would
/// have to escape. Copies share the text: plans and records of large repositories name each file several times.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TreePath(Arc<str>);

impl TreePath {
    /// Checks a path.
    ///
    /// # Errors
    /// [`Error::TreePath`].
    pub fn new(text: impl Into<String>) -> Result<Self, Error> {
        let text = text.into();
        let sane = |part: &str| {
            !matches!(part, "" | "." | "..")
                && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.+~^:".contains(&byte))
        };
        if text.split('/').all(sane) { Ok(Self(text.into())) } else { Err(Error::TreePath { path: text }) }
    }

    /// This path and one below it.
    ///
    /// # Errors
    /// [`Error::TreePath`] when `below` is not one.
    pub fn join(&self, below: &str) -> Result<Self, Error> {
        Self::new(format!("{}/{below}", self.0))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The folder that it lies in; `None` at the top.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        self.0.rsplit_once('/').map(|(parent, _)| Self(parent.into()))
    }

    /// Its last part.
    #[must_use]
    pub fn file_name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }

    /// Whether it lies somewhere below `folder`.
    #[must_use]
    pub fn is_below(&self, folder: &Self) -> bool {
        self.0.strip_prefix(&*folder.0).is_some_and(|rest| rest.starts_with('/'))
    }

    /// Where it lies when the tree lies at `root`.
    #[must_use]
    pub fn under(&self, root: &Path) -> PathBuf {
        root.join(&*self.0)
    }
}

impl TryFrom<String> for TreePath {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        Self::new(text)
    }
}

impl From<TreePath> for String {
    fn from(path: TreePath) -> Self {
        path.0.as_ref().to_owned()
    }
}

/// Paths are in the order of their texts, and equal when those are.
impl Borrow<str> for TreePath {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TreePath {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// A whole tree.
#[derive(Debug, Clone, Default)]
pub struct Site {
    /// Flat apt repositories.
    pub suites: Vec<AptSuite>,
    /// yum repositories.
    pub yum: Vec<YumRepository>,
    /// What pages for people say; without it there are none.
    pub front: Option<Front>,
}

/// A flat apt repository: `deb <host>/<root> <suite>/`.
#[derive(Debug, Clone)]
pub struct AptSuite {
    /// The URI of the source line without its host: `debian/wallarm-node`.
    pub root: TreePath,
    /// The rest of the source line without its slash: `bookworm/4.8`. Also `Suite` and `Codename`.
    pub suite: TreePath,
    /// `Origin` of the Release file. Never change it after the first publish: apt asks every user to confirm.
    pub origin: String,
    /// `Label` of the Release file. Never change it, as above.
    pub label: String,
    /// `Description` of the Release file, one line.
    pub description: String,
    /// Architectures that the suite serves; packages for `all` are always allowed.
    pub architectures: Vec<String>,
    /// Whether there are indexes of the packages' files and descriptions beside `Packages`. Every package is unpacked once for them.
    pub contents: bool,
    /// The packages.
    pub packages: Selection,
}

impl AptSuite {
    /// The folder of the suite within the tree: `debian/wallarm-node/bookworm/4.8`.
    ///
    /// # Errors
    /// None that [`TreePath::new`] has not found before.
    pub fn folder(&self) -> Result<TreePath, Error> {
        self.root.join(self.suite.as_str())
    }
}

/// A yum repository for one architecture.
#[derive(Debug, Clone)]
pub struct YumRepository {
    /// Its folder within the tree, which is what `baseurl` names: `centos/wallarm-node/8/4.8/x86_64`.
    pub path: TreePath,
    /// The architecture that it serves; packages for `noarch` are always allowed.
    pub architecture: String,
    /// The packages.
    pub packages: Selection,
    /// Packages which also stand in the folder itself, where `rpm -i` finds them by a documented URL; they are indexed
    /// in `Packages/` like the others.
    pub bootstrap: Vec<Bootstrap>,
}

/// A package that stands in the folder of a yum repository, too.
#[derive(Debug, Clone)]
pub struct Bootstrap {
    /// The package's name; its newest version stands there.
    pub package: String,
    /// The name that the URL has. It may be that of the package's first revision: a newer one brings new keys, and the URL stays.
    pub file_name: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_path_stays_in_its_tree() {
        for good in ["debian/wallarm-node", "bookworm/4.8", "a~b+c^1"] {
            assert_eq!(TreePath::new(good).unwrap().as_str(), good);
        }
        for bad in ["", "/etc", "a//b", "a/../b", "./a", "a/", "a b", "a\nb", "%2e%2e"] {
            assert!(TreePath::new(bad).is_err(), "{bad:?}");
        }
    }
}

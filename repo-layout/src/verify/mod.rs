//! Walking a tree as a distrustful reader would: every signature, digest, size and name, every package to its last byte.
//!
//! What is wrong is data, not an error: one [`Finding`] each, so that one run tells everything.

mod apt;
mod keys;
mod page;
mod tree;
mod yum;

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use serde::Serialize;
use signing::Keyring;

use self::keys::Keys;
use crate::{Error, KeyReport, Listener, Sha256Hex, TreePath};
pub use tree::Source;
use tree::Tree;

/// How to verify.
#[derive(Debug, Clone)]
pub struct Options {
    /// The time at which a reader would come: decides about expiry and dates in the future.
    pub now: SystemTime,
    /// The keys that are trusted; `None` trusts those in the tree, which says nothing about who put them there.
    pub key: Option<Keyring>,
    /// A key that ends within this time is worth a warning.
    pub warn_before_expiry: Duration,
    /// Suites to look at. A folder is searched for suites when this is empty; over HTTP they must be named.
    pub suites: Vec<(SuiteKind, TreePath)>,
}

impl Options {
    /// Searches for suites, trusts the keys in the tree, warns 30 days before it ends.
    #[must_use]
    pub fn at(now: SystemTime) -> Self {
        Self { now, key: None, warn_before_expiry: Duration::from_secs(30 * 86_400), suites: Vec::new() }
    }
}

/// Which kind of repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SuiteKind {
    /// A flat apt repository.
    Apt,
    /// A yum repository.
    Yum,
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Readers would fail, or would be deceived.
    Error,
    /// Readers do not notice, yet someone should act.
    Warning,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// The file, relative to the tree.
    pub path: String,
    /// What is wrong with it.
    pub what: String,
    /// What to do about it.
    pub what_to_do: String,
}

/// One suite or repository: a row of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SuiteReport {
    /// Which kind.
    pub kind: SuiteKind,
    /// Its folder within the tree.
    pub path: TreePath,
    /// Number of packages in its index.
    pub packages: usize,
    /// Bytes of those packages, as the index says.
    pub bytes: u64,
    /// Number of findings below its folder.
    pub findings: usize,
}

/// Everything that was seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The folder or address.
    pub source: String,
    /// The keys, when they could be read.
    pub keys: Vec<KeyReport>,
    /// The suites, by path.
    pub suites: Vec<SuiteReport>,
    /// What is wrong, errors first.
    pub findings: Vec<Finding>,
}

impl Report {
    /// Whether nothing at all is wrong.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.findings.is_empty()
    }

    /// Number of findings that readers would notice.
    #[must_use]
    pub fn errors(&self) -> usize {
        self.findings.iter().filter(|finding| finding.severity == Severity::Error).count()
    }
}

/// Verifies a tree.
///
/// # Errors
/// Only when the walk cannot begin: the folder cannot be read, or no suites are named for an address.
pub fn verify(source: &Source, options: &Options, listener: &dyn Listener) -> Result<Report, Error> {
    let tree = Tree::open(source)?;
    let mut suites = options.suites.clone();
    if suites.is_empty() {
        suites = tree.suites();
    }
    if suites.is_empty() {
        let reason = "no suite was found or named; is this the root of a repository tree?".to_owned();
        return Err(Error::Source { address: source.to_string(), reason });
    }
    let mut checker = Checker {
        tree: &tree,
        options,
        listener,
        keys: None,
        findings: Vec::new(),
        seen: BTreeSet::new(),
        listed: BTreeSet::new(),
    };
    checker.check_keys();
    page::check_root(&mut checker);
    let mut rows = Vec::new();
    for (kind, path) in suites {
        let (packages, bytes) = match kind {
            SuiteKind::Apt => apt::check(&mut checker, &path),
            SuiteKind::Yum => yum::check(&mut checker, &path),
        };
        page::check(&mut checker, &path);
        rows.push(SuiteReport { kind, path, packages, bytes, findings: 0 });
    }
    checker.check_strays();
    let keys = checker.keys.iter().flat_map(|keys| keys.published.iter());
    let keys = keys.map(|key| KeyReport::of(key, options.now)).collect();
    let mut findings = checker.findings;
    findings.sort();
    findings.dedup();
    for row in &mut rows {
        let below = format!("{}/", row.path);
        row.findings = findings.iter().filter(|finding| finding.path.starts_with(&below)).count();
    }
    rows.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(Report { source: source.to_string(), keys, suites: rows, findings })
}

const PUBLISH_AGAIN: &str = "publish again; if it comes back, find out who else writes here";

/// What the walk carries along.
struct Checker<'a> {
    tree: &'a Tree,
    options: &'a Options,
    listener: &'a dyn Listener,
    /// Nothing is known of signatures when the tree has no readable key and none is given.
    keys: Option<Keys>,
    findings: Vec<Finding>,
    /// Every file that something refers to.
    seen: BTreeSet<String>,
    /// SHA-256 of every package in the index of the suite at hand.
    listed: BTreeSet<String>,
}

impl Checker<'_> {
    fn error(&mut self, path: impl Into<String>, what: impl Into<String>, what_to_do: impl Into<String>) {
        self.findings.push(Finding {
            severity: Severity::Error,
            path: path.into(),
            what: what.into(),
            what_to_do: what_to_do.into(),
        });
    }

    fn warning(&mut self, path: impl Into<String>, what: impl Into<String>, what_to_do: impl Into<String>) {
        self.findings.push(Finding {
            severity: Severity::Warning,
            path: path.into(),
            what: what.into(),
            what_to_do: what_to_do.into(),
        });
    }

    /// A file that is not what another says. It is only a warning when a publisher was interrupted while putting just
    /// this file into place: readers then still go by the copies which are named by their digest.
    fn changed(&mut self, path: &str, found: &Sha256Hex, what: impl Into<String>) {
        if self.tree.is_on_its_way(path, found.as_str()) {
            self.warning(path, "a publisher was interrupted after putting this in place", "publish again");
        } else {
            self.error(path, what, PUBLISH_AGAIN);
        }
    }

    /// Reads a file that must be there.
    fn read(&mut self, path: &str) -> Option<Vec<u8>> {
        self.seen.insert(path.to_owned());
        match self.tree.read(path) {
            Ok(Some(bytes)) => Some(bytes),
            Ok(None) => {
                self.error(path, "is missing", PUBLISH_AGAIN);
                None
            }
            Err(error) => {
                self.error(path, format!("cannot be read: {error}"), "see that it can be read");
                None
            }
        }
    }

    /// What lies in the tree although nothing refers to it.
    fn check_strays(&mut self) {
        let strays: Vec<String> = self.tree.files().filter(|path| !self.seen.contains(*path)).cloned().collect();
        for path in strays {
            if self.tree.is_half_published(&path) {
                self.warning(path, "a publisher was interrupted before anything referred to this", "publish again");
            } else {
                self.error(path, "nothing refers to this file", "remove it, or find out where it came from");
            }
        }
        let irregular: Vec<String> = self.tree.irregular().cloned().collect();
        for path in irregular {
            self.error(path, "is neither a file nor a folder", "remove it: readers must not be led elsewhere");
        }
    }
}

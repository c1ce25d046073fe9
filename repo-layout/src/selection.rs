//! Which packages a repository shall have.

use std::fmt;
use std::path::PathBuf;

/// The packages of a repository, by what is there or by what changes.
#[derive(Debug, Clone)]
pub enum Selection {
    /// These files and no others.
    Exactly(Vec<PathBuf>),
    /// Whatever lies in the repository's folder of packages: for a tree whose packages came by another way.
    InPlace,
    /// What is published, with changes. Nothing but what is added is read.
    Change(Change),
}

/// A change of what is published.
#[derive(Debug, Clone, Default)]
pub struct Change {
    /// Files that are added.
    pub add: Vec<PathBuf>,
    /// Packages that go.
    pub remove: Vec<Pattern>,
    /// Whether a package may be added although a newer one of its name is published.
    pub allow_older: bool,
}

impl Default for Selection {
    fn default() -> Self {
        Self::Exactly(Vec::new())
    }
}

impl From<Vec<PathBuf>> for Selection {
    fn from(files: Vec<PathBuf>) -> Self {
        Self::Exactly(files)
    }
}

impl Selection {
    /// How many files will be read, as far as that is known beforehand.
    #[must_use]
    pub fn files(&self) -> usize {
        match self {
            Self::Exactly(files) => files.len(),
            Self::InPlace => 0,
            Self::Change(change) => change.add.len(),
        }
    }
}

/// Names packages that are published: `name`, `name=version` or `file_name`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern(String);

impl Pattern {
    /// Takes a pattern as users write it.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Whether it fits a package.
    pub(crate) fn fits(&self, file_name: &str, name: &str, version: &str) -> bool {
        let named = self.0.split_once('=').map_or(self.0 == name, |(wanted, of)| wanted == name && of == version);
        named || self.0 == file_name
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_a_name_a_version_or_a_file() {
        let fits = |pattern: &str| Pattern::new(pattern).fits("a_1-1_all.deb", "a", "1-1");
        assert!(fits("a") && fits("a=1-1") && fits("a_1-1_all.deb"));
        assert!(!fits("a=1-2") && !fits("b=1-1") && !fits("a_1") && !fits(""));
    }
}

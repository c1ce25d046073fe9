//! What pages say that packages do not.

use crate::TreePath;

/// The caller's part of every page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Front {
    /// Name of the project.
    pub name: String,
    /// Its own page; left out unless it is an `http://` or `https://` address.
    pub homepage: String,
    /// Where the tree is published: scheme and host, no slash at its end.
    pub url: String,
    /// What the packages were built from.
    pub commit: Option<String>,
    /// The systems that have commands, in the order in which they are shown. Those whose repository is not in the tree are left out.
    pub systems: Vec<System>,
}

/// One system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct System {
    /// How people call it.
    pub title: String,
    /// The suite or repository with its packages; several systems may share one.
    pub repository: TreePath,
    /// What to type, from adding the repository on.
    pub steps: Vec<Step>,
}

/// Commands that are pasted together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What they do.
    pub title: String,
    /// One line each.
    pub commands: Vec<String>,
}

impl Front {
    /// The systems whose packages are in a repository.
    pub(super) fn systems_of<'a>(&'a self, repository: &'a TreePath) -> impl Iterator<Item = &'a System> {
        self.systems.iter().filter(move |system| system.repository == *repository)
    }
}

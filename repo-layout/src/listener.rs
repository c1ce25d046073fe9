//! What a caller may want to show while a tree is built or verified.

use crate::TreePath;

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event<'a> {
    /// This many packages are going to be read; several of these add up.
    Packages {
        /// Their number.
        count: usize,
    },
    /// One package was read and hashed.
    PackageRead,
    /// A file was written aside and synced; no reader sees it yet.
    Staged(&'a TreePath),
    /// A file or folder is about to become visible.
    Publishing(&'a TreePath),
    /// A file that nothing refers to any more is about to be removed.
    Removing(&'a TreePath),
}

/// Is told of events, by several threads at once. Returns soon: the work waits for it.
pub trait Listener: Sync {
    /// Takes one event.
    fn event(&self, event: &Event<'_>);
}

/// Takes no notice.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Listener for Silent {
    fn event(&self, _: &Event<'_>) {}
}

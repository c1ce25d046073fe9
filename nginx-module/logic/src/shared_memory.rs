//! What all tables in shared memory have in common: they are views of words that the boundary allocates.

/// The memory given is too small for what is to be kept in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{needed} words of shared memory are needed, {found} are there")]
pub struct TooSmall {
    /// Words needed, of eight bytes each.
    pub needed: usize,
    /// Words given.
    pub found: usize,
}

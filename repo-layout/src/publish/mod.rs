//! Making files visible: all of them or, to a reader, none.

mod lock;
mod transaction;

pub(crate) use lock::Lock;
pub(crate) use transaction::{Content, Pending, Phase, Transaction};

/// Folder at the root of a tree with the publisher's own state: its lock and the files on their way. Readers have no use
/// for it; a web server may hide it.
pub const STATE_FOLDER: &str = ".wallarm-repo";

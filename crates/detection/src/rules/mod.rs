//! The rule set: written as TOML, compiled into a `proton.db`, loaded by the node.

mod db;

pub use db::DbError;

/// A compiled rule set. It never changes once loaded; workers share it as an `Arc`.
#[derive(Debug)]
pub struct Rules {
    id: u64,
}

impl Rules {
    /// Loads a `proton.db`.
    ///
    /// # Errors
    ///
    /// When the bytes are not a `proton.db` that this version reads, or a damaged one.
    pub fn from_db(bytes: &[u8]) -> Result<Self, DbError> {
        let _ = bytes;
        Ok(Self { id: 0 })
    }

    /// The number of this rule set, as `db_id` of the status page shows it.
    #[must_use]
    pub const fn id(&self) -> u64 {
        self.id
    }
}

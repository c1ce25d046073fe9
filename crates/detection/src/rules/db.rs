//! The binary form of a rule set.

/// Why a `proton.db` was refused.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// The first bytes are not those of a `proton.db`.
    #[error("this is not a proton.db: it does not start with the bytes of one")]
    NotADb,
}

//! Reading the TOML files of this folder: one way, one error.

use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

/// Why a data file was refused.
#[derive(Debug, thiserror::Error)]
pub enum DataFileError {
    /// It cannot be read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// The file, or the folder of files.
        path: PathBuf,
        /// The system's word.
        source: std::io::Error,
    },
    /// It has a wrong or unknown key; the message has line, column and key.
    #[error("{path}: {source}")]
    Parse {
        /// The file.
        path: PathBuf,
        /// What is wrong where.
        source: Box<toml::de::Error>,
    },
}

/// Reads a file as a `T`.
///
/// # Errors
/// When it cannot be read or is no `T`.
pub fn read<T: DeserializeOwned>(path: &Path) -> Result<T, DataFileError> {
    let text = std::fs::read_to_string(path).map_err(|source| DataFileError::Read { path: path.to_owned(), source })?;
    toml::from_str(&text).map_err(|source| DataFileError::Parse { path: path.to_owned(), source: Box::new(source) })
}

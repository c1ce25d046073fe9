//! Copies of what was loaded, for a start at which the files are missing or broken.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::pair::{Pair, Paths};
use crate::aside::{self, Sync};
use crate::watched_file;

/// A copy could not be written.
#[derive(Debug, thiserror::Error)]
#[error("{} cannot be written: {source}; without it, a start with broken rulesets has nothing to fall back on", path.display())]
pub(super) struct BackupError {
    path: PathBuf,
    source: io::Error,
}

/// Where the copies of a pair are. A key is secret, and has none.
pub(super) fn paths(cache: &Path, paths: &Paths) -> Paths {
    Paths {
        database: cache.join(name(&paths.database)),
        custom: cache.join(name(&paths.custom)),
        key: paths.key.clone(),
    }
}

/// A file name that tells one path from another: `/etc/wallarm/proton.db` becomes `etc%wallarm%proton.db`.
fn name(path: &Path) -> String {
    let text = path.to_string_lossy();
    text.trim_start_matches('/').replace('%', "%25").replace('/', "%")
}

/// Writes the copies of a pair. An absent custom ruleset has none, and an older copy of it goes.
pub(super) fn write(cache: &Path, original: &Paths, pair: &Pair) -> Result<(), BackupError> {
    let copies = paths(cache, original);
    let [database, custom] = &pair.bytes;
    write_file(&copies.database, database)?;
    if pair.custom_file.is_some() {
        return write_file(&copies.custom, custom);
    }
    match fs::remove_file(&copies.custom) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => Err(BackupError { path: copies.custom, source }),
        _ => Ok(()),
    }
}

/// Writes a copy, unless it is there already.
fn write_file(path: &Path, bytes: &[u8]) -> Result<(), BackupError> {
    let longer = u64::try_from(bytes.len()).unwrap_or(u64::MAX).saturating_add(1);
    if watched_file::read(path, longer).is_ok_and(|old| old.bytes == bytes) {
        return Ok(());
    }
    let written = aside::write(path, 0o640, Sync::Yes, bytes);
    written.map_err(|source| BackupError { path: path.to_owned(), source })
}

//! Texts that are written down next to this file.

use std::path::Path;

/// Compares with a file below `tests/golden`; `UPDATE_GOLDEN=1` writes it instead.
#[track_caller]
pub fn assert_golden(name: &str, found: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, found).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    assert_eq!(found, expected, "{} differs; look at the change, then run with UPDATE_GOLDEN=1", path.display());
}

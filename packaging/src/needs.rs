//! What a binary needs of the system, from its own ELF headers: `libc6 (>= 2.17)`, `libc.so.6(GLIBC_2.14)(64bit)`.

use std::path::PathBuf;

use crate::distro::Distro;
use crate::relation::Relations;

/// Why a binary does not fit a distro.
#[derive(Debug, thiserror::Error)]
pub enum NeedsError {}

/// Adds what `binaries` need of `distro` to `relations`: to `depends` for deb, to `rpm_libraries` for rpm.
///
/// # Errors
/// When a binary cannot be read, needs a newer glibc than the distro has, or a library that the distro's `names` do not
/// know.
pub fn add(_relations: &mut Relations, _binaries: &[&PathBuf], _distro: &Distro) -> Result<(), NeedsError> {
    Ok(())
}

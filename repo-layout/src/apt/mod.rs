//! Flat apt repositories: `Packages`, `Release` and the files around them.
//!
//! Format: <https://wiki.debian.org/DebianRepository/Format>, with the flat form of sources.list(5).

mod package;
pub(crate) mod packages;
pub(crate) mod release;

pub(crate) use package::{ADDED, AptPackage, file_name_of};

//! Flat apt repositories: `Packages`, `Release` and the files around them.
//!
//! Format: <https://wiki.debian.org/DebianRepository/Format>, with the flat form of sources.list(5).

mod family;
mod package;
mod published;
pub(crate) mod release;

pub(crate) use family::Apt;
#[cfg(test)]
pub(crate) use family::stanza;
pub(crate) use package::{ADDED, file_name_of};

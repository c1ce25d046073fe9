//! Flat apt repositories: `Packages`, `Contents`, `Release` and the files around them.
//!
//! Format: <https://wiki.debian.org/DebianRepository/Format>, with the flat form of sources.list(5).

mod beside;
pub(crate) mod contents;
mod control;
mod family;
pub(crate) mod files;
mod package;
mod published;
pub(crate) mod release;
pub(crate) mod translation;
mod vouched;

pub(crate) use beside::FileIndexes;
pub(crate) use family::Apt;
#[cfg(test)]
pub(crate) use family::stanza;
pub(crate) use package::{ADDED, file_name_of};
pub(crate) use vouched::Vouched;

/// Whether a file of this name in a suite's folder is one of its indexes, as it is or compressed.
pub(crate) fn is_index(file_name: &str) -> bool {
    let name = [".gz", ".xz"].iter().find_map(|end| file_name.strip_suffix(end)).unwrap_or(file_name);
    name == "Packages" || name == translation::NAME || name.starts_with("Contents-")
}

/// An index as `Release` lists it.
pub(crate) type Document = crate::index::Document<crate::Digests>;

/// What writes one.
type IndexWriter = crate::index::IndexWriter<crate::digest::Hasher>;

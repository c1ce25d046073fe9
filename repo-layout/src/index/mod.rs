//! The engine under both kinds of repository: a sorted stream of packages in, index files out.
//!
//! ```text
//! packages, by file name ─▶ sequence ─▶ entry (read, or from the cache) ─▶ text ─▶ pieces ─▶ plain, gzip, xz
//! published indexes ──────────┘
//! ```
//!
//! What costs time is done in proportion to what changed. An [`Entry`] is what the indexes say of one package; it is kept by
//! the file's size, times and inode ([`entry_cache`]). The text of an index is cut into pieces at places that the
//! packages themselves decide ([`pieces`]), so one more package changes one piece, and the compressed form of the others is
//! kept ([`piece_cache`]). Both caches can be thrown away at any time; the bytes that come out are the same.
//!
//! What is not in the order of packages is made [beside] the documents, from lines that are [sorted](crate::sorted).
//!
//! Memory holds entries of a window of packages; what is of all packages is in files.

pub(crate) mod beside;
pub(crate) mod cache_file;
pub(crate) mod entry;
pub(crate) mod entry_cache;
pub(crate) mod gzip;
pub(crate) mod piece_cache;
pub(crate) mod pieces;
pub(crate) mod record;
pub(crate) mod stamp;
pub(crate) mod writer;
pub(crate) mod xz;

pub(crate) use beside::Beside;
pub(crate) use entry::{Entry, Family, PublishedEntries, entries};
pub(crate) use entry_cache::{EntryCache, Known, Remembered};
pub(crate) use stamp::Stamp;
pub(crate) use writer::{Document, Forms, IndexWriter};

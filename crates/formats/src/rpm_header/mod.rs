//! The file format of rpm packages, version 4: lead, signature header, main header, payload.
//!
//! Format: rpm's `docs/manual/format*.md` and `lib/header.c`; the limits are those which rpm itself sets. Nothing read
//! from a file is trusted: counts and offsets are checked against the bytes that are there before anything is allocated.
//!
//! ```text
//! offset 0    lead            96 bytes, says little
//!        96   signature       a header of size and digests over what follows; padded to 8 bytes
//!             header          a header with everything about the package
//!             payload         a compressed cpio archive, up to the end of the file
//! ```

mod builder;
mod digests;
mod error;
mod file;
mod header;
mod lead;
mod tag;

pub use builder::HeaderBuilder;
pub use digests::{Checked, SignError, assemble, resign, verify_digests, verify_signed_digests};
pub use error::Error;
pub use file::Rpm;
pub use header::{Entry, Header, Kind, Limits};
pub use lead::Lead;
pub use tag::Tag;

#[cfg(test)]
mod tests;

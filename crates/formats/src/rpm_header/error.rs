//! Why an rpm package could not be read, checked or signed.

use std::io;

use super::{Kind, Tag};

/// Why an rpm package could not be read, checked or signed. Offsets count bytes from the beginning of the file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Reading or writing failed.
    #[error("rpm package: cannot {action}: {source}")]
    Io {
        /// What was being done.
        action: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// The file ends early.
    #[error("rpm package ends within its {within}: the file is truncated")]
    Truncated {
        /// What was being read.
        within: &'static str,
    },
    /// The lead or a header does not begin as it should.
    #[error("not an rpm package of format 3 or 4: its {part} does not begin with the expected magic bytes")]
    Magic {
        /// Lead, signature header or main header.
        part: &'static str,
    },
    /// More than rpm itself accepts.
    #[error("rpm header: {found} {what}, where rpm accepts at most {max}")]
    Limit {
        /// What was counted.
        what: &'static str,
        /// What the file says.
        found: u64,
        /// What is accepted.
        max: u64,
    },
    /// An index entry does not fit the store, or its values are malformed.
    #[error("rpm header: the entry of tag {tag} {why}")]
    Entry {
        /// The entry's tag.
        tag: Tag,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A tag holds values of another type than its reader asks for.
    #[error("rpm header: tag {tag} holds {found:?} values, expected {expected}")]
    Type {
        /// The tag.
        tag: Tag,
        /// What the reader asked for.
        expected: &'static str,
        /// What is there.
        found: Kind,
    },
    /// A tag that the operation cannot do without.
    #[error("rpm header: tag {tag} is missing")]
    Missing {
        /// The tag.
        tag: Tag,
    },
    /// A text that is not UTF-8, or that cannot be written.
    #[error("rpm header: the text of tag {tag} {why}")]
    Text {
        /// The tag.
        tag: Tag,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A digest or size does not agree with the content: the package was changed or damaged.
    #[error("rpm package is damaged: its {what} is {found}, its headers state {stated}")]
    Mismatch {
        /// Which digest or size.
        what: &'static str,
        /// What the package states.
        stated: String,
        /// What its bytes give.
        found: String,
    },
    /// The payload's compression is none that this library reads.
    #[error("rpm payload is compressed with `{name}`; gzip and xz are supported")]
    Compressor {
        /// What tag 1125 says.
        name: String,
    },
    /// The signer gave up.
    #[error("rpm package cannot be signed: {source}")]
    Signer {
        /// Its reason.
        source: super::SignError,
    },
}

impl Error {
    /// For `map_err`: keeps the source and says what was being done.
    pub(super) fn io(action: &'static str) -> impl Fn(io::Error) -> Self {
        move |source| Self::Io { action, source }
    }
}

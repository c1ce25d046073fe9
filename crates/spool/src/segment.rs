//! What is known of one segment.

use std::path::{Path, PathBuf};

use crate::layout::segment_name;

/// A segment on disk. Its first sequence is its key.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Segment {
    /// One above the sequence of its last record.
    pub end: u64,
    /// Where its records begin; 0 if the header is damaged.
    pub records_at: u64,
    /// Bytes of it that are acknowledged.
    pub length: u64,
    /// Entries that were not handed out and are not done.
    pub unread: u64,
    /// Entries that were handed out and are not done.
    pub out: u64,
    /// Time of the oldest entry that was not handed out.
    pub oldest: u64,
    /// It could not be read to its end: it stays for the next opening, whatever becomes of the entries that could.
    pub abandoned: bool,
}

impl Segment {
    /// Whether nobody needs it any more.
    pub fn is_done(&self) -> bool {
        self.unread == 0 && self.out == 0 && !self.abandoned
    }
}

/// Where the segment with this first sequence is.
pub fn path(directory: &Path, first: u64) -> PathBuf {
    directory.join(segment_name(first))
}

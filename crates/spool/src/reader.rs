//! Handing out: a place in one segment, which only moves forward.

use std::fs::File;
use std::io;
use std::path::Path;

use crate::scan::{Found, Scanner};
use crate::segment::{self, Segment};
use crate::{Entry, Sequence};

/// An open segment, and how far it was read.
#[derive(Debug)]
pub struct Reader {
    /// Its first sequence.
    pub first: u64,
    scanner: Scanner<File>,
}

impl Reader {
    /// Opens a segment at its beginning.
    pub fn open(directory: &Path, first: u64, segment: &Segment) -> io::Result<Self> {
        let file = File::open(segment::path(directory, first))?;
        let scanner = Scanner::new(file, segment.records_at..segment.length, first..segment.end);
        Ok(Self { first, scanner })
    }

    /// The next entry of the segment, which may have grown.
    pub fn next(&mut self, segment: &Segment) -> io::Result<Option<Entry>> {
        Ok(self.next_record(segment)?.map(|found| Entry {
            sequence: Sequence(found.sequence),
            written: found.written,
            bytes: found.payload.to_vec(),
        }))
    }

    /// The same without a copy.
    pub fn next_record(&mut self, segment: &Segment) -> io::Result<Option<Found<'_>>> {
        self.scanner.extend(segment.length, segment.end);
        self.scanner.next_record()
    }
}

//! Handing out, oldest first, and hearing what became of it.

use std::io;

use super::{Out, Spool};
use crate::error::ReadError;
use crate::reader::Reader;
use crate::recovery::Damage;
use crate::segment::{self, Segment};
use crate::{Entry, Options, Sequence};

impl Spool {
    /// Hands out at most so many entries that were not handed out since the opening, oldest first.
    ///
    /// # Errors
    ///
    /// [`ReadError`]: a segment cannot be read. The next call goes on behind it.
    pub fn next(&mut self, most: usize) -> Result<Vec<Entry>, ReadError> {
        if let Some(error) = self.untold_error.take() {
            return Err(error);
        }
        let mut entries = Vec::new();
        while entries.len() < most {
            match self.look_ahead() {
                Ok(true) => entries.extend(self.hand_out()),
                Ok(false) => break,
                Err(error) if entries.is_empty() => return Err(error),
                Err(error) => {
                    self.untold_error = Some(error);
                    return Ok(entries);
                }
            }
        }
        // So that the age of the oldest is known.
        self.untold_error = self.look_ahead().err();
        Ok(entries)
    }

    fn hand_out(&mut self) -> Option<Entry> {
        let (first, entry) = self.ahead.take()?;
        if let Some(segment) = self.segments.get_mut(&first) {
            segment.unread = segment.unread.saturating_sub(1);
            segment.out += 1;
        }
        self.out.insert(entry.sequence.0, Out { written: entry.written, segment: first });
        Some(entry)
    }

    /// Reads the next entry, if none is read yet; tells whether there is one.
    fn look_ahead(&mut self) -> Result<bool, ReadError> {
        while self.ahead.is_none() {
            let mut unread = self.segments.range_mut(self.reading..).skip_while(|(_, segment)| segment.unread == 0);
            let Some((&first, segment)) = unread.next() else { return Ok(false) };
            self.reading = first;
            match read(&mut self.reader, &self.options, first, segment) {
                Ok(Some(entry)) if self.done.contains(entry.sequence.0) => {}
                Ok(Some(entry)) => {
                    segment.oldest = entry.written;
                    self.ahead = Some((first, entry));
                }
                Ok(None) => {
                    // Somebody changed the file since it was looked through.
                    self.damage += Damage { places: 1, bytes: 0, lost: std::mem::take(&mut segment.unread) };
                    self.settle(first);
                }
                Err(source) if passes(&source) => {
                    return Err(ReadError { path: segment::path(&self.options.directory, first), entries: 0, source });
                }
                Err(source) => {
                    let entries = std::mem::take(&mut segment.unread);
                    segment.abandoned = true;
                    self.damage += Damage { places: 1, bytes: 0, lost: entries };
                    self.reader = None;
                    self.active.take_if(|active| active.first == first);
                    return Err(ReadError { path: segment::path(&self.options.directory, first), entries, source });
                }
            }
        }
        Ok(true)
    }

    /// An entry that was handed out is not needed any more: exported, refused or set aside. Others are ignored;
    /// tells whether it was one.
    pub fn done(&mut self, sequence: Sequence) -> bool {
        let Some(out) = self.out.remove(&sequence.0) else { return false };
        self.done.insert(sequence.0..sequence.0 + 1);
        self.unsaved += 1;
        // It is gone if it had to give way meanwhile.
        if let Some(segment) = self.segments.get_mut(&out.segment) {
            segment.out = segment.out.saturating_sub(1);
            self.settle(out.segment);
        }
        self.save_if_due();
        true
    }
}

fn read(reader: &mut Option<Reader>, options: &Options, first: u64, segment: &Segment) -> io::Result<Option<Entry>> {
    let open = match reader {
        Some(open) if open.first == first => open,
        _ => reader.insert(Reader::open(&options.directory, first, segment)?),
    };
    open.next(segment)
}

/// Whether it says something of this process and nothing of the disk: no memory (12), too many open files (23, 24).
fn passes(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(12 | 23 | 24))
}

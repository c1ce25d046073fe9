//! Writing: a segment is begun when the one before is full, and what fails leaves no trace.

use super::{Spool, Written};
use crate::Draft;
use crate::error::WriteError;
use crate::layout::{HEADER, Header, LONGEST_PAYLOAD, SEGMENT_FORMAT, encode_record, record_length};
use crate::segment::Segment;
use crate::writer::{Active, Aftermath};

impl Spool {
    /// Writes a batch of entries with their times. All of it is on disk afterwards.
    ///
    /// # Errors
    ///
    /// [`WriteError`]: nothing of it counts as written; it may be given again.
    pub fn write(&mut self, batch: &[Draft<'_>]) -> Result<Written, WriteError> {
        if batch.is_empty() {
            return Ok(Written::default());
        }
        let bytes = self.measure(batch)?;
        self.make_room(bytes)?;
        let full = |active: &Active| {
            self.segments.get(&active.first).is_none_or(|it| it.length + bytes > self.options.segment)
        };
        if self.active.as_ref().is_some_and(full) {
            self.seal();
        }
        self.append(batch)?;
        Ok(Written { dropped: std::mem::take(&mut self.untold) })
    }

    /// Bytes that a batch takes, with the header of a segment.
    fn measure(&self, batch: &[Draft<'_>]) -> Result<u64, WriteError> {
        let path = || self.options.directory.clone();
        if let Some(long) = batch.iter().find(|entry| entry.bytes.len() > LONGEST_PAYLOAD) {
            return Err(WriteError::TooLong { path: path(), bytes: long.bytes.len() });
        }
        let records: usize = batch.iter().map(|entry| record_length(entry.bytes.len())).sum();
        let (bytes, limit) = ((HEADER + records) as u64, self.options.limit);
        if bytes > limit { Err(WriteError::TooLarge { path: path(), bytes, limit }) } else { Ok(bytes) }
    }

    fn append(&mut self, batch: &[Draft<'_>]) -> Result<(), WriteError> {
        let first = self.active.as_ref().map_or(self.next, |active| active.first);
        let mut bytes = Vec::new();
        if self.active.is_none() {
            bytes.extend_from_slice(&Header::encode(SEGMENT_FORMAT, first));
        }
        for (sequence, entry) in (self.next..).zip(batch) {
            encode_record(sequence, *entry, &mut bytes);
        }
        let outcome = match &mut self.active {
            Some(active) => active.append(&bytes, &self.calls),
            None => Active::create(&self.options.directory, first, &bytes, &self.calls)
                .map(|active| self.active = Some(active)),
        };
        if let Err((error, aftermath)) = outcome {
            match aftermath {
                Aftermath::Clean => {}
                Aftermath::Closed => self.seal(),
                Aftermath::Remains => self.give_up_sequences(batch.len() as u64),
            }
            return Err(error);
        }
        self.next += batch.len() as u64;
        self.bytes += bytes.len() as u64;
        let fresh = || Segment { records_at: HEADER as u64, ..Segment::default() };
        let segment = self.segments.entry(first).or_insert_with(fresh);
        if segment.unread == 0 {
            segment.oldest = batch[0].written;
        }
        segment.end = self.next;
        segment.length += bytes.len() as u64;
        segment.unread += batch.len() as u64;
        self.save_if_due();
        Ok(())
    }

    /// A file that could not be deleted has these numbers: what is in it was refused, so it is not to come back either.
    fn give_up_sequences(&mut self, count: u64) {
        self.done.insert(self.next..self.next + count);
        self.next += count;
        self.save_soon();
    }

    /// The next write begins a new segment.
    pub(super) fn seal(&mut self) {
        if let Some(active) = self.active.take() {
            self.settle(active.first);
        }
    }
}

//! Making room: the oldest segments are deleted, and what was in them and needed is counted.

use std::io;

use super::Spool;
use crate::error::WriteError;
use crate::reader::Reader;
use crate::segment;

impl Spool {
    /// Lets the oldest segments give way until so many bytes fit.
    pub(super) fn make_room(&mut self, bytes: u64) -> Result<(), WriteError> {
        while self.bytes + bytes > self.options.limit
            && let Some(oldest) = self.segments.keys().next().copied()
        {
            self.give_way(oldest)?;
        }
        Ok(())
    }

    fn give_way(&mut self, first: u64) -> Result<(), WriteError> {
        // Opened before it is deleted and looked through afterwards: what cannot be deleted has not given way.
        let needed = self.segments.get(&first).filter(|segment| segment.unread > 0);
        let opened = needed.and_then(|segment| Reader::open(&self.options.directory, first, segment).ok());
        self.active.take_if(|active| active.first == first);
        let path = segment::path(&self.options.directory, first);
        match (self.calls.delete)(&path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => return Err(WriteError::Delete { path, source }),
            _ => {}
        }
        self.count_groups(first, opened);
        let dropped = self.forget(first);
        self.dropped += dropped;
        self.untold += dropped;
        self.save_soon();
        Ok(())
    }

    /// Counts what the entries of a segment belong to that were not handed out.
    fn count_groups(&mut self, first: u64, opened: Option<Reader>) {
        let Some(segment) = self.segments.get(&first) else { return };
        let mut left = segment.unread;
        if let Some(mut reader) = opened {
            while let Ok(Some(found)) = reader.next_record(segment) {
                let unread = !self.done.contains(found.sequence) && !self.out.contains_key(&found.sequence);
                self.dropped_groups.pass(found.sequence, found.follows, unread);
                left = left.saturating_sub(u64::from(unread));
            }
        }
        // Nobody can read the others any more.
        self.dropped_groups.pass_unknown(left);
    }
}

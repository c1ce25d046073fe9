//! The queue made of segments.

#[cfg(test)]
mod faults;
mod give_way;
mod hand_out;
mod write;

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;

use crate::error::{OpenError, ReadError, WriteError};
use crate::groups::Groups;
use crate::lock::Lock;
use crate::ranges::Ranges;
use crate::reader::Reader;
use crate::recovery::{Damage, Recovered, Recovery, recover};
use crate::segment::{self, Segment};
use crate::writer::{Active, Calls};
use crate::{Entry, Options, progress};

/// So many entries are done before that is saved: after a crash about so many are handed out again.
const SAVE_EVERY: u64 = 64;

/// A queue on disk.
#[derive(Debug)]
pub struct Spool {
    options: Options,
    segments: BTreeMap<u64, Segment>,
    active: Option<Active>,
    reader: Option<Reader>,
    /// Read already, not handed out yet: it tells how old the oldest entry is.
    ahead: Option<(u64, Entry)>,
    /// What went wrong while reading ahead, for the next call.
    untold_error: Option<ReadError>,
    /// Segments before this one have been read to their ends.
    reading: u64,
    /// Entries that were handed out and are not done.
    out: BTreeMap<u64, Out>,
    done: Ranges,
    /// Entries done since the progress was saved last.
    unsaved: u64,
    next: u64,
    bytes: u64,
    damage: Damage,
    dropped: u64,
    /// What belongs together among these.
    dropped_groups: Groups,
    /// Of these, how many no write has told yet.
    untold: u64,
    calls: Calls,
    _lock: Lock,
}

#[derive(Clone, Copy, Debug)]
struct Out {
    written: u64,
    segment: u64,
}

/// What a write did besides writing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Entries that gave way to the limit since the write before, oldest first. Those that are handed out are not among them.
    pub dropped: u64,
}

/// Figures of a spool.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// Entries that wait to be handed out.
    pub waiting: u64,
    /// Entries that were handed out and are not done.
    pub handed_out: u64,
    /// Bytes of all segments.
    pub bytes: u64,
    /// Segments.
    pub segments: u64,
    /// Time of the oldest entry that is not done.
    pub oldest_written: Option<u64>,
    /// What was found damaged, at the opening and since.
    pub damage: Damage,
    /// Entries that gave way to the limit.
    pub dropped: u64,
    /// Things to which these belonged: one of several entries counts once, whether some or all of them gave way.
    pub dropped_groups: u64,
}

impl Spool {
    /// Opens the spool in a folder, which is made if it is missing.
    ///
    /// # Errors
    ///
    /// [`OpenError`]: the folder cannot be used, another server uses it, or a newer one has written to it. Damage is no error.
    pub fn open(options: Options) -> Result<(Self, Recovery), OpenError> {
        let unusable = |source| OpenError::Unusable { path: options.directory.clone(), source };
        match fs::DirBuilder::new().mode(0o700).create(&options.directory) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(unusable(error)),
            _ => {}
        }
        let lock = Lock::take(&options.directory)?;
        let Recovered { segments, done, next, report } = recover(&options.directory)?;
        let bytes = segments.values().map(|segment| segment.length).sum();
        let mut spool = Self {
            options,
            segments,
            active: None,
            reader: None,
            ahead: None,
            untold_error: None,
            reading: 0,
            out: BTreeMap::new(),
            done,
            unsaved: SAVE_EVERY,
            next,
            bytes,
            damage: report.damage,
            dropped: 0,
            dropped_groups: Groups::default(),
            untold: 0,
            calls: Calls::SYSTEM,
            _lock: lock,
        };
        spool.delete_done();
        spool.save_if_due();
        Ok((spool, report))
    }

    /// Deletes a segment if all of it is done and it does not grow any more.
    fn settle(&mut self, first: u64) {
        let grows = self.active.as_ref().is_some_and(|active| active.first == first);
        if grows || !self.segments.get(&first).is_some_and(Segment::is_done) {
            return;
        }
        // First it is remembered that these entries are done: a segment that is missing without that counts as lost.
        if let Some(segment) = self.segments.get(&first) {
            self.done.insert(first..segment.end);
        }
        self.save_soon();
        match (self.calls.delete)(&segment::path(&self.options.directory, first)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {}
            _ => drop(self.forget(first)),
        }
    }

    /// Deletes every segment that is done; also those that could not be deleted before.
    fn delete_done(&mut self) {
        let done: Vec<u64> = self.segments.iter().filter(|(_, it)| it.is_done()).map(|(first, _)| *first).collect();
        done.into_iter().for_each(|first| self.settle(first));
    }

    /// The file of a segment is gone. Returns how many entries had not been handed out.
    fn forget(&mut self, first: u64) -> u64 {
        let Some(segment) = self.segments.remove(&first) else { return 0 };
        self.bytes -= segment.length;
        self.done.insert(first..segment.end);
        self.ahead.take_if(|(of, _)| *of == first);
        self.reader.take_if(|reader| reader.first == first);
        segment.unread
    }

    fn save_soon(&mut self) {
        self.unsaved = self.unsaved.max(SAVE_EVERY);
        self.save_if_due();
    }

    fn save_if_due(&mut self) {
        if self.unsaved >= SAVE_EVERY {
            // If it fails, it stays due. Meanwhile the worst is that entries are handed out again.
            let _ = self.save(false);
        }
    }

    fn save(&mut self, sync: bool) -> Result<(), (PathBuf, io::Error)> {
        progress::save(&self.options.directory, self.next, &self.done, sync)?;
        self.unsaved = 0;
        Ok(())
    }

    /// Saves on disk what is done, so that none of it is handed out again.
    ///
    /// # Errors
    ///
    /// [`WriteError`]: some of it may be.
    pub fn flush(&mut self) -> Result<(), WriteError> {
        self.delete_done();
        self.save(true).map_err(|(path, source)| WriteError::Write { path, source })
    }

    /// Flushes and closes. Dropping does the same, but keeps errors to itself.
    ///
    /// # Errors
    ///
    /// As [`Self::flush`].
    pub fn close(mut self) -> Result<(), WriteError> {
        self.seal();
        self.flush()
    }

    /// Its figures.
    #[must_use]
    pub fn state(&self) -> State {
        let segments = self.segments.values();
        let unread = segments.clone().find(|segment| segment.unread > 0).map(|segment| segment.oldest);
        let out = self.out.values().map(|out| out.written).next();
        State {
            waiting: segments.map(|segment| segment.unread).sum(),
            handed_out: self.out.len() as u64,
            bytes: self.bytes,
            segments: self.segments.len() as u64,
            oldest_written: unread.into_iter().chain(out).min(),
            damage: self.damage,
            dropped: self.dropped,
            dropped_groups: self.dropped_groups.count(),
        }
    }
}

impl Drop for Spool {
    fn drop(&mut self) {
        self.seal();
        if self.unsaved > 0 {
            // Nobody is left to tell; entries are handed out again then.
            let _ = self.flush();
        }
    }
}

//! The queue made of segments.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;

use crate::error::{OpenError, ReadError, WriteError};
use crate::layout::{HEADER, Header, LONGEST_PAYLOAD, SEGMENT_MAGIC, encode_record, record_length};
use crate::lock::Lock;
use crate::ranges::Ranges;
use crate::reader::Reader;
use crate::recovery::{Damage, Recovered, Recovery, recover};
use crate::segment::{self, Segment};
use crate::writer::{Active, Aftermath, Calls};
use crate::{Entry, Options, Sequence, progress};

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
            reading: 0,
            out: BTreeMap::new(),
            done,
            unsaved: SAVE_EVERY,
            next,
            bytes,
            damage: report.damage,
            dropped: 0,
            untold: 0,
            calls: Calls::SYSTEM,
            _lock: lock,
        };
        spool.delete_done();
        spool.save_if_due();
        Ok((spool, report))
    }

    /// Writes a batch of entries with their times. All of it is on disk afterwards.
    ///
    /// # Errors
    ///
    /// [`WriteError`]: nothing of it counts as written; it may be given again.
    pub fn write(&mut self, batch: &[(u64, &[u8])]) -> Result<Written, WriteError> {
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
    fn measure(&self, batch: &[(u64, &[u8])]) -> Result<u64, WriteError> {
        let path = || self.options.directory.clone();
        if let Some((_, long)) = batch.iter().find(|(_, bytes)| bytes.len() > LONGEST_PAYLOAD) {
            return Err(WriteError::TooLong { path: path(), bytes: long.len() });
        }
        let records: usize = batch.iter().map(|(_, bytes)| record_length(bytes.len())).sum();
        let (bytes, limit) = ((HEADER + records) as u64, self.options.limit);
        if bytes > limit { Err(WriteError::TooLarge { path: path(), bytes, limit }) } else { Ok(bytes) }
    }

    /// Lets the oldest segments give way until so many bytes fit.
    fn make_room(&mut self, bytes: u64) -> Result<(), WriteError> {
        while self.bytes + bytes > self.options.limit
            && let Some(oldest) = self.segments.keys().next().copied()
        {
            if self.active.as_ref().is_some_and(|active| active.first == oldest) {
                self.active = None;
            }
            let path = segment::path(&self.options.directory, oldest);
            match (self.calls.delete)(&path) {
                Err(source) if source.kind() != io::ErrorKind::NotFound => {
                    return Err(WriteError::Delete { path, source });
                }
                _ => {}
            }
            let dropped = self.forget(oldest);
            self.dropped += dropped;
            self.untold += dropped;
            self.save_soon();
        }
        Ok(())
    }

    fn append(&mut self, batch: &[(u64, &[u8])]) -> Result<(), WriteError> {
        let first = self.active.as_ref().map_or(self.next, |active| active.first);
        let mut bytes = Vec::new();
        if self.active.is_none() {
            bytes.extend_from_slice(&Header::encode(SEGMENT_MAGIC, first));
        }
        for (sequence, (written, payload)) in (self.next..).zip(batch) {
            encode_record(sequence, *written, payload, &mut bytes);
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
            segment.oldest = batch[0].0;
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
    fn seal(&mut self) {
        if let Some(active) = self.active.take() {
            self.settle(active.first);
        }
    }

    /// Hands out at most so many entries that were not handed out since the opening, oldest first.
    ///
    /// # Errors
    ///
    /// [`ReadError`]: a segment cannot be read. The next call goes on behind it.
    pub fn next(&mut self, most: usize) -> Result<Vec<Entry>, ReadError> {
        let mut entries = Vec::new();
        while entries.len() < most {
            match self.look_ahead() {
                Ok(true) => entries.extend(self.hand_out()),
                Ok(false) => break,
                Err(error) if entries.is_empty() => return Err(error),
                // What was read is handed out, and the rest has been taken out of the account: the next call goes on behind it.
                Err(_) => break,
            }
        }
        // So that the age of the oldest is known. An error shows itself in the account, and the next call goes on behind it.
        let _ = self.look_ahead();
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

    /// An entry that was handed out is not needed any more: exported, refused or set aside. Others are ignored.
    pub fn done(&mut self, sequence: Sequence) {
        let Some(out) = self.out.remove(&sequence.0) else { return };
        self.done.insert(sequence.0..sequence.0 + 1);
        self.unsaved += 1;
        // It is gone if it had to give way meanwhile.
        if let Some(segment) = self.segments.get_mut(&out.segment) {
            segment.out = segment.out.saturating_sub(1);
            self.settle(out.segment);
        }
        self.save_if_due();
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

fn read(reader: &mut Option<Reader>, options: &Options, first: u64, segment: &Segment) -> io::Result<Option<Entry>> {
    let open = match reader {
        Some(open) if open.first == first => open,
        _ => reader.insert(Reader::open(&options.directory, first, segment)?),
    };
    open.next(segment)
}

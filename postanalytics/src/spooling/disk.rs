//! What is asked of the spool, so that tests can put one in its place that fails.

use std::path::Path;

use spool::{Draft, Entry, OpenError, ReadError, Recovery, SEGMENT, Sequence, Spool, State, WriteError};

/// A spool.
pub trait Disk: Send {
    /// Writes a batch of attacks with their arrivals.
    fn write(&mut self, batch: &[Draft<'_>]) -> Result<(), WriteError>;
    /// Hands out.
    fn next(&mut self, most: usize) -> Result<Vec<Entry>, ReadError>;
    /// An entry is dealt with; tells whether it was handed out.
    fn done(&mut self, sequence: Sequence) -> bool;
    /// Saves what is done.
    fn flush(&mut self) -> Result<(), WriteError>;
    /// Its figures.
    fn state(&self) -> State;
}

/// Opens a spool of so many bytes in a folder.
pub type Open = Box<dyn Fn(&Path, u64) -> Result<(Box<dyn Disk>, Recovery), OpenError> + Send + Sync>;

/// The one that is used.
pub fn open_spool(directory: &Path, limit: u64) -> Result<(Box<dyn Disk>, Recovery), OpenError> {
    let options = spool::Options { directory: directory.to_owned(), limit, segment: SEGMENT.min(limit / 4) };
    let (spool, recovery) = Spool::open(options)?;
    Ok((Box::new(spool), recovery))
}

impl Disk for Spool {
    fn write(&mut self, batch: &[Draft<'_>]) -> Result<(), WriteError> {
        // What gave way is among its figures.
        Spool::write(self, batch).map(|_| ())
    }

    fn next(&mut self, most: usize) -> Result<Vec<Entry>, ReadError> {
        Spool::next(self, most)
    }

    fn done(&mut self, sequence: Sequence) -> bool {
        Spool::done(self, sequence)
    }

    fn flush(&mut self) -> Result<(), WriteError> {
        Spool::flush(self)
    }

    fn state(&self) -> State {
        Spool::state(self)
    }
}

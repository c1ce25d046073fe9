//! A real spool, on a disk that fails on demand.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Receiver;

use spool::{Draft, Entry, ReadError, Sequence, State, WriteError};

use crate::spooling::disk::Disk;

/// A disk that a test can fill.
pub struct Fragile {
    pub spool: Box<dyn Disk>,
    pub full: Arc<AtomicBool>,
    /// If there is one, each write waits for a word.
    pub gate: Option<Receiver<()>>,
}

impl Fragile {
    fn works(&self) -> Result<(), WriteError> {
        let (path, source) = (PathBuf::from("/spool/1.seg"), io::ErrorKind::StorageFull.into());
        if self.full.load(Ordering::SeqCst) { Err(WriteError::Write { path, source }) } else { Ok(()) }
    }
}

impl Disk for Fragile {
    fn write(&mut self, batch: &[Draft<'_>]) -> Result<(), WriteError> {
        self.gate.as_ref().map(Receiver::recv);
        self.works().and_then(|()| self.spool.write(batch))
    }

    fn next(&mut self, most: usize) -> Result<Vec<Entry>, ReadError> {
        self.spool.next(most)
    }

    fn done(&mut self, sequence: Sequence) -> bool {
        self.spool.done(sequence)
    }

    fn flush(&mut self) -> Result<(), WriteError> {
        self.works().and_then(|()| self.spool.flush())
    }

    fn state(&self) -> State {
        self.spool.state()
    }
}

//! Reading a file that others read as well.

use std::fs::File;
use std::io;
use std::ops::Deref;
use std::os::unix::fs::FileExt as _;

/// Reads a file from a place on, without moving anything that others see.
pub(crate) struct At<F> {
    pub(crate) file: F,
    pub(crate) place: u64,
}

impl<F: Deref<Target = File>> io::Read for At<F> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read_at(buffer, self.place)?;
        self.place += count as u64;
        Ok(count)
    }
}

//! Memory in equal slabs, taken from the system when first needed and addressed as one line of bytes.

use std::collections::TryReserveError;

/// Bytes of one slab. Big enough to be mapped straight from the system, small enough that an idle server stays small.
pub const SLAB: usize = 1 << 20;

/// A line of `slabs × SLAB` bytes. Pages become resident as they are written for the first time.
#[derive(Debug, Default)]
pub struct Slabs {
    slabs: Vec<Vec<u8>>,
}

impl Slabs {
    /// Bytes that are there.
    pub fn len(&self) -> u64 {
        (self.slabs.len() * SLAB) as u64
    }

    /// Adds one slab to the end.
    ///
    /// # Errors
    ///
    /// The system gives no more memory; nothing has changed.
    pub fn grow(&mut self) -> Result<(), TryReserveError> {
        let mut slab = Vec::new();
        slab.try_reserve_exact(SLAB)?;
        self.slabs.try_reserve(1)?;
        self.slabs.push(slab);
        Ok(())
    }

    /// Adds one slab, if the system would then still give `headroom` bytes.
    ///
    /// # Errors
    ///
    /// The system gives no more memory; nothing has changed.
    pub fn grow_leaving(&mut self, headroom: usize) -> Result<(), TryReserveError> {
        // Reserved and never touched, so this asks the system and takes nothing.
        Vec::<u8>::new().try_reserve_exact(headroom + SLAB)?;
        self.grow()
    }

    /// Writes `bytes` from `at` on, which wraps at the end of the line.
    ///
    /// The first lap must write in order: a slab's memory is appended to before it can be overwritten.
    pub fn write(&mut self, at: u64, mut bytes: &[u8]) {
        let mut at = at;
        while !bytes.is_empty() {
            let (slab, offset) = self.place(at);
            let slab = &mut self.slabs[slab];
            let (now, later) = bytes.split_at(bytes.len().min(SLAB - offset));
            // On the first lap the slab ends where we write; on later ones it is full.
            let known = (slab.len() - offset).min(now.len());
            slab[offset..offset + known].copy_from_slice(&now[..known]);
            slab.extend_from_slice(&now[known..]);
            at += now.len() as u64;
            bytes = later;
        }
    }

    /// Fills `bytes` from `at` on, which wraps at the end of the line.
    pub fn read(&self, at: u64, bytes: &mut [u8]) {
        let mut at = at;
        let mut rest = bytes;
        while !rest.is_empty() {
            let (slab, offset) = self.place(at);
            let length = rest.len().min(SLAB - offset);
            let (now, later) = rest.split_at_mut(length);
            now.copy_from_slice(&self.slabs[slab][offset..offset + length]);
            at += length as u64;
            rest = later;
        }
    }

    fn place(&self, at: u64) -> (usize, usize) {
        let at = at % self.len();
        ((at / SLAB as u64) as usize, (at % SLAB as u64) as usize)
    }
}

//! Memory in equal slabs, taken from the system when first needed and addressed as one line of bytes.

use std::io;

use memmap2::{Advice, MmapMut};

/// Bytes of a slab, a power of two. So large that few are needed, and that what [`HUGE_PAGE`] costs beside it does not matter.
pub const SLAB: usize = 32 << 20;

/// What the processor can look up at once, where the system gives such pages. Pages become resident as they are written for the
/// first time, which with small ones is the dearest part of storing a record; see `docs/decisions/huge-pages.md`.
const HUGE_PAGE: usize = 2 << 20;

/// A line of bytes that grows. Pages become resident as they are written for the first time.
#[derive(Debug)]
pub struct Slabs {
    /// Bytes of each slab but the last, which may be shorter, as a power of two.
    shift: u32,
    slabs: Vec<Slab>,
    length: u64,
}

#[derive(Debug)]
struct Slab {
    map: MmapMut,
    /// Where the first huge page begins.
    start: usize,
    length: usize,
}

impl Slab {
    fn new(length: usize) -> io::Result<Self> {
        let map = MmapMut::map_anon(length + HUGE_PAGE)?;
        // A system without huge pages refuses, and does as well without.
        let _ = map.advise(Advice::HugePage);
        let start = map.as_ptr().align_offset(HUGE_PAGE).min(HUGE_PAGE);
        Ok(Self { map, start, length })
    }

    fn bytes(&self) -> &[u8] {
        &self.map[self.start..self.start + self.length]
    }

    fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.map[self.start..self.start + self.length]
    }
}

impl Slabs {
    /// An empty line that grows by slabs of `size` bytes, a power of two.
    pub fn of(size: usize) -> Self {
        Self { shift: size.ilog2(), slabs: Vec::new(), length: 0 }
    }

    fn size(&self) -> usize {
        1 << self.shift
    }

    /// Bytes that are there.
    pub fn len(&self) -> u64 {
        self.length
    }

    /// Adds one slab to the end, shorter than the others if the line would else be longer than `capacity`: it is the last.
    ///
    /// # Errors
    ///
    /// The system gives no more memory; nothing has changed.
    pub fn grow(&mut self, capacity: u64) -> io::Result<()> {
        let length = capacity.saturating_sub(self.length).min(self.size() as u64);
        self.slabs.try_reserve(1)?;
        self.slabs.push(Slab::new(length as usize)?);
        self.length += length;
        Ok(())
    }

    /// Adds one slab, if the system would then still give `headroom` bytes.
    ///
    /// # Errors
    ///
    /// The system gives no more memory; nothing has changed.
    pub fn grow_leaving(&mut self, headroom: usize, capacity: u64) -> io::Result<()> {
        // Never touched, so this asks the system and takes nothing.
        drop(MmapMut::map_anon(headroom + self.size())?);
        self.grow(capacity)
    }

    /// Writes `bytes` from `at` on, which wraps at the end of the line.
    pub fn write(&mut self, at: u64, mut bytes: &[u8]) {
        let (mut slab, mut offset) = self.place(at);
        loop {
            let room = &mut self.slabs[slab].bytes_mut()[offset..];
            let (now, later) = bytes.split_at(bytes.len().min(room.len()));
            room[..now.len()].copy_from_slice(now);
            if later.is_empty() {
                return;
            }
            (slab, offset, bytes) = ((slab + 1) % self.slabs.len(), 0, later);
        }
    }

    /// Fills `bytes` from `at` on, which wraps at the end of the line.
    pub fn read(&self, at: u64, bytes: &mut [u8]) {
        let (mut slab, mut offset) = self.place(at);
        let mut rest = bytes;
        loop {
            let there = &self.slabs[slab].bytes()[offset..];
            let (now, later) = rest.split_at_mut(there.len().min(rest.len()));
            now.copy_from_slice(&there[..now.len()]);
            if later.is_empty() {
                return;
            }
            (slab, offset, rest) = ((slab + 1) % self.slabs.len(), 0, later);
        }
    }

    /// Which slab, and where in it.
    fn place(&self, at: u64) -> (usize, usize) {
        // Divided only where it must be: the first lap is the longest that many a server ever sees.
        let at = if at < self.length { at } else { at % self.length } as usize;
        (at >> self.shift, at & (self.size() - 1))
    }
}

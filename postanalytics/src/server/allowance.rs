//! How the memory that is promised besides the arena is shared out.
//!
//! The arena itself is divided among stored requests, the tables of the analysis, and hits that wait for the disk ([`Arena`]).
//!
//! The promise is arena × 1.1 + 64 MB. The arena takes itself. Of the rest, the tenth of the arena and [`LARGE_FRAMES`] are
//! for frames that do not fit into the buffer of their connection; all connections share them ([`LargeFrames`]). What is
//! left, 37 MB, is for the process (about 6 MB), and for the buffers of [`MAX_CONNECTIONS`] connections, each filled by a
//! peer that neither finishes a frame nor takes an answer: 16 × 128 KiB + 240 × 56 KiB + 768 × 16 KiB = 28.4 MB.

use std::sync::Arc;

use iproto::frame;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Connections that may be open at a time.
pub const MAX_CONNECTIONS: usize = 1024;
/// Connections up to this number have buffers for speed: half of what a record costs is its share of reading and answering, so
/// the more come at a time, the cheaper each is. Larger ones would be mapped from the system one by one.
const FASTEST_CONNECTIONS: usize = 16;
/// Connections up to this number have buffers for most of that speed, later ones for thrift.
const FAST_CONNECTIONS: usize = 256;

/// Bytes for large frames besides a tenth of the arena. With the default arena of 1 GB, both together take the largest
/// frame that the protocol knows.
const LARGE_FRAMES: u64 = 27_000_000;
/// What memory for large frames is counted in.
const UNIT: usize = 64 * 1024;

/// The parts of the arena, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arena {
    /// For stored requests.
    pub requests: u64,
    /// For the tables of the analysis: a 16th.
    pub analysis: usize,
    /// For hits that wait for the disk: a 32nd.
    pub hits: usize,
}

impl Arena {
    /// Divides so many bytes.
    #[must_use]
    pub fn of(bytes: u64) -> Self {
        let (analysis, hits) = (bytes / 16, bytes / 32);
        Self { requests: bytes - analysis - hits, analysis: analysis as usize, hits: hits as usize }
    }
}

/// Buffers of one connection, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Buffers {
    /// Input that is read at once.
    pub input: usize,
    /// Answers that may wait for the peer to take them; one answer more may stand behind.
    pub output: usize,
}

impl Buffers {
    /// The buffers of a connection that is one of `open`.
    ///
    /// Fewer, larger reads are what a pipelining peer is served fastest with, so connections get all that the promise
    /// allows; a peer that opens hundreds of them can wait.
    #[must_use]
    pub fn when_open(open: usize) -> Self {
        if open <= FASTEST_CONNECTIONS {
            Self { input: 96 * 1024, output: 32 * 1024 }
        } else if open <= FAST_CONNECTIONS {
            Self { input: 32 * 1024, output: 24 * 1024 }
        } else {
            Self { input: 8 * 1024, output: 8 * 1024 }
        }
    }
}

/// A frame that is larger than all the memory for large frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("packet of {size} bytes, with this SLAB_ALLOC_ARENA the limit is {largest}")]
pub struct TooLarge {
    /// Bytes of the frame.
    pub size: usize,
    /// Bytes of the largest frame that fits.
    pub largest: usize,
}

/// Memory that all connections share for frames larger than their input buffers. Clones share it, too.
#[derive(Clone, Debug)]
pub struct LargeFrames {
    free: Arc<Semaphore>,
    units: usize,
}

impl LargeFrames {
    /// The memory for large frames beside an arena of so many bytes.
    #[must_use]
    pub fn beside(arena: u64) -> Self {
        // Two frames of the largest size are enough for anyone.
        let bytes = (arena / 10 + LARGE_FRAMES).min(2 * (frame::MAX_LENGTH + UNIT) as u64);
        let units = bytes as usize / UNIT;
        Self { free: Arc::new(Semaphore::new(units)), units }
    }

    /// Checks that a frame of `size` bytes fits once nobody else needs memory.
    ///
    /// # Errors
    ///
    /// [`TooLarge`] if it never will.
    pub fn check(&self, size: usize) -> Result<(), TooLarge> {
        let largest = self.units * UNIT;
        if size <= largest { Ok(()) } else { Err(TooLarge { size, largest }) }
    }

    /// Memory for a frame of `bytes`, and whether others used it and it had to be waited for. Who waits longest is next.
    pub async fn acquire(&self, bytes: usize) -> (Option<OwnedSemaphorePermit>, bool) {
        let units = bytes.div_ceil(UNIT).min(self.units) as u32;
        match Arc::clone(&self.free).try_acquire_many_owned(units) {
            Ok(permit) => (Some(permit), false),
            // The semaphore is never closed; if it were, the frame would only go uncounted.
            Err(_) => (Arc::clone(&self.free).acquire_many_owned(units).await.ok(), true),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_and_large_frames_stay_within_the_promise() {
        let buffers: usize = (1..=MAX_CONNECTIONS).map(Buffers::when_open).map(|each| each.input + each.output).sum();
        for arena in [53_687_091u64, 1 << 30, 1 << 40] {
            let large = LargeFrames::beside(arena).units * UNIT;
            let process = 6_000_000;
            assert!(((buffers + large + process) as u64) < arena / 10 + 64_000_000, "{arena}: {buffers} + {large}");
        }
    }

    #[test]
    fn a_connection_that_opens_later_has_no_larger_buffers() {
        let sizes: Vec<(usize, usize)> =
            (1..=MAX_CONNECTIONS).map(Buffers::when_open).map(|each| (each.input, each.output)).collect();
        assert!(sizes.is_sorted_by(|earlier, later| earlier.0 >= later.0 && earlier.1 >= later.1));
        // What lies beyond 120 KiB is mapped, see `Input`.
        assert!(sizes[0].0 <= 120 * 1024);
    }

    #[test]
    fn the_default_arena_takes_the_largest_frame_and_the_smallest_tells_its_limit() {
        let largest = frame::MAX_LENGTH + 9;
        assert_eq!(LargeFrames::beside(1 << 30).check(largest), Ok(()));
        let error = LargeFrames::beside(53_687_091).check(largest).unwrap_err();
        let expected = "packet of 134217737 bytes, with this SLAB_ALLOC_ARENA the limit is 32309248";
        assert_eq!(error.to_string(), expected);
    }
}

//! What a connection received and has not answered yet.

use std::io;

use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;

use super::allowance::LargeFrames;

/// Bytes of a large frame that are read at once.
const PIECE: usize = 64 * 1024;
/// Frames up to this size take memory from glibc's heap. Below its threshold of 128 KiB it stays at that threshold.
const LARGEST_IN_HEAP: usize = 120 * 1024;
/// Larger ones reserve at least this. Beyond 32 MiB glibc always maps memory, gives it back when it is freed, and does not
/// learn from that to keep more in its heap (`M_MMAP_THRESHOLD` of mallopt(3)). What is not written takes no memory.
const MAPPED: usize = 33 << 20;
/// What a mapping may take besides its bytes, where the system uses huge pages for everything.
const HUGE_PAGE: usize = 2 << 20;

/// The input buffer of a connection. Empty, it takes no memory.
#[derive(Debug)]
pub struct Input {
    bytes: Vec<u8>,
    size_at_rest: usize,
    large_frames: LargeFrames,
    /// Held while a frame is larger than the buffer at rest.
    permit: Option<OwnedSemaphorePermit>,
    /// Bytes of that frame.
    large_size: usize,
}

impl Input {
    /// A buffer of `size_at_rest` bytes, once something arrives.
    pub fn new(size_at_rest: usize, large_frames: LargeFrames) -> Self {
        Self { bytes: Vec::new(), size_at_rest, large_frames, permit: None, large_size: 0 }
    }

    /// What has arrived.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Forgets the first `count` bytes. Memory of a large frame goes back as soon as the frame does; nothing was read behind it.
    pub fn consume(&mut self, count: usize) {
        if self.permit.is_some() && count >= self.bytes.len() {
            self.bytes = Vec::new();
            self.permit = None;
        } else {
            self.bytes.drain(..count);
        }
    }

    /// Gives the memory of an empty buffer back.
    pub fn release(&mut self) {
        if self.bytes.is_empty() {
            self.bytes = Vec::new();
        }
    }

    /// Makes room for more of a frame of `size` bytes (0: not known yet). A frame that outgrows the buffer gets all that it
    /// needs at once: frames that waited for each other's memory would wait forever. Returns whether it had to wait.
    ///
    /// # Errors
    ///
    /// The system gives no memory.
    pub async fn make_room(&mut self, size: usize) -> io::Result<bool> {
        let length = self.bytes.len();
        if length < self.bytes.capacity() {
            return Ok(false);
        }
        if length < self.size_at_rest {
            self.bytes.try_reserve_exact(self.size_at_rest - length)?;
            return Ok(false);
        }
        let (reserved, counted) =
            if size <= LARGEST_IN_HEAP { (size, size) } else { (size.max(MAPPED), size + HUGE_PAGE) };
        let (permit, waited) = self.large_frames.acquire(counted).await;
        self.permit = permit;
        self.large_size = size;
        self.bytes.try_reserve_exact(reserved.saturating_sub(length))?;
        Ok(waited)
    }

    /// Takes what the socket has, as far as there is room. `Ok(0)`: the peer is done.
    ///
    /// # Errors
    ///
    /// Those of the socket, `WouldBlock` included.
    pub fn read_from(&mut self, stream: &TcpStream) -> io::Result<usize> {
        if self.permit.is_none() {
            return stream.try_read_buf(&mut self.bytes);
        }
        // The mapping is larger than the frame, but only the frame is counted: nothing behind it may be read.
        let length = self.bytes.len();
        self.bytes.resize(self.large_size.min(length + PIECE), 0);
        let outcome = stream.try_read(&mut self.bytes[length..]);
        self.bytes.truncate(length + outcome.as_ref().copied().unwrap_or(0));
        outcome
    }
}

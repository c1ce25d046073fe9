//! What a connection received and has not answered yet.

use std::io;

use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;

use super::allowance::LargeFrames;

/// The input buffer of a connection. Empty, it takes no memory.
#[derive(Debug)]
pub struct Input {
    bytes: Vec<u8>,
    size_at_rest: usize,
    large_frames: LargeFrames,
    permit: Option<OwnedSemaphorePermit>,
}

impl Input {
    /// A buffer of `size_at_rest` bytes, once something arrives.
    pub fn new(size_at_rest: usize, large_frames: LargeFrames) -> Self {
        Self { bytes: Vec::new(), size_at_rest, large_frames, permit: None }
    }

    /// What has arrived.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Forgets the first `count` bytes. Memory of a large frame goes back as soon as the frame does.
    pub fn consume(&mut self, count: usize) {
        if count == 0 {
            return;
        }
        if self.bytes.capacity() > self.size_at_rest {
            let rest = &self.bytes[count..];
            let mut bytes = Vec::with_capacity(self.size_at_rest.max(rest.len()));
            bytes.extend_from_slice(rest);
            self.bytes = bytes;
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

    /// Makes room for more of a frame of `size` bytes (0: not known yet): the buffer first, then twice what has arrived, so
    /// that memory follows the bytes that came and not the size that a peer claims. Waits while other connections use the
    /// memory for large frames.
    pub async fn make_room(&mut self, size: usize) {
        if self.bytes.len() < self.bytes.capacity() {
            return;
        }
        if self.bytes.len() < self.size_at_rest {
            self.bytes.reserve_exact(self.size_at_rest - self.bytes.len());
            return;
        }
        let target = size.min(2 * self.bytes.len()).max(self.bytes.len() + 16);
        self.large_frames.extend(&mut self.permit, target).await;
        self.bytes.reserve_exact(target - self.bytes.len());
    }

    /// Takes what the socket has, as far as there is room. `Ok(0)`: the peer is done.
    ///
    /// # Errors
    ///
    /// Those of the socket, `WouldBlock` included.
    pub fn read_from(&mut self, stream: &TcpStream) -> io::Result<usize> {
        stream.try_read_buf(&mut self.bytes)
    }
}

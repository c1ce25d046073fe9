//! From the library's streams to what the rest of the crate reads.

use std::collections::VecDeque;
use std::io::{self, Read};

use futures_util::stream::{BoxStream, StreamExt as _};
use object_store::Result;
use tokio::runtime::Handle;

/// Reads an object from front to back; the reader waits for the network. An object that ends before its time is an error.
pub(super) struct BlockingReader<B> {
    runtime: Handle,
    stream: BoxStream<'static, Result<B>>,
    chunk: VecDeque<u8>,
    left: u64,
}

impl<B: AsRef<[u8]>> BlockingReader<B> {
    pub(super) fn new(runtime: Handle, stream: BoxStream<'static, Result<B>>, size: u64) -> Self {
        Self { runtime, stream, chunk: VecDeque::new(), left: size }
    }
}

impl<B: AsRef<[u8]>> Read for BlockingReader<B> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.chunk.is_empty() {
            match self.runtime.block_on(self.stream.next()) {
                Some(chunk) => self.chunk.extend(chunk.map_err(io::Error::other)?.as_ref()),
                None if self.left > 0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                None => return Ok(0),
            }
        }
        let count = self.chunk.read(buffer)?;
        self.left = self.left.saturating_sub(count as u64);
        Ok(count)
    }
}

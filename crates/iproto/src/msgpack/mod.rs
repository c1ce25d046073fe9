//! MessagePack, as much of it as IPROTO needs: a reader that borrows from its input and a writer that appends to a buffer.

mod reader;
mod writer;

pub use reader::{DecodeError, MAX_DEPTH, Reader, Scalar};
pub use writer::{Text, Writer};

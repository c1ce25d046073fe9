//! The buffers of a request body. NGINX keeps a short body in memory and spools a long one to a file.

use super::text;
use nginx_sys::{ngx_buf_t, ngx_chain_t};
use std::ptr::NonNull;

/// How far a body was read. It points into the buffers of one request, and must not be used after it.
#[derive(Clone, Copy)]
pub struct Cursor {
    link: Option<NonNull<ngx_chain_t>>,
    offset: u64,
}

/// A part of a body.
pub enum Piece<'a> {
    /// Some bytes.
    Bytes(&'a [u8]),
    /// Nothing is left.
    End,
    /// The spooled file could not be read.
    Failed,
}

impl Cursor {
    /// The start of a body.
    ///
    /// # Safety
    ///
    /// The chain and its buffers must stay valid and unchanged as long as the cursor is used.
    #[must_use]
    pub unsafe fn new(chain: *mut ngx_chain_t) -> Self {
        Self { link: NonNull::new(chain), offset: 0 }
    }

    /// The next bytes: at most `room.len()` from a file, which go through `room`, at most as many from memory.
    pub fn next<'a>(&mut self, room: &'a mut [u8]) -> Piece<'a> {
        while let Some(link) = self.link {
            // SAFETY: `new` demands a valid chain.
            let link = unsafe { link.as_ref() };
            let Some(buffer) = NonNull::new(link.buf) else {
                self.advance(link);
                continue;
            };
            // SAFETY: as above, for its buffers.
            let buffer = unsafe { &mut *buffer.as_ptr() };
            let left = length(buffer).saturating_sub(self.offset);
            if left == 0 {
                self.advance(link);
                continue;
            }
            let wanted = usize::try_from(left).map_or(room.len(), |left| left.min(room.len()));
            let Ok(offset) = usize::try_from(self.offset) else { return Piece::Failed };
            self.offset += wanted as u64;
            if buffer.in_file() == 0 || !buffer.pos.is_null() && buffer.last > buffer.pos {
                // SAFETY: the bytes between `pos` and `last` are valid, and `offset + wanted` is at most their number.
                return Piece::Bytes(unsafe { text::slice(buffer.pos.add(offset), wanted) });
            }
            let Some(room) = room.get_mut(..wanted) else { return Piece::Failed };
            // SAFETY: a buffer in a file has an open file, and `room` is valid for writing `wanted` bytes.
            let read = unsafe {
                nginx_sys::ngx_read_file(buffer.file, room.as_mut_ptr(), wanted, buffer.file_pos + offset as i64)
            };
            return if usize::try_from(read).is_ok_and(|read| read == wanted) {
                Piece::Bytes(room)
            } else {
                Piece::Failed
            };
        }
        Piece::End
    }

    fn advance(&mut self, link: &ngx_chain_t) {
        self.link = NonNull::new(link.next);
        self.offset = 0;
    }
}

/// The length of a buffer's content in memory, or else in its file.
fn length(buffer: &ngx_buf_t) -> u64 {
    if !buffer.pos.is_null() && buffer.last > buffer.pos {
        return (buffer.last as usize - buffer.pos as usize) as u64;
    }
    if buffer.in_file() == 0 {
        return 0;
    }
    u64::try_from(buffer.file_last - buffer.file_pos).unwrap_or(0)
}

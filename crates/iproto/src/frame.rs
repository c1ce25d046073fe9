//! Frames: a length, then as many bytes, holding a header map and a body map.

use crate::msgpack::{DecodeError, Reader};

/// The largest frame that is accepted or sent: 128 MiB.
pub const MAX_LENGTH: usize = 128 * 1024 * 1024;

/// The beginning of what a peer sent is no frame; nothing after it can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// No unsigned integer stands where the length should.
    #[error("packet length: {0}")]
    Length(#[source] DecodeError),
    /// A frame of more than [`MAX_LENGTH`] bytes.
    #[error("packet of {0} bytes, the limit is {MAX_LENGTH}")]
    TooLong(u64),
}

/// What a buffer begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Split<'a> {
    /// A whole frame.
    Frame {
        /// Header and body.
        payload: &'a [u8],
        /// Bytes that the frame takes in the buffer, its length included.
        size: usize,
    },
    /// A frame that has not wholly arrived.
    Partial {
        /// Bytes that the frame will take in the buffer; `None` while even its length is incomplete.
        size: Option<usize>,
    },
}

/// Looks at the frame that `input` begins with.
///
/// Clients send the length as any unsigned form, from one byte to nine.
///
/// # Errors
///
/// [`FrameError`] if no frame begins here: the connection cannot go on.
pub fn split(input: &[u8]) -> Result<Split<'_>, FrameError> {
    let mut reader = Reader::new(input);
    let length = match reader.uint() {
        Ok(length) => length,
        Err(DecodeError::Truncated) => return Ok(Split::Partial { size: None }),
        Err(error) => return Err(FrameError::Length(error)),
    };
    let prefix = input.len() - reader.rest().len();
    let length =
        usize::try_from(length).ok().filter(|length| *length <= MAX_LENGTH).ok_or(FrameError::TooLong(length))?;
    let size = prefix + length;
    Ok(match reader.rest().get(..length) {
        Some(payload) => Split::Frame { payload, size },
        None => Split::Partial { size: Some(size) },
    })
}

/// Appends a frame to `out` whose payload `write` appends. The length takes its five-byte form, as Tarantool sends it.
pub(crate) fn write(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    const PREFIX: usize = 5;
    let start = out.len();
    out.extend_from_slice(&[0xce, 0, 0, 0, 0]);
    write(out);
    // Frames beyond 4 GiB are never built: requests and responses hold at most one record, and that came in a frame.
    let length = (out.len() - start - PREFIX) as u32;
    out[start + 1..start + PREFIX].copy_from_slice(&length.to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_may_take_any_unsigned_form() {
        for prefix in [&[2][..], &[0xcc, 2], &[0xcd, 0, 2], &[0xce, 0, 0, 0, 2], &[0xcf, 0, 0, 0, 0, 0, 0, 0, 2]] {
            let input = [prefix, &[0x80, 0x80, 0xff]].concat();
            let size = prefix.len() + 2;
            assert_eq!(split(&input), Ok(Split::Frame { payload: &[0x80, 0x80], size }));
            assert_eq!(split(&input[..size - 1]), Ok(Split::Partial { size: Some(size) }));
            assert_eq!(split(&input[..prefix.len() - 1]), Ok(Split::Partial { size: None }));
        }
    }

    #[test]
    fn a_frame_of_128_mib_may_come_and_a_byte_more_may_not() {
        assert_eq!(split(&[0xce, 8, 0, 0, 0]), Ok(Split::Partial { size: Some(MAX_LENGTH + 5) }));
        assert_eq!(split(&[0xce, 8, 0, 0, 1]), Err(FrameError::TooLong(MAX_LENGTH as u64 + 1)));
        assert_eq!(split(&[0xcf, 255, 255, 255, 255, 255, 255, 255, 255]), Err(FrameError::TooLong(u64::MAX)));
    }

    #[test]
    fn text_is_no_frame() {
        assert!(matches!(split(b"\xa5hello"), Err(FrameError::Length(_))));
    }
}

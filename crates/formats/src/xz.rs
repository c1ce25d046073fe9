//! Unpacking xz in bounded memory: a file names the size of its dictionary itself, up to 4 GiB.

use std::io::{self, Read, Write};

use liblzma::stream::{CONCATENATED, Stream};
use liblzma::{read, write};

/// Most memory that unpacking may take. `xz -9` asks for 65 MiB.
const MEMORY_MAX: u64 = 256 << 20;

/// Unpacks the one stream that `from` holds, as dpkg and apt do.
///
/// # Errors
/// When the decoder cannot be set up. Reading fails when the stream asks for more than 256 MiB of memory.
pub fn reader<R: Read>(from: R) -> io::Result<read::XzDecoder<R>> {
    Ok(read::XzDecoder::new_stream(from, Stream::new_stream_decoder(MEMORY_MAX, 0)?))
}

/// Unpacks what is written into it, one stream or several as rpm does, and writes that to `to`.
pub(crate) fn writer<W: Write>(to: W) -> io::Result<write::XzDecoder<W>> {
    Ok(write::XzDecoder::new_stream(to, Stream::new_stream_decoder(MEMORY_MAX, CONCATENATED)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// xz whose block header asks for a dictionary of 2 GiB. Layout: stream header 12 bytes, then the block's: size, flags,
    /// filter 0x21 with one byte of properties, three bytes of padding, CRC32.
    fn huge_dictionary() -> Vec<u8> {
        let mut encoder = write::XzEncoder::new(Vec::new(), 0);
        encoder.write_all(&[0; 1024]).unwrap();
        let mut bytes = encoder.finish().unwrap();
        assert_eq!(bytes[12..16], [2, 0, 0x21, 1]);
        bytes[16] = 38;
        let mut crc = flate2::Crc::new();
        crc.update(&bytes[12..20]);
        bytes[20..24].copy_from_slice(&crc.sum().to_le_bytes());
        bytes
    }

    #[test]
    fn xz_that_asks_for_gigabytes_of_memory_is_refused() {
        let bytes = huge_dictionary();
        let read = reader(bytes.as_slice()).unwrap().read_to_end(&mut Vec::new());
        assert_eq!(read.unwrap_err().to_string(), "memory limit reached");
        let written = writer(Vec::new()).unwrap().write_all(&bytes);
        assert_eq!(written.unwrap_err().to_string(), "memory limit reached");
    }
}

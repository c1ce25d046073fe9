//! xz: one stream of several blocks, each compressed on its own.
//!
//! Format: <https://tukaani.org/xz/xz-file-format.txt>. Several streams in a row would be simpler, but apt reads the first
//! alone. liblzma compresses; what is done here is to take blocks out of the streams that it makes and to write the
//! header, index and footer (§2.1, §4) of the stream that holds them all.

use std::io::{self, Write};

use flate2::Crc;
use liblzma::stream::{Check, Filters, LzmaOptions, Stream};
use liblzma::write::XzEncoder;

/// xz's own default.
const PRESET: u32 = 6;

/// Bytes of the dictionary. Hardly a piece is longer (see [`super::pieces`]), so a larger one would only cost memory, and the time to clear it.
const DICTIONARY: u32 = 512 << 10;

/// §2.1.1.1.
const MAGIC: [u8; 6] = [0xfd, b'7', b'z', b'X', b'Z', 0];

/// §2.1.2.4.
const FOOTER_MAGIC: [u8; 2] = *b"YZ";

/// §2.1.1.2: the check of each block is a CRC64.
const FLAGS: [u8; 2] = [0, 4];

/// Bytes of the stream's header, and of its footer.
const EDGE: usize = 12;

/// A compressed block, and what the index has to say of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Block {
    /// The block as it stands in the file, with its padding.
    pub(crate) bytes: Vec<u8>,
    /// §4.3: its bytes without padding.
    pub(crate) unpadded: u64,
    /// Bytes that it unpacks to.
    pub(crate) unpacked: u64,
}

impl Block {
    /// Compresses some bytes. No bytes are no block.
    pub(crate) fn compress(text: &[u8]) -> io::Result<Self> {
        if text.is_empty() {
            return Ok(Self { bytes: Vec::new(), unpadded: 0, unpacked: 0 });
        }
        let mut options = LzmaOptions::new_preset(PRESET)?;
        options.dict_size(DICTIONARY);
        let mut filters = Filters::new();
        filters.lzma2(&options);
        let stream = Stream::new_stream_encoder(&filters, Check::Crc64)?;
        let mut encoder = XzEncoder::new_stream(Vec::new(), stream);
        encoder.write_all(text)?;
        Self::take_out(encoder.finish()?).ok_or_else(|| io::Error::other("liblzma made something else than one block"))
    }

    /// The only block of a stream.
    fn take_out(mut stream: Vec<u8>) -> Option<Self> {
        let footer = stream.len().checked_sub(EDGE)?;
        // §2.1.2.2: the size of the index in words, less one, behind the footer's checksum.
        let words = u32::from_le_bytes(*stream.get(footer + 4..)?.first_chunk()?);
        let index = footer.checked_sub((usize::try_from(words).ok()? + 1) * 4)?;
        let mut fields = stream.get(index..footer)?;
        let indicator = fields.split_off_first()?;
        let (count, unpadded, unpacked) = (number(&mut fields)?, number(&mut fields)?, number(&mut fields)?);
        let found = stream.get(..EDGE)?;
        if *indicator != 0 || count != 1 || found != header() {
            return None;
        }
        stream.truncate(index);
        stream.drain(..EDGE);
        Some(Self { bytes: stream, unpadded, unpacked })
    }
}

/// What stands before the blocks.
pub(crate) fn header() -> [u8; EDGE] {
    let mut header = [0; EDGE];
    let (magic, rest) = header.split_at_mut(MAGIC.len());
    magic.copy_from_slice(&MAGIC);
    let (flags, sum) = rest.split_at_mut(FLAGS.len());
    flags.copy_from_slice(&FLAGS);
    sum.copy_from_slice(&crc(&FLAGS));
    header
}

/// What stands behind the blocks: the index of their sizes, and the footer.
pub(crate) fn trailer(blocks: &[(u64, u64)]) -> Vec<u8> {
    let mut index = vec![0];
    put_number(&mut index, blocks.len() as u64);
    for (unpadded, unpacked) in blocks {
        put_number(&mut index, *unpadded);
        put_number(&mut index, *unpacked);
    }
    index.resize(index.len().next_multiple_of(4), 0);
    let sum = crc(&index);
    index.extend_from_slice(&sum);
    let words = u32::try_from(index.len() / 4 - 1).unwrap_or(u32::MAX);
    let mut fields = words.to_le_bytes().to_vec();
    fields.extend_from_slice(&FLAGS);
    index.extend_from_slice(&crc(&fields));
    index.extend_from_slice(&fields);
    index.extend_from_slice(&FOOTER_MAGIC);
    index
}

fn crc(bytes: &[u8]) -> [u8; 4] {
    let mut crc = Crc::new();
    crc.update(bytes);
    crc.sum().to_le_bytes()
}

/// §1.2: seven bits a byte, the lowest first.
fn put_number(to: &mut Vec<u8>, mut number: u64) {
    loop {
        let byte = number.to_le_bytes()[0] & 0x7f;
        number >>= 7;
        if number == 0 {
            return to.push(byte);
        }
        to.push(byte | 0x80);
    }
}

fn number(from: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..63).step_by(7) {
        let byte = from.split_off_first()?;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use proptest::prelude::*;

    use super::*;

    fn stream(pieces: &[Vec<u8>]) -> Vec<u8> {
        let blocks: Vec<Block> = pieces.iter().map(|piece| Block::compress(piece).unwrap()).collect();
        let mut bytes = header().to_vec();
        blocks.iter().for_each(|block| bytes.extend_from_slice(&block.bytes));
        bytes.extend(trailer(&blocks.iter().map(|block| (block.unpadded, block.unpacked)).collect::<Vec<_>>()));
        bytes
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn blocks_make_one_stream(pieces in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..3000), 0..5)) {
            // The reader stops behind the first stream, as apt's does.
            let mut unpacked = Vec::new();
            formats::xz::reader(stream(&pieces).as_slice()).unwrap().read_to_end(&mut unpacked).unwrap();
            prop_assert_eq!(unpacked, pieces.concat());
        }

        #[test]
        fn numbers_are_read_as_written(value in 0_u64..1 << 63) {
            let mut bytes = Vec::new();
            put_number(&mut bytes, value);
            prop_assert_eq!(number(&mut bytes.as_slice()), Some(value));
        }
    }

    #[test]
    fn the_first_block_knows_its_sizes() {
        let block = Block::compress(&[b'x'; 5000]).unwrap();
        assert_eq!(block.unpacked, 5000);
        assert_eq!(block.unpadded.next_multiple_of(4), block.bytes.len() as u64);
    }
}

//! gzip (RFC 1952) in blocks of one size: one member, whose deflate stream is cut where a decoder does not notice.

use std::io::{self, Write};
use std::sync::atomic::{AtomicUsize, Ordering};

use flate2::{Compress, Compression, Crc, FlushCompress, Status};

/// Level 9 takes twice the time to make a 20 MB binary 3 % smaller.
pub const LEVEL: u32 = 6;
/// Small enough that many processors share a package evenly.
const BLOCK: usize = 1 << 20;
/// How far back deflate can refer; each block begins with what the one before ended with.
const WINDOW: usize = 32 << 10;
/// Deflate, no flags, no time, no hint, made by an unknown system: as `gzip -n`, without telling the system.
const HEAD: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
/// Room for what deflate adds to a block that does not compress, and for the mark at its end.
const OVERHEAD: usize = 4096;

/// Collects what is written, and compresses it at the end.
pub struct BlockGzip {
    content: Vec<u8>,
    threads: usize,
}

/// A block, compressed, and the check sum of what it holds.
type Packed = (Vec<u8>, Crc);

impl BlockGzip {
    /// For this many threads, which make no difference to the bytes.
    pub const fn new(threads: usize) -> Self {
        Self { content: Vec::new(), threads }
    }

    /// The compressed bytes.
    pub fn finish(self) -> io::Result<Vec<u8>> {
        let content = self.content.as_slice();
        // Nothing is one empty block.
        let count = content.len().div_ceil(BLOCK).max(1);
        let mut packed = HEAD.to_vec();
        let mut sum = Crc::new();
        for (block, crc) in pack_all(content, count, self.threads)? {
            packed.extend(block);
            sum.combine(&crc);
        }
        packed.extend(sum.sum().to_le_bytes());
        packed.extend(sum.amount().to_le_bytes());
        Ok(packed)
    }
}

impl Write for BlockGzip {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.content.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Every block in order. Threads take the next block when they are done with one.
fn pack_all(content: &[u8], count: usize, threads: usize) -> io::Result<Vec<Packed>> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= count {
                return Ok(done);
            }
            done.push((number, pack(content, number, number + 1 == count)?));
        }
    };
    let results: Vec<io::Result<Vec<(usize, Packed)>>> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads.clamp(1, count)).map(|_| scope.spawn(work)).collect();
        let joined = workers.into_iter().map(std::thread::ScopedJoinHandle::join);
        joined.map(|result| result.unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
    });
    let mut all = Vec::with_capacity(count);
    for result in results {
        all.extend(result?);
    }
    all.sort_by_key(|(number, _)| *number);
    Ok(all.into_iter().map(|(_, packed)| packed).collect())
}

/// One block. All but the last end on a byte with an empty stored block, so that the next one can follow.
fn pack(content: &[u8], number: usize, last: bool) -> io::Result<Packed> {
    let begin = number * BLOCK;
    let block = &content[begin..content.len().min(begin + BLOCK)];
    let mut deflate = Compress::new(Compression::new(LEVEL), false);
    if begin > 0 {
        deflate.set_dictionary(&content[begin - WINDOW..begin])?;
    }
    let mut packed = Vec::with_capacity(block.len() + OVERHEAD);
    let flush = if last { FlushCompress::Finish } else { FlushCompress::Sync };
    loop {
        let rest = &block[usize::try_from(deflate.total_in()).unwrap_or(usize::MAX)..];
        let status = deflate.compress_vec(rest, &mut packed, flush)?;
        let has_room = packed.len() < packed.capacity();
        match status {
            Status::StreamEnd => break,
            // A flush is complete when there was room for more.
            Status::Ok if !last && has_room && deflate.total_in() == block.len() as u64 => break,
            Status::BufError if !last && has_room => break,
            Status::Ok | Status::BufError => packed.reserve(OVERHEAD),
        }
    }
    let mut crc = Crc::new();
    crc.update(block);
    Ok((packed, crc))
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use flate2::read::GzDecoder;

    use super::*;

    fn packed(content: &[u8], threads: usize) -> Vec<u8> {
        let mut gzip = BlockGzip::new(threads);
        gzip.write_all(content).unwrap();
        gzip.finish().unwrap()
    }

    /// Reads one member, as a reader does that knows of no second one.
    fn unpacked(bytes: &[u8]) -> Vec<u8> {
        let mut content = Vec::new();
        GzDecoder::new(bytes).read_to_end(&mut content).unwrap();
        content
    }

    #[test]
    fn the_number_of_processors_does_not_change_the_bytes() {
        let text = super::super::several_blocks();
        assert!(text.len() > 2 * BLOCK);
        assert_eq!(packed(&text, 1), packed(&text, 3));
        assert_eq!(unpacked(&packed(&text, 3)), text);
    }

    #[test]
    fn whole_blocks_nothing_and_noise_come_back() {
        let noise: Vec<u8> = (0..3 * BLOCK as u32 / 4)
            .flat_map(|n| n.wrapping_mul(2_654_435_761).rotate_left(n % 31).to_le_bytes())
            .collect();
        for content in [
            &[][..],
            b"x",
            &noise[..WINDOW],
            &noise[..BLOCK - 1],
            &noise[..BLOCK],
            &noise[..2 * BLOCK],
            &noise[..=BLOCK],
            &noise,
        ] {
            assert_eq!(unpacked(&packed(content, 2)), content);
        }
    }

    #[test]
    fn blocks_cost_less_than_half_a_percent() {
        let text = super::super::several_blocks();
        let mut whole = flate2::write::GzEncoder::new(Vec::new(), Compression::new(LEVEL));
        whole.write_all(&text).unwrap();
        let (whole, blocks) = (whole.finish().unwrap().len(), packed(&text, 2).len());
        assert!(blocks <= whole + whole / 200, "{blocks} bytes in blocks, {whole} as a whole");
    }
}

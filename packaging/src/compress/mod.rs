//! Compression of what packages hold: blocks side by side on all processors, and the same bytes from any number of them.

mod gzip;
mod xz;

use std::io::{self, Write};

use liblzma::write::XzEncoder;

use self::gzip::BlockGzip;
use crate::distro::Compression;
use crate::model::Package;
use crate::names::PackageArch;

/// The name by which members of a deb end.
pub const fn extension(compression: Compression) -> &'static str {
    match compression {
        Compression::Xz => "xz",
        Compression::Gzip => "gz",
    }
}

/// What is compressed: how much work it is worth, and with which filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Material {
    /// What everybody installs. Machine code of amd64 gets a filter of its own.
    For(PackageArch),
    /// Debugging symbols: the larger part of what is built, and fetched by few.
    Symbols,
}

impl Material {
    /// What a package holds.
    pub const fn of(package: &Package) -> Self {
        if package.build_ids.is_empty() { Self::For(package.arch) } else { Self::Symbols }
    }
}

/// How much work is put into it, as rpm's headers tell it.
pub const fn level(compression: Compression, material: Material) -> u32 {
    match compression {
        Compression::Xz => xz::level(material),
        Compression::Gzip => gzip::LEVEL,
    }
}

/// Compresses what is written to it.
pub enum Compressor {
    /// As xz does.
    Xz(Box<XzEncoder<Vec<u8>>>),
    /// As gzip does, without name and time.
    Gzip(BlockGzip),
}

impl Compressor {
    /// Starts with nothing written.
    pub fn new(compression: Compression, material: Material) -> io::Result<Self> {
        Ok(match compression {
            Compression::Xz => Self::Xz(Box::new(XzEncoder::new_stream(Vec::new(), xz::stream(material, threads())?))),
            Compression::Gzip => Self::Gzip(BlockGzip::new(threads())),
        })
    }

    /// The compressed bytes.
    pub fn finish(self) -> io::Result<Vec<u8>> {
        match self {
            Self::Xz(encoder) => encoder.finish(),
            Self::Gzip(encoder) => encoder.finish(),
        }
    }
}

impl Write for Compressor {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Xz(encoder) => encoder.write(bytes),
            Self::Gzip(encoder) => encoder.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        // A flush in the middle would end a block early and change the output; `finish` writes everything.
        Ok(())
    }
}

/// Each thread of xz takes about 80 MB.
const THREADS_MAX: usize = 8;

fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, |threads| threads.get().min(THREADS_MAX))
}

/// More than one block of something that is neither constant nor noise.
#[cfg(test)]
fn several_blocks() -> Vec<u8> {
    (0..700_000_u32).flat_map(|n| (n ^ (n >> 3)).to_le_bytes().into_iter().chain(*b" \xe8\0\0")).collect()
}

//! The payload: a cpio archive of what is installed, compressed, and what the main header says of it.
//!
//! The `rpm` crate would compress in one thread and hash everything with three algorithms more than rpm 4 asks for. So it is given no content, lays out the
//! header, and what depends on content is put into it here.

use std::io::{self, Write};

use formats::cpio;
use formats::rpm_header::{Header, HeaderBuilder, Tag};
use sha2::{Digest as _, Sha256};

use super::Error;
use crate::compress::{self, Compressor, Material};
use crate::distro::Compression;
use crate::model::{EntryKind, Package};
use crate::names::InstallPath;

/// OpenPGP's number of SHA-256.
const SHA256_ALGORITHM: u32 = 8;
/// The bits of a mode that tell the type, and their value for a regular file.
const TYPE_BITS: u16 = 0o170_000;
const REGULAR: u16 = 0o100_000;

/// A payload, compressed.
pub struct Payload {
    /// As it stands in the file.
    pub bytes: Vec<u8>,
    /// Length of the archive before compression, trailer included.
    pub unpacked: u64,
    compression: Compression,
    material: Material,
    /// SHA-256 before compression.
    plain_digest: String,
    /// For each file of the header, in its order.
    files: Vec<File>,
}

/// What the header says of one file.
struct File {
    path: String,
    inode: u32,
    mode: u16,
    mtime: u32,
    size: u32,
    /// SHA-256 of a regular file, otherwise empty.
    digest: String,
}

/// Reads every file once: hashes it, packs it, compresses.
pub fn pack(package: &Package, header: &Header) -> Result<Payload, Error> {
    let (compression, material) = (package.compression, Material::of(package));
    let failed = |source| Error::Compress { package: package.name.to_string(), source };
    let compressor = Compressor::new(compression, material).map_err(failed)?;
    let mut archive = cpio::Writer::new(Hashed { inner: compressor, sha256: Sha256::new() });
    let mut files = files(header).map_err(|source| Error::Laid { package: package.name.to_string(), source })?;
    for file in &mut files {
        let content = content(package, &file.path)?;
        let entry = cpio::Entry {
            name: format!(".{}", file.path),
            inode: file.inode,
            mode: file.mode.into(),
            mtime: file.mtime,
            size: 0,
        };
        archive.append(&entry, &content).map_err(|source| Error::Payload { path: file.path.clone(), source })?;
        if file.mode & TYPE_BITS == REGULAR {
            file.digest = format!("{:x}", Sha256::digest(&content));
            // The archive has refused what does not fit.
            file.size = u32::try_from(content.len()).unwrap_or(u32::MAX);
        }
    }
    let end = |source| Error::Payload { path: "its end".to_owned(), source };
    let (Hashed { inner, sha256 }, unpacked) = archive.finish().map_err(end)?;
    let plain_digest = format!("{:x}", sha256.finalize());
    Ok(Payload { bytes: inner.finish().map_err(failed)?, unpacked, compression, material, plain_digest, files })
}

impl Payload {
    /// Puts into a header what depends on content.
    pub fn describe(&self, header: &mut HeaderBuilder) -> Result<(), formats::rpm_header::Error> {
        let sizes: Vec<u32> = self.files.iter().map(|file| file.size).collect();
        let digests: Vec<&str> = self.files.iter().map(|file| file.digest.as_str()).collect();
        let total = sizes.iter().map(|size| u64::from(*size)).sum::<u64>();
        header.u32s(Tag::FILE_SIZES, &sizes).strings(Tag::FILE_DIGESTS, &digests)?;
        match u32::try_from(total) {
            Ok(total) => header.u32s(Tag::SIZE, &[total]),
            Err(_) => header.remove(Tag::SIZE).u64s(Tag::LONG_SIZE, &[total]),
        };
        let compressor = match self.compression {
            Compression::Gzip => "gzip",
            Compression::Xz => "xz",
        };
        header
            .string(Tag::PAYLOAD_COMPRESSOR, compressor)?
            .string(Tag::PAYLOAD_FLAGS, &compress::level(self.compression, self.material).to_string())?
            .strings(Tag::PAYLOAD_DIGEST, &[&format!("{:x}", Sha256::digest(&self.bytes))])?
            .strings(Tag::PAYLOAD_DIGEST_ALT, &[&self.plain_digest])?
            .u32s(Tag::PAYLOAD_DIGEST_ALGO, &[SHA256_ALGORITHM]);
        Ok(())
    }
}

/// What the header lists, in its order.
fn files(header: &Header) -> Result<Vec<File>, formats::rpm_header::Error> {
    let (names, folders) = (header.strings(Tag::BASE_NAMES)?, header.strings(Tag::DIR_NAMES)?);
    let (indexes, modes) = (header.u32s(Tag::DIR_INDEXES)?, header.u16s(Tag::FILE_MODES)?);
    let (inodes, times) = (header.u32s(Tag::FILE_INODES)?, header.u32s(Tag::FILE_MTIMES)?);
    let sizes = header.u32s(Tag::FILE_SIZES)?;
    let number = |values: &[u32], at: usize| values.get(at).copied().unwrap_or_default();
    let file = |(at, name): (usize, &&str)| {
        let folder = folders.get(number(&indexes, at) as usize).copied().unwrap_or_default();
        File {
            path: format!("{folder}{name}"),
            inode: number(&inodes, at),
            mode: modes.get(at).copied().unwrap_or_default(),
            mtime: number(&times, at),
            size: number(&sizes, at),
            digest: String::new(),
        }
    };
    Ok(names.iter().enumerate().map(file).collect())
}

/// The bytes that stand for `path` in the archive: a file's content, a link's target. Folders that the writer has added have none.
fn content(package: &Package, path: &str) -> Result<Vec<u8>, Error> {
    let Ok(path) = path.parse::<InstallPath>() else { return Ok(Vec::new()) };
    match package.contents.get(&path).map(|entry| &entry.kind) {
        Some(EntryKind::File(content)) => content.read().map_err(|source| Error::Content { path, source }),
        Some(EntryKind::Symlink(target)) => Ok(target.as_bytes().to_vec()),
        Some(EntryKind::Directory) | None => Ok(Vec::new()),
    }
}

/// Hashes what it passes on.
struct Hashed<W> {
    inner: W,
    sha256: Sha256,
}

impl<W: Write> Write for Hashed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.sha256.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

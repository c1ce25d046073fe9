//! One rpm as the indexes see it.

use std::io::BufReader;
use std::ops::Range;
use std::path::Path;
use std::time::SystemTime;

use formats::rpm_header::{Error as RpmError, Header, Rpm, Tag, verify_signed_digests};
use signing::Keyring;

use crate::digest::HashingReader;
use crate::{Checksum, Error, pool};

/// A package that was read from a file.
#[derive(Debug, Clone)]
pub(crate) struct YumPackage {
    /// `<name>-<version>-<release>.<arch>.rpm`.
    pub(crate) file_name: String,
    pub(crate) name: String,
    pub(crate) epoch: u32,
    pub(crate) version: String,
    pub(crate) release: String,
    pub(crate) architecture: String,
    /// The main header.
    pub(crate) header: Header,
    /// Size of the uncompressed payload in bytes.
    pub(crate) archive_size: u64,
    /// Where the main header lies in the file.
    pub(crate) header_range: Range<u64>,
    /// Of the whole file.
    pub(crate) checksum: Checksum,
}

impl YumPackage {
    /// Reads a package in one pass, with the digests that its header vouches for, and its signature by one of the repository's
    /// keys.
    pub(crate) fn read(path: &Path, keys: &Keyring, now: SystemTime) -> Result<Self, Error> {
        let file = BufReader::with_capacity(1 << 16, pool::open_regular(path)?);
        let mut reader = HashingReader::sha256(file);
        let wrong = |source| Error::Rpm { path: path.to_owned(), source };
        let rpm = verify_signed_digests(&mut reader).map_err(wrong)?;
        let checksum = reader.finish().map_err(Error::io("read", path))?;
        let Some(signature) = rpm.signature.bin(Tag::SIG_RSA).map_err(wrong)? else {
            return Err(Error::Unsigned { path: path.to_owned() });
        };
        keys.verify_detached(rpm.header.as_bytes(), signature, now)
            .map_err(|source| Error::Signature { path: path.to_owned(), source })?;
        Self::from_rpm(path, rpm, checksum)
    }

    /// Takes over what the headers of a package say.
    pub(crate) fn from_rpm(path: &Path, rpm: Rpm, checksum: Checksum) -> Result<Self, Error> {
        let wrong = |source| Error::Rpm { path: path.to_owned(), source };
        let text = |tag, field| {
            let value = rpm.header.string(tag).map_err(wrong)?;
            value.map(str::to_owned).ok_or_else(|| Error::Field { path: path.to_owned(), field })
        };
        Ok(Self {
            file_name: file_name_of(&rpm.header)
                .map_err(wrong)?
                .ok_or_else(|| Error::Field { path: path.to_owned(), field: "name, version, release or arch" })?,
            name: text(Tag::NAME, "name")?,
            epoch: rpm.header.u32(Tag::EPOCH).map_err(wrong)?.unwrap_or(0),
            version: text(Tag::VERSION, "version")?,
            release: text(Tag::RELEASE, "release")?,
            architecture: text(Tag::ARCH, "arch")?,
            archive_size: archive_size(&rpm).map_err(wrong)?,
            header_range: rpm.header_range(),
            header: rpm.header,
            checksum,
        })
    }

    /// A text of the header, empty when it is absent: indexes make no difference.
    pub(crate) fn text(&self, tag: Tag) -> &str {
        self.header.string(tag).ok().flatten().unwrap_or_default()
    }

    /// Texts of the header.
    pub(crate) fn texts(&self, tag: Tag) -> Vec<&str> {
        self.header.strings(tag).unwrap_or_default()
    }

    /// A number of the header, zero when it is absent.
    pub(crate) fn number(&self, tag: Tag) -> u32 {
        self.header.u32(tag).ok().flatten().unwrap_or(0)
    }

    /// Every path of the package with its type as `filelists.xml` names it.
    pub(crate) fn files(&self) -> Vec<(String, FileKind)> {
        let folders = self.texts(Tag::DIR_NAMES);
        let indexes = self.header.u32s(Tag::DIR_INDEXES).unwrap_or_default();
        let modes = self.header.u16s(Tag::FILE_MODES).unwrap_or_default();
        let flags = self.header.u32s(Tag::FILE_FLAGS).unwrap_or_default();
        let names = self.texts(Tag::BASE_NAMES);
        let of = |index: usize| {
            let folder = *folders.get(usize::try_from(*indexes.get(index)?).ok()?)?;
            let kind = FileKind::of(*modes.get(index)?, *flags.get(index)?);
            Some((format!("{folder}{}", names.get(index)?), kind))
        };
        (0..names.len()).filter_map(of).collect()
    }
}

/// rpm 4 says it in the signature header, older ones in the main header.
fn archive_size(rpm: &Rpm) -> Result<u64, RpmError> {
    let size = match rpm.signature.u32(Tag::SIG_PAYLOAD_SIZE)? {
        Some(size) => Some(size),
        None => rpm.header.u32(Tag::ARCHIVE_SIZE)?,
    };
    Ok(u64::from(size.unwrap_or(0)))
}

/// How `filelists.xml` tells files apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FileKind {
    File,
    Folder,
    Ghost,
}

impl FileKind {
    fn of(mode: u16, flags: u32) -> Self {
        const FORMAT: u16 = 0o170_000;
        const FOLDER: u16 = 0o040_000;
        const GHOST: u32 = 1 << 6;
        match (mode & FORMAT, flags & GHOST) {
            (FOLDER, _) => Self::Folder,
            (_, 0) => Self::File,
            _ => Self::Ghost,
        }
    }
}

/// The file name that a header asks for; `None` when a part of it is missing.
pub(crate) fn file_name_of(header: &Header) -> Result<Option<String>, RpmError> {
    let parts = (header.string(Tag::NAME)?, header.string(Tag::VERSION)?, header.string(Tag::RELEASE)?);
    let (Some(name), Some(version), Some(release)) = parts else { return Ok(None) };
    Ok(header.string(Tag::ARCH)?.map(|arch| format!("{name}-{version}-{release}.{arch}.rpm")))
}

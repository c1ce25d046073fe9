//! The files of an archive within a package, one after the other.
//!
//! `tar` would read the names of GNU and pax extensions into memory whatever their size; a few kilobytes of xz can hold
//! gigabytes of them. So its entries are taken raw, and long names are read here, within bounds.

use std::borrow::Cow;
use std::io::{self, Read};

use flate2::read::GzDecoder;
use tar::EntryType;

use super::Error;
use crate::xz;

/// The longest name of a file; Linux opens no longer one (`PATH_MAX`).
const NAME_MAX: u64 = 4096;

/// An entry of an archive that is no folder.
pub(super) struct File {
    /// Its name as the archive has it.
    pub(super) name: Vec<u8>,
    /// Whether it has content, as opposed to links, devices and the like.
    pub(super) is_regular: bool,
}

impl File {
    /// Its path without `./`, as `md5sums` has it.
    pub(super) fn path(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(self.name.strip_prefix(b"./").unwrap_or(&self.name))
    }
}

/// Unpacks the member `name` and shows everything but folders to `visit`. `most` bounds the bytes that it may unpack to.
pub(super) fn for_each_file<R: Read>(
    name: &str,
    member: R,
    most: u64,
    mut visit: impl FnMut(File, &mut dyn Read) -> io::Result<()>,
) -> Result<(), Error> {
    let corrupt = |source| Error::Tar { member: name.to_owned(), source };
    let mut unpacked = unpack(name, member)?.take(most);
    walk(&mut unpacked, &mut visit).map_err(corrupt)?;
    // Up to the end of the compressed stream: its checksum stands there.
    io::copy(&mut unpacked, &mut io::sink()).map_err(corrupt)?;
    if unpacked.limit() == 0 {
        return Err(corrupt(io::Error::other(format!("unpacks to more than {} MiB", most >> 20))));
    }
    Ok(())
}

fn unpack<'a, R: Read + 'a>(name: &str, member: R) -> Result<Box<dyn Read + 'a>, Error> {
    Ok(match name.rsplit_once(".tar").map(|(_, suffix)| suffix) {
        Some("") => Box::new(member),
        Some(".gz") => Box::new(GzDecoder::new(member)),
        Some(".xz") => Box::new(xz::reader(member).map_err(|source| Error::Tar { member: name.to_owned(), source })?),
        _ => return Err(Error::Compression { member: name.to_owned() }),
    })
}

fn walk(from: &mut dyn Read, visit: &mut dyn FnMut(File, &mut dyn Read) -> io::Result<()>) -> io::Result<()> {
    let mut archive = tar::Archive::new(from);
    let mut long_name = None;
    for entry in archive.entries()?.raw(true) {
        let mut entry = entry?;
        match entry.header().entry_type() {
            EntryType::GNULongName => long_name = Some(read_name(&mut entry)?),
            // The target of a link: of no interest, and skipped unread.
            EntryType::GNULongLink => {}
            EntryType::XHeader | EntryType::XGlobalHeader => {
                return Err(io::Error::other("has a pax header, which dpkg does not read"));
            }
            kind => {
                let name = long_name.take().unwrap_or_else(|| entry.path_bytes().into_owned());
                // Archives older than the type of folders mark them by a slash.
                if !kind.is_dir() && !name.ends_with(b"/") {
                    visit(File { name, is_regular: kind.is_file() }, &mut entry)?;
                }
            }
        }
    }
    Ok(())
}

/// A name that did not fit a header; a zero byte ends it.
fn read_name(entry: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut name = Vec::new();
    entry.take(NAME_MAX + 1).read_to_end(&mut name)?;
    if name.len() as u64 > NAME_MAX {
        return Err(io::Error::other(format!("a file's name has more than {NAME_MAX} bytes")));
    }
    if let Some(end) = name.iter().position(|byte| *byte == 0) {
        name.truncate(end);
    }
    Ok(name)
}

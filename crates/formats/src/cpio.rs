//! cpio archives of the kind that rpm packs: SVR4 "newc" (cpio(5)), all numbers in eight hexadecimal digits.
//!
//! rpm's own dialect for files beyond 4 GiB, whose headers hold a number of the rpm header instead of a name, is not spoken.

use std::io::{self, Read, Write};

/// What an entry begins with.
const MAGIC: &[u8; 6] = b"070701";
/// Length of an entry's header, before its name.
const HEADER_LEN: usize = 110;
/// Everything is aligned to this.
const ALIGNMENT: u64 = 4;
/// Names the entry that ends an archive.
const TRAILER: &str = "TRAILER!!!";
/// As much as Linux takes for a path, and the zero byte behind it.
const NAME_MAX: u32 = 4097;

/// Why an archive could not be read or written. Offsets count bytes from the beginning of the uncompressed archive.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Reading, decompressing or writing failed.
    #[error("cpio archive, byte {offset}: {source}")]
    Io {
        /// Where the archive stood.
        offset: u64,
        /// What the system said.
        source: io::Error,
    },
    /// An entry does not begin as one of this format does.
    #[error("cpio archive, byte {offset}: an entry's {field} is not valid")]
    Field {
        /// Beginning of the entry.
        offset: u64,
        /// The field.
        field: &'static str,
    },
    /// The archive ends before its trailer.
    #[error("cpio archive ends at byte {offset}, before its trailer: the file is truncated")]
    Truncated {
        /// Where it ended.
        offset: u64,
    },
    /// More than the format's 32 bits can tell.
    #[error("cpio entry `{name}` has {size} bytes: the format holds less than 4 GiB")]
    TooLarge {
        /// Name of the entry.
        name: String,
        /// Its size.
        size: u64,
    },
}

/// What stands before an entry's content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Path, in rpm's payloads with a leading `./`.
    pub name: String,
    /// Number of the file in the archive.
    pub inode: u32,
    /// File type and permission bits.
    pub mode: u32,
    /// Modification time, seconds since the epoch.
    pub mtime: u32,
    /// Length of the content in bytes.
    pub size: u32,
}

/// Writes an archive. All entries have one link, and user and group 0.
#[derive(Debug)]
pub struct Writer<W> {
    inner: W,
    position: u64,
}

impl<W: Write> Writer<W> {
    /// An archive without entries.
    pub const fn new(inner: W) -> Self {
        Self { inner, position: 0 }
    }

    /// Appends an entry with its content; the content's length counts, not [`Entry::size`].
    ///
    /// # Errors
    /// [`Error::TooLarge`], [`Error::Io`].
    pub fn append(&mut self, entry: &Entry, content: &[u8]) -> Result<(), Error> {
        let name = entry.name.as_str();
        let size = u32::try_from(content.len())
            .map_err(|_| Error::TooLarge { name: name.to_owned(), size: content.len() as u64 })?;
        let links = 1;
        let numbers = [entry.inode, entry.mode, 0, 0, links, entry.mtime, size, 0, 0, 0, 0];
        let mut header = MAGIC.to_vec();
        for number in numbers {
            header.extend(format!("{number:08x}").bytes());
        }
        // The last field is a checksum, which this kind of archive leaves 0.
        header.extend(format!("{:08x}{:08x}", name.len() + 1, 0).bytes());
        header.extend(name.bytes().chain([0]));
        self.put(&header)?;
        self.align()?;
        self.put(content)?;
        self.align()
    }

    /// Writes the trailer and hands the writer back, with the length of the archive.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn finish(mut self) -> Result<(W, u64), Error> {
        self.append(&Entry { name: TRAILER.to_owned(), inode: 0, mode: 0, mtime: 0, size: 0 }, &[])?;
        Ok((self.inner, self.position))
    }

    fn align(&mut self) -> Result<(), Error> {
        let pad = self.position.next_multiple_of(ALIGNMENT) - self.position;
        self.put(&[0; ALIGNMENT as usize][..pad as usize])
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.inner.write_all(bytes).map_err(|source| Error::Io { offset: self.position, source })?;
        self.position += bytes.len() as u64;
        Ok(())
    }
}

/// Walks over the entries of an archive, front to back, without seeking.
#[derive(Debug)]
pub struct Reader<R> {
    inner: R,
    position: u64,
    /// Where the current entry's content ends.
    content_end: u64,
}

impl<R: Read> Reader<R> {
    /// At the beginning of an archive.
    pub const fn new(inner: R) -> Self {
        Self { inner, position: 0, content_end: 0 }
    }

    /// The next entry, or nothing at the trailer. What was left of the entry before is skipped. Its content is read from the
    /// reader itself, up to the end of the entry.
    ///
    /// # Errors
    /// [`Error::Truncated`], [`Error::Field`], [`Error::Io`].
    pub fn next_entry(&mut self) -> Result<Option<Entry>, Error> {
        self.skip_to(self.content_end.next_multiple_of(ALIGNMENT))?;
        let begin = self.position;
        let bad = |field| Error::Field { offset: begin, field };
        let mut header = [0; HEADER_LEN];
        self.fill(&mut header)?;
        if &header[..MAGIC.len()] != MAGIC {
            return Err(bad("magic"));
        }
        let field = |number: usize, name| {
            let at = MAGIC.len() + number * 8;
            hexadecimal(&header[at..at + 8]).ok_or_else(|| bad(name))
        };
        let name_len = field(11, "length of the name")?;
        if !(1..=NAME_MAX).contains(&name_len) {
            return Err(bad("length of the name"));
        }
        let mut name = vec![0; name_len as usize];
        self.fill(&mut name)?;
        if name.pop() != Some(0) || name.contains(&0) {
            return Err(bad("name"));
        }
        let name = String::from_utf8(name).map_err(|_| bad("name"))?;
        self.skip_to(self.position.next_multiple_of(ALIGNMENT))?;
        let size = field(6, "size")?;
        self.content_end = self.position + u64::from(size);
        if name == TRAILER {
            return Ok(None);
        }
        let (inode, mode, mtime) = (field(0, "inode")?, field(1, "mode")?, field(5, "time")?);
        Ok(Some(Entry { name, inode, mode, mtime, size }))
    }

    fn skip_to(&mut self, position: u64) -> Result<(), Error> {
        let left = position - self.position;
        let skipped = io::copy(&mut self.inner.by_ref().take(left), &mut io::sink())
            .map_err(|source| Error::Io { offset: self.position, source })?;
        self.position += skipped;
        if skipped == left { Ok(()) } else { Err(Error::Truncated { offset: self.position }) }
    }

    fn fill(&mut self, buf: &mut [u8]) -> Result<(), Error> {
        self.inner.read_exact(buf).map_err(|source| match source.kind() {
            io::ErrorKind::UnexpectedEof => Error::Truncated { offset: self.position },
            _ => Error::Io { offset: self.position, source },
        })?;
        self.position += buf.len() as u64;
        Ok(())
    }
}

impl<R: Read> Read for Reader<R> {
    /// Reads from the current entry's content.
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let left = self.content_end.saturating_sub(self.position);
        let want = usize::try_from(left).map_or(buf.len(), |left| left.min(buf.len()));
        let got = self.inner.read(&mut buf[..want])?;
        if got == 0 && want > 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the cpio archive ends within an entry"));
        }
        self.position += got as u64;
        Ok(got)
    }
}

/// Digits only: `from_str_radix` alone would take a sign.
fn hexadecimal(digits: &[u8]) -> Option<u32> {
    let text = std::str::from_utf8(digits).ok()?;
    let all = text.bytes().all(|digit| digit.is_ascii_hexdigit());
    all.then(|| u32::from_str_radix(text, 16).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn entry(name: &str) -> Entry {
        Entry { name: name.to_owned(), inode: 7, mode: 0o100_644, mtime: 1_700_000_000, size: 0 }
    }

    fn archive(entries: &[(&str, &[u8])]) -> Vec<u8> {
        let mut writer = Writer::new(Vec::new());
        for (name, content) in entries {
            writer.append(&entry(name), content).unwrap();
        }
        let (bytes, length) = writer.finish().unwrap();
        assert_eq!(bytes.len() as u64, length);
        bytes
    }

    fn walk(bytes: &[u8]) -> Result<Vec<(Entry, Vec<u8>)>, Error> {
        let mut reader = Reader::new(bytes);
        let mut entries = Vec::new();
        while let Some(entry) = reader.next_entry()? {
            let mut content = Vec::new();
            let offset = reader.position;
            reader.read_to_end(&mut content).map_err(|source| Error::Io { offset, source })?;
            entries.push((entry, content));
        }
        Ok(entries)
    }

    #[test]
    fn an_entry_is_laid_out_as_rpm_writes_it() {
        let bytes = archive(&[("./a", b"1")]);
        let expected = "07070100000007000081a40000000000000000000000016553f10000000001000000000000000000000000000000000000000400000000./a\0";
        assert_eq!(std::str::from_utf8(&bytes[..114]).unwrap(), expected);
        assert_eq!((&bytes[114..120], bytes.len() % 4), (&b"\0\x001\0\0\0"[..], 0));
    }

    #[test]
    fn unread_content_is_skipped() {
        let bytes = archive(&[("./a", &[7; 20_001]), ("./b", b"x")]);
        let mut reader = Reader::new(bytes.as_slice());
        assert_eq!(reader.next_entry().unwrap().unwrap().size, 20_001);
        assert_eq!(reader.next_entry().unwrap().unwrap().name, "./b");
        assert!(reader.next_entry().unwrap().is_none());
    }

    #[test]
    fn every_truncation_is_an_error() {
        let bytes = archive(&[("./a", b"12345"), ("./b", b"")]);
        for length in 0..bytes.len() - 4 {
            assert!(walk(&bytes[..length]).is_err(), "cut to {length} of {}", bytes.len());
        }
    }

    #[test]
    fn absurd_lengths_cost_no_memory() {
        let mut bytes = archive(&[("./a", b"")]);
        bytes[94..102].copy_from_slice(b"ffffffff");
        assert!(matches!(walk(&bytes), Err(Error::Field { field: "length of the name", .. })));
        let mut bytes = archive(&[("./a", b"")]);
        bytes[54..62].copy_from_slice(b"ffffffff");
        assert!(walk(&bytes).is_err());
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(entries in prop::collection::vec(("[a-z./]{1,40}", prop::collection::vec(any::<u8>(), 0..50)), 0..5)) {
            let list: Vec<_> = entries.iter().map(|(name, content)| (name.as_str(), content.as_slice())).collect();
            let read = walk(&archive(&list)).unwrap();
            let read: Vec<_> = read.iter().map(|(entry, content)| (entry.name.as_str(), content.as_slice())).collect();
            prop_assert_eq!(read, list);
        }

        #[test]
        fn changed_bytes_never_make_the_reader_panic(at in any::<prop::sample::Index>(), value in any::<u8>()) {
            let mut bytes = archive(&[("./a", b"12345"), ("./b", b"x")]);
            let at = at.index(bytes.len());
            bytes[at] = value;
            let _ = walk(&bytes);
        }
    }
}

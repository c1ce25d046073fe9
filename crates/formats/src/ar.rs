//! The common `ar` archive as deb(5) uses it: a global header, then members, each at an even offset.
//!
//! Only the dialect of Debian packages is spoken: names of at most 16 bytes in the header itself, no symbol table and no
//! table of long names. A reader accepts the trailing slash which GNU ar puts behind a name; the writer, like dpkg, puts none.

use std::io::{self, Read, Write};

/// The first eight bytes of every archive.
pub const MAGIC: &[u8; 8] = b"!<arch>\n";
/// Length of a member's header in bytes.
const HEADER_LEN: usize = 60;
/// Ends each member's header.
const HEADER_END: &[u8; 2] = b"`\n";
/// The longest name that fits the header.
const NAME_MAX: usize = 16;
/// The largest size that ten decimal digits can tell.
const SIZE_MAX: u64 = 9_999_999_999;

/// Why an archive could not be read or written. Offsets count bytes from the beginning of the archive.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Reading or writing failed.
    #[error("ar archive, byte {offset}: {source}")]
    Io {
        /// Where the archive stood.
        offset: u64,
        /// What the system said.
        source: io::Error,
    },
    /// The file does not begin as an archive does.
    #[error("not an ar archive: it does not begin with `!<arch>`")]
    Magic,
    /// The archive ends within a header or within a member.
    #[error("ar archive ends at byte {offset}, within {within}: the file is truncated")]
    Truncated {
        /// Where it ended.
        offset: u64,
        /// What was being read.
        within: &'static str,
    },
    /// A header field does not hold what the format asks for.
    #[error("ar archive, byte {offset}: a member's {field} is not valid")]
    Field {
        /// Beginning of the header.
        offset: u64,
        /// The field.
        field: &'static str,
    },
    /// A name that the writer cannot put into a header.
    #[error("`{name}` cannot name an ar member: 1 to 16 printable ASCII bytes without blank and slash")]
    Name {
        /// The name as given.
        name: String,
    },
    /// The content given to the writer is not as long as was said.
    #[error("ar member `{name}` was announced with {announced} bytes and brought {found}")]
    Length {
        /// Name of the member.
        name: String,
        /// The size in its header.
        announced: u64,
        /// The size of its content; one more than announced if there was more to come.
        found: u64,
    },
    /// More bytes than a header can tell.
    #[error("ar member `{name}` has {size} bytes; ten decimal digits are all that the format has")]
    TooLarge {
        /// Name of the member.
        name: String,
        /// Its size.
        size: u64,
    },
}

/// What a member's header says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// Name, without padding and trailing slash.
    pub name: String,
    /// Modification time, seconds since the epoch.
    pub mtime: u64,
    /// Numeric owner.
    pub uid: u32,
    /// Numeric group.
    pub gid: u32,
    /// File type and permission bits; written in octal.
    pub mode: u32,
    /// Length of the content in bytes.
    pub size: u64,
    /// Offset of the content in the archive.
    pub offset: u64,
}

/// Walks over the members of an archive, front to back, without seeking.
#[derive(Debug)]
pub struct Reader<R> {
    inner: R,
    position: u64,
    /// Bytes of the current member not yet read.
    left: u64,
}

/// One member: its header, and its content through [`Read`].
#[derive(Debug)]
pub struct Member<'a, R> {
    header: Header,
    reader: &'a mut Reader<R>,
}

impl<R> Member<'_, R> {
    /// What the member's header says.
    #[must_use]
    pub const fn header(&self) -> &Header {
        &self.header
    }
}

impl<R: Read> Read for Member<'_, R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.reader.read_content(buf)
    }
}

impl<R: Read> Reader<R> {
    /// Reads the global header.
    ///
    /// # Errors
    /// [`Error::Magic`] when this is no archive, [`Error::Io`].
    pub fn new(inner: R) -> Result<Self, Error> {
        let mut reader = Self { inner, position: 0, left: 0 };
        let mut magic = [0; MAGIC.len()];
        match reader.fill(&mut magic)? {
            8 if &magic == MAGIC => Ok(reader),
            _ => Err(Error::Magic),
        }
    }

    /// The next member, or nothing at the end of the archive. What was left of the member before is skipped.
    ///
    /// # Errors
    /// [`Error::Truncated`], [`Error::Field`], [`Error::Io`].
    pub fn next_member(&mut self) -> Result<Option<Member<'_, R>>, Error> {
        self.skip_content()?;
        let begin = self.position;
        let mut raw = [0; HEADER_LEN];
        match self.fill(&mut raw)? {
            0 => return Ok(None),
            HEADER_LEN => {}
            _ => return Err(self.truncated("a member's header")),
        }
        let header = parse_header(&raw, begin)?;
        self.left = header.size;
        Ok(Some(Member { header, reader: self }))
    }

    /// Skips what is left of the current member, and the byte that aligns the next one to an even offset.
    fn skip_content(&mut self) -> Result<(), Error> {
        let mut sink = [0; 8192];
        while self.left > 0 {
            match self.read_content(&mut sink) {
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    return Err(self.truncated("a member's content"));
                }
                Err(source) => {
                    let offset = self.position;
                    return Err(Error::Io { offset, source });
                }
            }
        }
        if self.position % 2 == 1 {
            // dpkg-deb accepts a last member without its padding, and so do we.
            self.fill(&mut [0; 1])?;
        }
        Ok(())
    }

    fn read_content(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let want = usize::try_from(self.left).map_or(buf.len(), |left| left.min(buf.len()));
        if want == 0 {
            return Ok(0);
        }
        let got = self.inner.read(&mut buf[..want])?;
        if got == 0 {
            return Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                format!("the ar archive ends at byte {}, {} bytes before its member does", self.position, self.left),
            ));
        }
        self.position += got as u64;
        self.left -= got as u64;
        Ok(got)
    }

    /// Reads until `buf` is full or the archive ends; returns what was read.
    fn fill(&mut self, buf: &mut [u8]) -> Result<usize, Error> {
        let mut done = 0;
        while done < buf.len() {
            match self.inner.read(&mut buf[done..]) {
                Ok(0) => break,
                Ok(got) => done += got,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(source) => {
                    return Err(Error::Io { offset: self.position + done as u64, source });
                }
            }
        }
        self.position += done as u64;
        Ok(done)
    }

    const fn truncated(&self, within: &'static str) -> Error {
        Error::Truncated { offset: self.position, within }
    }
}

/// Header layout: name 16, mtime 12, uid 6, gid 6, mode 8 (octal), size 10, end mark 2; padded with blanks.
fn parse_header(raw: &[u8; HEADER_LEN], begin: u64) -> Result<Header, Error> {
    let bad = |field| Error::Field { offset: begin, field };
    if &raw[58..60] != HEADER_END {
        return Err(bad("end mark"));
    }
    let name = std::str::from_utf8(&raw[..16]).map_err(|_| bad("name"))?.trim_end_matches(' ');
    let name = name.strip_suffix('/').unwrap_or(name);
    // `/`, `//`, `/12` and `#1/12` are tables and long names of other dialects.
    if !is_name(name) {
        return Err(bad("name"));
    }
    Ok(Header {
        name: name.to_owned(),
        mtime: number(&raw[16..28], 10).ok_or_else(|| bad("mtime"))?,
        uid: small(&raw[28..34], 10).ok_or_else(|| bad("uid"))?,
        gid: small(&raw[34..40], 10).ok_or_else(|| bad("gid"))?,
        mode: small(&raw[40..48], 8).ok_or_else(|| bad("mode"))?,
        size: number(&raw[48..58], 10).ok_or_else(|| bad("size"))?,
        offset: begin + HEADER_LEN as u64,
    })
}

fn is_name(name: &str) -> bool {
    (1..=NAME_MAX).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'/')
}

/// A number padded with blanks; digits only, so that `+1` and an empty field are refused.
fn number(field: &[u8], radix: u32) -> Option<u64> {
    let digits = std::str::from_utf8(field).ok()?.trim_end_matches(' ');
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    u64::from_str_radix(digits, radix).ok()
}

fn small(field: &[u8], radix: u32) -> Option<u32> {
    u32::try_from(number(field, radix)?).ok()
}

/// Writes an archive as dpkg-deb does: owner root, mode 100644, one modification time for all.
#[derive(Debug)]
pub struct Writer<W> {
    inner: W,
    mtime: u64,
    position: u64,
}

impl<W: Write> Writer<W> {
    /// Writes the global header. `mtime`, in seconds since the epoch, is given to every member.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn new(mut inner: W, mtime: u64) -> Result<Self, Error> {
        inner.write_all(MAGIC).map_err(|source| Error::Io { offset: 0, source })?;
        Ok(Self { inner, mtime, position: MAGIC.len() as u64 })
    }

    /// Appends a member whose content is in memory.
    ///
    /// # Errors
    /// As [`Writer::append_from`].
    pub fn append(&mut self, name: &str, content: &[u8]) -> Result<(), Error> {
        self.append_from(name, content.len() as u64, content)
    }

    /// Appends a member of `size` bytes read from `content`.
    ///
    /// # Errors
    /// [`Error::Name`], [`Error::TooLarge`], [`Error::Length`] when `content` is shorter or longer, [`Error::Io`].
    pub fn append_from(&mut self, name: &str, size: u64, mut content: impl Read) -> Result<(), Error> {
        if !is_name(name) {
            return Err(Error::Name { name: name.to_owned() });
        }
        if size > SIZE_MAX {
            return Err(Error::TooLarge { name: name.to_owned(), size });
        }
        let header = format!("{name:<16}{:<12}{:<6}{:<6}{:<8o}{size:<10}`\n", self.mtime, 0, 0, 0o100_644);
        self.put(header.as_bytes())?;
        let offset = self.position;
        let mut limited = content.by_ref().take(size.saturating_add(1));
        let found = self.copy(&mut limited, size).map_err(|source| Error::Io { offset, source })?;
        if found != size {
            return Err(Error::Length { name: name.to_owned(), announced: size, found });
        }
        if self.position % 2 == 1 {
            self.put(b"\n")?;
        }
        Ok(())
    }

    /// Hands the writer back. Everything is written; nothing is flushed.
    #[must_use]
    pub fn finish(self) -> W {
        self.inner
    }

    /// Copies what `from` has, but writes no byte beyond `size`.
    fn copy(&mut self, from: &mut impl Read, size: u64) -> io::Result<u64> {
        let mut found = io::copy(&mut from.take(size), &mut self.inner)?;
        self.position += found;
        if found == size {
            found += io::copy(from, &mut io::sink())?;
        }
        Ok(found)
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.inner.write_all(bytes).map_err(|source| Error::Io { offset: self.position, source })?;
        self.position += bytes.len() as u64;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn archive(members: &[(&str, &[u8])]) -> Vec<u8> {
        let mut writer = Writer::new(Vec::new(), 1_700_000_000).unwrap();
        for (name, content) in members {
            writer.append(name, content).unwrap();
        }
        writer.finish()
    }

    fn walk(bytes: &[u8]) -> Result<Vec<(Header, Vec<u8>)>, Error> {
        let mut reader = Reader::new(bytes)?;
        let mut members = Vec::new();
        while let Some(mut member) = reader.next_member()? {
            let mut content = Vec::new();
            let offset = member.header().offset;
            member.read_to_end(&mut content).map_err(|source| Error::Io { offset, source })?;
            members.push((member.header().clone(), content));
        }
        Ok(members)
    }

    #[test]
    fn header_is_laid_out_as_dpkg_writes_it() {
        let bytes = archive(&[("debian-binary", b"2.0\n")]);
        assert_eq!(
            std::str::from_utf8(&bytes).unwrap(),
            "!<arch>\ndebian-binary   1700000000  0     0     100644  4         `\n2.0\n"
        );
    }

    #[test]
    fn odd_members_are_padded_and_read_back() {
        let bytes = archive(&[("a", b"1"), ("b", b""), ("c", b"333")]);
        assert_eq!(bytes.len() % 2, 0);
        let members = walk(&bytes).unwrap();
        let contents: Vec<_> = members.iter().map(|(_, content)| content.as_slice()).collect();
        assert_eq!(contents, [b"1".as_slice(), b"", b"333"]);
        assert_eq!(members[2].0.offset as usize, bytes.len() - 4);
    }

    #[test]
    fn unread_content_is_skipped() {
        let bytes = archive(&[("a", &[7; 20_001]), ("b", b"x")]);
        let mut reader = Reader::new(bytes.as_slice()).unwrap();
        reader.next_member().unwrap().unwrap();
        assert_eq!(reader.next_member().unwrap().unwrap().header().name, "b");
        assert!(reader.next_member().unwrap().is_none());
    }

    #[test]
    fn trailing_slash_of_gnu_ar_is_not_part_of_the_name() {
        let mut bytes = archive(&[("control.tar.xz", b"")]);
        bytes[8 + 14] = b'/';
        assert_eq!(walk(&bytes).unwrap()[0].0.name, "control.tar.xz");
    }

    #[test]
    fn a_truncated_archive_tells_where_it_ends() {
        let mut bytes = archive(&[("a", &[1; 100])]);
        bytes.truncate(100);
        let mut reader = Reader::new(bytes.as_slice()).unwrap();
        reader.next_member().unwrap().unwrap();
        assert!(matches!(reader.next_member(), Err(Error::Truncated { offset: 100, .. })));
        assert!(matches!(walk(&archive(&[("a", b"1234")])[..50]), Err(Error::Truncated { offset: 50, .. })));
    }

    #[test]
    fn content_of_another_length_is_refused_and_never_written_beyond_the_size() {
        for (size, found) in [(3, 4), (5, 4), (0, 1)] {
            let mut writer = Writer::new(Vec::new(), 0).unwrap();
            let error = writer.append_from("a", size, &b"1234"[..]).unwrap_err();
            assert!(matches!(error, Error::Length { found: f, .. } if f == found), "{error}");
            assert!(writer.finish().len() <= 68 + 4);
        }
    }

    #[test]
    fn names_that_do_not_fit_are_refused() {
        let mut writer = Writer::new(Vec::new(), 0).unwrap();
        for name in ["", "seventeen-letters", "a/b", "a b", "ä"] {
            assert!(matches!(writer.append(name, b""), Err(Error::Name { .. })), "{name}");
        }
    }

    #[test]
    fn signs_and_empty_fields_are_no_numbers() {
        for (at, text) in [(48, b"+1        "), (48, b"          "), (48, b"1 1       ")] {
            let mut bytes = archive(&[("a", b"1")]);
            bytes[8 + at..8 + at + 10].copy_from_slice(text);
            assert!(matches!(walk(&bytes), Err(Error::Field { field: "size", .. })));
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = walk(&bytes);
            let _ = walk(&[MAGIC.as_slice(), &bytes].concat());
        }

        #[test]
        fn what_is_written_is_read_back(
            members in proptest::collection::vec(("[!-.0-~]{1,16}", proptest::collection::vec(any::<u8>(), 0..99)), 0..5)
        ) {
            let list: Vec<_> = members.iter().map(|(name, content)| (name.as_str(), content.as_slice())).collect();
            let back = walk(&archive(&list)).unwrap();
            let back: Vec<_> = back.iter().map(|(header, content)| (header.name.as_str(), content.as_slice())).collect();
            prop_assert_eq!(back, list);
        }
    }
}

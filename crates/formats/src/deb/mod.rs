//! Reading Debian binary packages: an ar archive of `debian-binary`, `control.tar.*` and `data.tar.*`.
//!
//! Format: deb(5). A package is read in one pass, front to back, in memory that does not grow with it; nothing in it is
//! trusted, and every size is bounded before it is read.

mod files;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};

use md5::{Digest as _, Md5};

use self::files::for_each_file;
use crate::ar;
use crate::deb822::{self, Paragraph};

/// Most bytes that a `control` or `md5sums` file may have; a kernel's `md5sums` has about one million.
const CONTROL_FILE_MAX: u64 = 16 << 20;
/// Most bytes that `control.tar` may unpack to: a guard against archive bombs, not a format limit.
const CONTROL_UNPACKED_MAX: u64 = 64 << 20;
/// Most bytes that `data.tar` may unpack to; likewise.
const DATA_UNPACKED_MAX: u64 = 16 << 30;
/// Most memory that the names of a package's files may take; a kernel with its headers needs 2 MiB.
const NAMES_MAX: usize = 64 << 20;

/// Why bytes are not a Debian package.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The outer archive is broken.
    #[error(transparent)]
    Ar(#[from] ar::Error),
    /// A member is not the one that deb(5) has at its place.
    #[error("expected the member {expected}, found {found}")]
    Member {
        /// Name of the member that belongs here.
        expected: &'static str,
        /// What is there.
        found: String,
    },
    /// `debian-binary` names a format version other than 2.
    #[error("format version {found:?} is not 2.0")]
    Version {
        /// What it says.
        found: String,
    },
    /// A member is compressed in a way which dpkg of the oldest supported systems does not know.
    #[error("{member} is not compressed with gzip or xz, the two that every supported dpkg unpacks")]
    Compression {
        /// Name of the member.
        member: String,
    },
    /// An archive within the package cannot be unpacked.
    #[error("{member} is corrupt")]
    Tar {
        /// Name of the member.
        member: String,
        /// What the decompressor or the tar reader said.
        source: io::Error,
    },
    /// The control archive has no `control` file.
    #[error("{member} has no file `control`")]
    NoControl {
        /// Name of the member.
        member: String,
    },
    /// The `control` file is not UTF-8 or no paragraph.
    #[error("the file `control` is not valid: {reason}")]
    Control {
        /// What is wrong.
        reason: String,
    },
    /// A line of `md5sums` is not `<digest>  <path>`.
    #[error("md5sums, line {line}: expected 32 hexadecimal digits, two blanks and a path")]
    Md5sums {
        /// Line number, from 1.
        line: usize,
    },
    /// A field that every package must have is missing.
    #[error("the file `control` has no field `{field}`")]
    Field {
        /// Name of the field.
        field: &'static str,
    },
}

/// What the control half of a package says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deb {
    /// The `control` file.
    pub control: Paragraph,
    /// Digests by path, from `md5sums`; paths have no leading `./`. Empty when the package has none.
    pub md5sums: BTreeMap<String, [u8; 16]>,
}

/// A file of `data.tar` that differs from what `md5sums` promises.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum ContentFault {
    /// The file's content has another digest.
    Changed(String),
    /// `md5sums` lists a file that is not there.
    Missing(String),
}

/// A package that was unpacked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// What its control half says.
    pub deb: Deb,
    /// Files that differ from `md5sums`.
    pub faults: Vec<ContentFault>,
    /// Names of everything in it but folders, as the archive has them.
    pub files: Vec<Vec<u8>>,
}

/// Names of files, as many as memory is spent on.
#[derive(Debug, Default)]
struct Names {
    all: Vec<Vec<u8>>,
    bytes: usize,
}

impl Names {
    fn push(&mut self, name: Vec<u8>) -> io::Result<()> {
        // What a list costs beside the letters counts, too: names may be short.
        self.bytes += name.len() + size_of::<Vec<u8>>();
        if self.bytes > NAMES_MAX {
            return Err(io::Error::other(format!("the names of its files take more than {} MiB", NAMES_MAX >> 20)));
        }
        self.all.push(name);
        Ok(())
    }
}

impl Deb {
    /// Reads a package up to its end, so that a truncated one is noticed, without unpacking its files.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn read(from: impl Read) -> Result<Self, Error> {
        let mut archive = ar::Reader::new(from)?;
        let deb = Self::read_control(&mut archive)?;
        check_data_name(&next_name(&mut archive)?)?;
        expect_end(&mut archive)?;
        Ok(deb)
    }

    /// Reads a package, and in passing the names of its files: of everything but folders, as the archive has them.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn read_and_list(from: impl Read) -> Result<(Self, Vec<Vec<u8>>), Error> {
        let mut names = Names::default();
        let deb = Self::read_files(from, |_, entry, _| names.push(entry.name))?;
        Ok((deb, names.all))
    }

    /// Reads a package, unpacks every file in passing and compares it with `md5sums`.
    ///
    /// # Errors
    /// See [`Error`]; a file that differs is a [`ContentFault`], not an error.
    pub fn read_and_check(from: impl Read) -> Result<Checked, Error> {
        let mut names = Names::default();
        let mut found = BTreeSet::new();
        let mut faults = Vec::new();
        let deb = Self::read_files(from, |deb, entry, file| {
            let path = entry.path();
            if let Some(promised) = deb.md5sums.get(path.as_ref())
                && entry.is_regular
                && found.insert(path.clone().into_owned())
                && md5(file)? != *promised
            {
                faults.push(ContentFault::Changed(path.into_owned()));
            }
            names.push(entry.name)
        })?;
        let missing = deb.md5sums.keys().filter(|path| !found.contains(*path));
        faults.extend(missing.cloned().map(ContentFault::Missing));
        Ok(Checked { deb, faults, files: names.all })
    }

    /// Reads a package and shows `visit` everything in `data.tar` but folders.
    fn read_files(
        from: impl Read,
        mut visit: impl FnMut(&Self, files::File, &mut dyn Read) -> io::Result<()>,
    ) -> Result<Self, Error> {
        let mut archive = ar::Reader::new(from)?;
        let deb = Self::read_control(&mut archive)?;
        let Some(member) = archive.next_member()? else {
            return Err(missing("data.tar"));
        };
        let name = member.header().name.clone();
        check_data_name(&name)?;
        for_each_file(&name, member, DATA_UNPACKED_MAX, |entry, file| visit(&deb, entry, file))?;
        expect_end(&mut archive)?;
        Ok(deb)
    }

    /// The value of a field that every package must have.
    ///
    /// # Errors
    /// [`Error::Field`].
    pub fn field(&self, name: &'static str) -> Result<&str, Error> {
        self.control.get(name).ok_or(Error::Field { field: name })
    }

    fn read_control<R: Read>(archive: &mut ar::Reader<R>) -> Result<Self, Error> {
        read_version(archive)?;
        let Some(member) = archive.next_member()? else {
            return Err(missing("control.tar"));
        };
        let name = member.header().name.clone();
        if !name.starts_with("control.tar") {
            return Err(Error::Member { expected: "control.tar.*", found: name });
        }
        let (mut control, mut md5sums) = (None, Vec::new());
        for_each_file(&name, member, CONTROL_UNPACKED_MAX, |entry, file| {
            match entry.path().as_ref() {
                _ if !entry.is_regular => {}
                "control" => control = Some(read_bounded(file)?),
                "md5sums" => md5sums = read_bounded(file)?,
                _ => {}
            }
            Ok(())
        })?;
        let control = control.ok_or(Error::NoControl { member: name })?;
        let invalid = |reason: String| Error::Control { reason };
        let text = String::from_utf8(control).map_err(|error| invalid(error.to_string()))?;
        let control = Paragraph::parse(&text).map_err(|error: deb822::Error| invalid(error.to_string()))?;
        Ok(Self { control, md5sums: parse_md5sums(&String::from_utf8_lossy(&md5sums))? })
    }
}

fn missing(expected: &'static str) -> Error {
    Error::Member { expected, found: "the end of the file".to_owned() }
}

fn next_name<R: Read>(archive: &mut ar::Reader<R>) -> Result<String, Error> {
    let member = archive.next_member()?.ok_or_else(|| missing("data.tar"))?;
    Ok(member.header().name.clone())
}

fn check_data_name(name: &str) -> Result<(), Error> {
    if name.starts_with("data.tar") {
        return Ok(());
    }
    Err(Error::Member { expected: "data.tar.*", found: name.to_owned() })
}

/// Nothing follows `data.tar`; dpkg ignores what does, but then two readers could see two packages.
fn expect_end<R: Read>(archive: &mut ar::Reader<R>) -> Result<(), Error> {
    match archive.next_member()? {
        None => Ok(()),
        Some(member) => Err(Error::Member { expected: "nothing after data.tar", found: member.header().name.clone() }),
    }
}

fn read_version<R: Read>(archive: &mut ar::Reader<R>) -> Result<(), Error> {
    let Some(mut member) = archive.next_member()? else {
        return Err(missing("debian-binary"));
    };
    let name = member.header().name.clone();
    if name != "debian-binary" {
        return Err(Error::Member { expected: "debian-binary", found: name });
    }
    let mut version = String::new();
    let read = member.by_ref().take(16).read_to_string(&mut version);
    read.map_err(|source| Error::Tar { member: name, source })?;
    if version.starts_with("2.") && version.ends_with('\n') {
        return Ok(());
    }
    Err(Error::Version { found: version })
}

fn read_bounded(file: &mut dyn Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(CONTROL_FILE_MAX + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > CONTROL_FILE_MAX {
        return Err(io::Error::other("a control file has more than 16 MiB"));
    }
    Ok(bytes)
}

fn md5(file: &mut dyn Read) -> io::Result<[u8; 16]> {
    let mut digest = Md5::new();
    io::copy(file, &mut digest)?;
    Ok(digest.finalize().into())
}

fn parse_md5sums(text: &str) -> Result<BTreeMap<String, [u8; 16]>, Error> {
    let mut sums = BTreeMap::new();
    for (index, line) in text.lines().enumerate() {
        let parsed = line.split_once("  ").and_then(|(digest, path)| Some((decode_hex(digest)?, path)));
        let (digest, path) = parsed.ok_or(Error::Md5sums { line: index + 1 })?;
        sums.insert(path.strip_prefix("./").unwrap_or(path).to_owned(), digest);
    }
    Ok(sums)
}

fn decode_hex(text: &str) -> Option<[u8; 16]> {
    let mut digest = [0; 16];
    let pairs = text.as_bytes().chunks_exact(2);
    if text.len() != 32 {
        return None;
    }
    for (byte, pair) in digest.iter_mut().zip(pairs) {
        let digit = |c: u8| char::from(c).to_digit(16).and_then(|d| u8::try_from(d).ok());
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(digest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Compression, write::GzEncoder};
    use proptest::prelude::*;
    use std::io::Write as _;
    use tar::EntryType;

    const CONTROL: &str = "Package: p\nVersion: 1\nArchitecture: all\n";

    fn tar_gz(files: &[(&str, &str)]) -> Vec<u8> {
        let mut builder = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
        for (path, content) in files {
            let mut header = tar::Header::new_gnu();
            header.set_size(content.len() as u64);
            header.set_mode(0o644);
            builder.append_data(&mut header, path, content.as_bytes()).unwrap();
        }
        builder.into_inner().unwrap().finish().unwrap()
    }

    fn package(members: &[(&str, Vec<u8>)]) -> Vec<u8> {
        let mut writer = ar::Writer::new(Vec::new(), 0).unwrap();
        for (name, content) in members {
            writer.append(name, content).unwrap();
        }
        writer.finish()
    }

    fn sample(md5sums: &str) -> Vec<u8> {
        package(&[
            ("debian-binary", b"2.0\n".to_vec()),
            ("control.tar.gz", tar_gz(&[("./control", CONTROL), ("./md5sums", md5sums)])),
            ("data.tar.gz", tar_gz(&[("./usr/share/a", "abc")])),
        ])
    }

    const MD5_OF_ABC: &str = "900150983cd24fb0d6963f7d28e17f72";

    #[test]
    fn a_package_tells_its_control_data_and_its_files_match() {
        let bytes = sample(&format!("{MD5_OF_ABC}  usr/share/a\n"));
        let Checked { deb, faults, files } = Deb::read_and_check(bytes.as_slice()).unwrap();
        assert_eq!(deb.field("Package").unwrap(), "p");
        assert_eq!(faults, []);
        assert_eq!(files, [b"usr/share/a"]);
        assert_eq!(Deb::read(bytes.as_slice()).unwrap(), deb);
        assert_eq!(Deb::read_and_list(bytes.as_slice()).unwrap(), (deb, files));
    }

    #[test]
    fn a_changed_and_a_missing_file_are_named() {
        let other = MD5_OF_ABC.replace('9', "8");
        let bytes = sample(&format!("{other}  usr/share/a\n{other}  usr/share/b\n"));
        let faults = Deb::read_and_check(bytes.as_slice()).unwrap().faults;
        assert_eq!(faults, [ContentFault::Changed("usr/share/a".into()), ContentFault::Missing("usr/share/b".into())]);
    }

    #[test]
    fn every_truncation_is_an_error() {
        let bytes = sample("");
        // The last byte pads the member to an even length; ar readers do without it.
        for length in 0..bytes.len() - 1 {
            assert!(Deb::read(&bytes[..length]).is_err(), "cut to {length} of {}", bytes.len());
        }
    }

    #[test]
    fn members_out_of_order_or_left_over_are_refused() {
        let control = ("control.tar.gz", tar_gz(&[("control", CONTROL)]));
        let data = ("data.tar.gz", tar_gz(&[]));
        let version = ("debian-binary", b"2.0\n".to_vec());
        let cases: [(&[_], &str); 5] = [
            (&[control.clone(), version.clone()], "debian-binary"),
            (&[version.clone(), data.clone()], "control.tar"),
            (&[version.clone(), control.clone()], "data.tar"),
            (&[version.clone(), control.clone(), data.clone(), data.clone()], "nothing after"),
            (&[("debian-binary", b"3.0\n".to_vec())], "3.0"),
        ];
        for (members, expected) in cases {
            let error = Deb::read(package(members).as_slice()).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn zstd_is_refused_because_old_dpkg_cannot_unpack_it() {
        let bytes = package(&[("debian-binary", b"2.0\n".to_vec()), ("control.tar.zst", b"rubbish".to_vec())]);
        let error = Deb::read(bytes.as_slice()).unwrap_err();
        assert!(matches!(error, Error::Compression { .. }), "{error}");
    }

    #[test]
    fn a_control_file_without_end_is_refused() {
        let mut endless = GzEncoder::new(Vec::new(), Compression::best());
        let mut header = tar::Header::new_gnu();
        header.set_path("control").unwrap();
        header.set_size(u64::MAX >> 8);
        header.set_cksum();
        endless.write_all(header.as_bytes()).unwrap();
        for _ in 0..20 {
            endless.write_all(&vec![b'a'; 1 << 20]).unwrap();
        }
        let bytes = package(&[("debian-binary", b"2.0\n".to_vec()), ("control.tar.gz", endless.finish().unwrap())]);
        assert!(matches!(Deb::read(bytes.as_slice()), Err(Error::Tar { .. })));
    }

    #[test]
    fn links_are_listed_and_folders_are_not() {
        let mut builder = tar::Builder::new(Vec::new());
        let kinds = [(EntryType::Directory, "./usr/"), (EntryType::Symlink, "./usr/b"), (EntryType::Regular, "./old/")];
        for (kind, path) in kinds {
            let mut header = tar::Header::new_gnu();
            header.set_entry_type(kind);
            header.set_size(0);
            builder.append_data(&mut header, path, io::empty()).unwrap();
        }
        let bytes = package(&[
            ("debian-binary", b"2.0\n".to_vec()),
            ("control.tar.gz", tar_gz(&[("control", CONTROL)])),
            ("data.tar", builder.into_inner().unwrap()),
        ]);
        assert_eq!(Deb::read_and_list(bytes.as_slice()).unwrap().1, [b"usr/b"]);
    }

    /// A header of `kind` that announces `size` bytes, followed by some of them.
    fn endless_entry(kind: EntryType) -> Vec<u8> {
        let mut header = tar::Header::new_gnu();
        header.set_path("././@LongLink").unwrap();
        header.set_entry_type(kind);
        header.set_size(u64::MAX >> 8);
        header.set_cksum();
        [header.as_bytes().as_slice(), &[b'a'; 8192]].concat()
    }

    fn with_control(tar: &[u8]) -> Vec<u8> {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
        gzip.write_all(tar).unwrap();
        package(&[("debian-binary", b"2.0\n".to_vec()), ("control.tar.gz", gzip.finish().unwrap())])
    }

    fn reason(bytes: &[u8]) -> String {
        std::error::Error::source(&Deb::read(bytes).unwrap_err()).unwrap().to_string()
    }

    #[test]
    fn the_name_of_a_file_never_fills_the_memory() {
        let bytes = with_control(&endless_entry(EntryType::GNULongName));
        assert_eq!(reason(&bytes), "a file's name has more than 4096 bytes");
        for kind in [EntryType::XHeader, EntryType::XGlobalHeader] {
            assert_eq!(reason(&with_control(&endless_entry(kind))), "has a pax header, which dpkg does not read");
        }
    }

    #[test]
    fn a_file_with_a_name_of_more_than_100_bytes_is_compared_too() {
        let long = format!("usr/share/{}", "a/".repeat(100));
        let path = format!("{long}b");
        let bytes = package(&[
            ("debian-binary", b"2.0\n".to_vec()),
            ("control.tar.gz", tar_gz(&[("control", CONTROL), ("md5sums", &format!("{MD5_OF_ABC}  {path}\n"))])),
            ("data.tar.gz", tar_gz(&[(&path, "abc")])),
        ]);
        assert_eq!(Deb::read_and_check(bytes.as_slice()).unwrap().faults, []);
    }

    #[test]
    fn a_control_archive_of_more_than_64_mib_is_refused() {
        let bytes = with_control(&vec![0; (64 << 20) + 1]);
        assert_eq!(reason(&bytes), "unpacks to more than 64 MiB");
    }

    proptest! {
        #[test]
        fn changed_bytes_never_make_the_reader_panic(at in any::<prop::sample::Index>(), value in any::<u8>()) {
            let mut bytes = sample("");
            let at = at.index(bytes.len());
            bytes[at] = value;
            let _ = Deb::read_and_check(bytes.as_slice());
        }
    }
}

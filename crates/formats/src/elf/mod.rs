//! What an ELF file asks of the system that loads it: libraries, symbol versions, an interpreter.
//!
//! Formats: the System V gABI (dynamic section) and the LSB's symbol versioning (`.gnu.version_r`).

mod hardening;

use std::fmt;

use object::elf::{self, FileHeader32, FileHeader64};
use object::read::elf::{Dyn, FileHeader, ProgramHeader, SectionTable};
use object::{Endianness, FileKind, StringTable};

pub use hardening::Hardening;

/// More names than any real file has. Counts in a hostile one may be chosen so that walking them takes hours.
const NEEDS_MAX: usize = 4096;
/// The longest name of a library or a version; file names end at 255 bytes.
const NAME_MAX: usize = 255;

/// Why a file's needs could not be told.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file is no ELF file.
    #[error("not an ELF file")]
    NotElf,
    /// A structure is malformed or reaches behind the end of the file.
    #[error("ELF file: {0}")]
    Malformed(String),
    /// The file is linked dynamically, but the section headers that tell its needs were stripped.
    #[error("ELF file is linked dynamically, but has no section headers left to tell what it needs")]
    NoSections,
    /// More libraries or versions than a real file has.
    #[error("ELF file names more than {NEEDS_MAX} libraries or symbol versions")]
    TooMany,
    /// A name that is empty, too long, or not printable ASCII without blanks and parentheses.
    #[error("ELF file: `{0}` is no name of a library or symbol version")]
    Name(String),
}

impl From<object::read::Error> for Error {
    fn from(error: object::read::Error) -> Self {
        Self::Malformed(error.to_string())
    }
}

/// The processor that a file is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Machine {
    /// AMD64.
    X86_64,
    /// ARMv8, 64 bits.
    Aarch64,
    /// Another, by its number in the gABI.
    Other(u16),
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::X86_64 => f.write_str("x86_64"),
            Self::Aarch64 => f.write_str("aarch64"),
            Self::Other(number) => write!(f, "ELF machine {number}"),
        }
    }
}

/// Width of addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// 32 bits.
    Bits32,
    /// 64 bits.
    Bits64,
}

/// One version of a library's symbols that a file is bound to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VersionNeed {
    /// The library's soname, for example `libc.so.6`.
    pub library: String,
    /// The version, for example `GLIBC_2.14`.
    pub version: String,
    /// The loader only warns when it is missing.
    pub weak: bool,
}

/// Everything that an ELF file asks of its system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Needs {
    /// The processor.
    pub machine: Machine,
    /// Width of addresses.
    pub class: Class,
    /// The program that loads it, for example `/lib64/ld-linux-x86-64.so.2`; a library has none.
    pub interpreter: Option<String>,
    /// Its own name, if it is a library that has one.
    pub soname: Option<String>,
    /// Sonames of the libraries it is linked with, in the order of the file.
    pub needed: Vec<String>,
    /// Symbol versions it is bound to, in the order of the file.
    pub versions: Vec<VersionNeed>,
    /// Its symbols are hashed the GNU way only: the loader must know that way (glibc since 2.5).
    pub gnu_hash_only: bool,
}

/// Whether the bytes begin as an ELF file does.
#[must_use]
pub fn is_elf(bytes: &[u8]) -> bool {
    bytes.starts_with(&elf::ELFMAG)
}

/// The build id of a file, in hexadecimal digits; nothing when it has none or is broken.
#[must_use]
pub fn build_id(bytes: &[u8]) -> Option<String> {
    let file = object::File::parse(bytes).ok()?;
    let id = object::Object::build_id(&file).ok()??;
    Some(id.iter().map(|byte| format!("{byte:02x}")).collect())
}

impl Needs {
    /// Reads the needs of a whole ELF file in memory.
    ///
    /// # Errors
    /// Any [`Error`]; a file without a dynamic section needs nothing, which is no error.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        match FileKind::parse(bytes) {
            Ok(FileKind::Elf32) => parse::<FileHeader32<Endianness>>(bytes, Class::Bits32),
            Ok(FileKind::Elf64) => parse::<FileHeader64<Endianness>>(bytes, Class::Bits64),
            _ => Err(Error::NotElf),
        }
    }
}

fn parse<Elf: FileHeader<Endian = Endianness>>(bytes: &[u8], class: Class) -> Result<Needs, Error> {
    let header = Elf::parse(bytes)?;
    let endian = header.endian()?;
    let mut needs = Needs {
        machine: match header.e_machine(endian) {
            elf::EM_X86_64 => Machine::X86_64,
            elf::EM_AARCH64 => Machine::Aarch64,
            other => Machine::Other(other.0),
        },
        class,
        interpreter: None,
        soname: None,
        needed: Vec::new(),
        versions: Vec::new(),
        gnu_hash_only: false,
    };
    let mut dynamic = false;
    for segment in header.program_headers(endian, bytes)? {
        if let Some(path) = segment.interpreter(endian, bytes)? {
            needs.interpreter = Some(name(path)?);
        }
        dynamic |= segment.p_type(endian) == elf::PT_DYNAMIC;
    }
    if dynamic {
        let sections = header.sections(endian, bytes)?;
        read_dynamic(&mut needs, endian, bytes, &sections)?;
        read_versions(&mut needs, endian, bytes, &sections)?;
    }
    Ok(needs)
}

/// The dynamic section: `DT_NEEDED`, `DT_SONAME`, and which hash tables there are.
fn read_dynamic<Elf: FileHeader<Endian = Endianness>>(
    needs: &mut Needs,
    endian: Endianness,
    bytes: &[u8],
    sections: &SectionTable<'_, Elf>,
) -> Result<(), Error> {
    let (entries, link) = sections.dynamic(endian, bytes)?.ok_or(Error::NoSections)?;
    let strings = sections.strings(endian, bytes, link)?;
    let (mut gnu_hash, mut sysv_hash) = (false, false);
    for entry in entries {
        match entry.tag(endian) {
            elf::DT_NULL => break,
            elf::DT_HASH => sysv_hash = true,
            elf::DT_GNU_HASH => gnu_hash = true,
            elf::DT_NEEDED => needs.needed.push(name(entry.string(endian, strings)?)?),
            elf::DT_SONAME => needs.soname = Some(name(entry.string(endian, strings)?)?),
            _ => {}
        }
        if needs.needed.len() > NEEDS_MAX {
            return Err(Error::TooMany);
        }
    }
    needs.gnu_hash_only = gnu_hash && !sysv_hash;
    Ok(())
}

/// `.gnu.version_r`: a list of libraries, each with a list of versions.
fn read_versions<Elf: FileHeader<Endian = Endianness>>(
    needs: &mut Needs,
    endian: Endianness,
    bytes: &[u8],
    sections: &SectionTable<'_, Elf>,
) -> Result<(), Error> {
    let Some((libraries, link)) = sections.gnu_verneed(endian, bytes)? else {
        return Ok(());
    };
    let strings: StringTable<'_> = sections.strings(endian, bytes, link)?;
    let mut walked = 0;
    for library in libraries {
        let (library, versions) = library?;
        let soname = name(library.file(endian, strings)?)?;
        for version in versions {
            let version = version?;
            needs.versions.push(VersionNeed {
                library: soname.clone(),
                version: name(version.name(endian, strings)?)?,
                weak: version.vna_flags.get(endian).contains(elf::VER_FLG_WEAK),
            });
            walked += 1;
        }
        walked += 1;
        if walked > NEEDS_MAX {
            return Err(Error::TooMany);
        }
    }
    Ok(())
}

/// Names end up in control files and rpm headers, where blanks and parentheses have a meaning.
fn name(bytes: &[u8]) -> Result<String, Error> {
    let good = (1..=NAME_MAX).contains(&bytes.len())
        && bytes.iter().all(|byte| byte.is_ascii_graphic() && !b"(),".contains(byte));
    if good {
        Ok(bytes.iter().map(|&byte| char::from(byte)).collect())
    } else {
        Err(Error::Name(String::from_utf8_lossy(&bytes[..bytes.len().min(NAME_MAX)]).into_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn this_program() -> Vec<u8> {
        std::fs::read(std::env::current_exe().unwrap()).unwrap()
    }

    #[test]
    fn this_test_needs_libc_of_a_version() {
        let needs = Needs::parse(&this_program()).unwrap();
        assert!(needs.needed.iter().any(|soname| soname == "libc.so.6"), "{needs:?}");
        assert!(needs.versions.iter().any(|need| need.library == "libc.so.6" && need.version.starts_with("GLIBC_2.")));
        assert!(needs.interpreter.unwrap().contains("ld-linux"));
    }

    #[test]
    fn machine_and_class_are_those_of_this_build() {
        let needs = Needs::parse(&this_program()).unwrap();
        assert_eq!(needs.machine.to_string(), std::env::consts::ARCH);
        assert_eq!(needs.class, Class::Bits64);
    }

    #[test]
    fn a_script_is_no_elf_file() {
        assert_eq!(Needs::parse(b"#!/bin/sh\nexit 0\n"), Err(Error::NotElf));
        assert!(!is_elf(b"#!/bin/sh"));
    }

    #[test]
    fn needs_stripped_of_their_section_headers_are_not_taken_for_none() {
        let mut bytes = this_program();
        // e_shoff, e_shnum and e_shstrndx of a 64-bit file.
        bytes[0x28..0x30].fill(0);
        bytes[0x3c..0x40].fill(0);
        assert_eq!(Needs::parse(&bytes), Err(Error::NoSections));
    }

    #[test]
    fn names_that_would_break_a_control_file_are_refused() {
        for bad in [&b""[..], b"lib c.so", b"libc.so(1)", b"a,b", b"\xff", &[b'a'; 256]] {
            assert!(matches!(name(bad), Err(Error::Name(_))));
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            let _ = Needs::parse(&bytes);
            let _ = Needs::parse(&[b"\x7fELF\x02\x01\x01\0".as_slice(), &bytes].concat());
            let _ = Needs::parse(&[b"\x7fELF\x01\x02\x01\0".as_slice(), &bytes].concat());
        }

        #[test]
        fn a_program_with_any_bytes_changed_is_survived(
            changes in proptest::collection::vec((any::<bool>(), 16_usize..4096, any::<u8>()), 1..20)
        ) {
            static PROGRAM: std::sync::OnceLock<Vec<u8>> = std::sync::OnceLock::new();
            let mut bytes = PROGRAM.get_or_init(this_program).clone();
            let len = bytes.len();
            for (at_end, at, byte) in changes {
                // Program headers stand at the beginning, section headers at the end.
                bytes[if at_end { len - at } else { at }] = byte;
            }
            let _ = Needs::parse(&bytes);
        }
    }
}

//! What an ELF file lets an attacker do with it: which protections its linker has switched on.

use object::elf::{self, FileHeader32, FileHeader64};
use object::read::elf::{Dyn as _, FileHeader, ProgramHeader as _};
use object::{Endianness, FileKind};

use super::Error;

/// `DF_BIND_NOW` of `DT_FLAGS`, `DF_1_NOW` of `DT_FLAGS_1`.
const FLAG_BIND_NOW: u64 = 8;
const FLAG_1_NOW: u64 = 1;

/// Protections, and what undermines them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hardening {
    /// A program, since an interpreter is named; otherwise a library.
    pub is_program: bool,
    /// It may be loaded anywhere (PIE, or a library).
    pub position_independent: bool,
    /// Its stack may hold code: so it is asked for, or it is not said that it need not.
    pub executable_stack: bool,
    /// What the loader has set up becomes read-only (RELRO).
    pub relro: bool,
    /// All of it, since every function is bound at the start (full RELRO).
    pub bind_now: bool,
    /// The loader must write into its code.
    pub text_relocations: bool,
    /// Where it looks for libraries before the system does (`RPATH`, `RUNPATH`).
    pub search_path: Option<String>,
    /// It carries its own debugging information.
    pub debug_info: bool,
}

impl Hardening {
    /// Reads a whole ELF file in memory.
    ///
    /// # Errors
    /// [`Error::NotElf`], [`Error::Malformed`].
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        match FileKind::parse(bytes) {
            Ok(FileKind::Elf32) => parse::<FileHeader32<Endianness>>(bytes),
            Ok(FileKind::Elf64) => parse::<FileHeader64<Endianness>>(bytes),
            _ => Err(Error::NotElf),
        }
    }
}

fn parse<Elf: FileHeader<Endian = Endianness>>(bytes: &[u8]) -> Result<Hardening, Error> {
    let header = Elf::parse(bytes)?;
    let endian = header.endian()?;
    let position_independent = header.e_type(endian) == elf::ET_DYN;
    let mut found = Hardening { position_independent, executable_stack: true, ..Hardening::default() };
    for segment in header.program_headers(endian, bytes)? {
        match segment.p_type(endian) {
            elf::PT_INTERP => found.is_program = true,
            elf::PT_GNU_RELRO => found.relro = true,
            elf::PT_GNU_STACK => found.executable_stack = segment.p_flags(endian).contains(elf::PF_X),
            _ => {}
        }
    }
    let sections = header.sections(endian, bytes)?;
    found.debug_info = sections.section_by_name(endian, b".debug_info").is_some();
    let Some((entries, link)) = sections.dynamic(endian, bytes)? else { return Ok(found) };
    let strings = sections.strings(endian, bytes, link)?;
    for entry in entries {
        let value: u64 = entry.d_val(endian).into();
        match entry.tag(endian) {
            elf::DT_NULL => break,
            elf::DT_BIND_NOW => found.bind_now = true,
            elf::DT_TEXTREL => found.text_relocations = true,
            elf::DT_FLAGS => found.bind_now |= value & FLAG_BIND_NOW != 0,
            elf::DT_FLAGS_1 => found.bind_now |= value & FLAG_1_NOW != 0,
            elf::DT_RPATH | elf::DT_RUNPATH => {
                found.search_path = Some(String::from_utf8_lossy(entry.string(endian, strings)?).into_owned());
            }
            _ => {}
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn this_program() -> Vec<u8> {
        std::fs::read(std::env::current_exe().unwrap()).unwrap()
    }

    #[test]
    fn a_program_of_todays_rust_is_protected() {
        let found = Hardening::parse(&this_program()).unwrap();
        assert!(found.is_program && found.position_independent && found.relro && found.bind_now, "{found:?}");
        assert!(!found.executable_stack && !found.text_relocations && found.search_path.is_none(), "{found:?}");
    }

    #[test]
    fn what_is_no_elf_file_is_refused() {
        assert_eq!(Hardening::parse(b"#!/bin/sh\n"), Err(Error::NotElf));
    }

    proptest! {
        #[test]
        fn changed_bytes_never_make_the_reader_panic(at in 0..4096_usize, value in any::<u8>()) {
            let mut bytes = this_program();
            bytes[at] = value;
            let _ = Hardening::parse(&bytes);
        }
    }
}

//! What a module says it was built for: version and signature, read from the file as NGINX reads them after `dlopen`.

use std::fmt;

use object::read::elf::ElfFile64;
use object::{Endianness, Object as _, ObjectSection as _, ObjectSymbol as _, RelocationTarget};

/// NGINX's loader looks for this array of pointers to `ngx_module_t`, ended by a null pointer (`ngx_load_module` in `src/core/nginx.c`).
const MODULES: &str = "ngx_modules";
/// Offsets in `ngx_module_t` on 64-bit systems (`src/core/ngx_module.h`): two indexes, a name, two spare words come before.
const VERSION_OFFSET: u64 = 40;
const SIGNATURE_OFFSET: u64 = 48;

/// Why a module's stamp could not be read.
#[derive(Debug, thiserror::Error)]
pub enum StampError {
    /// It is no ELF file for a 64-bit system.
    #[error("it is no shared object: {0}")]
    Elf(#[from] object::Error),
    /// It is no NGINX module, or one of a kind that is not known here.
    #[error("it is no NGINX module: {0}")]
    Module(&'static str),
}

/// The version and the signature of a module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp {
    /// `1.28.3`; NGINX keeps it as the number 1028003.
    pub version: String,
    /// Three sizes and the switches.
    pub signature: String,
}

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.version, self.signature)
    }
}

impl Stamp {
    /// Reads the stamp of the first module in a shared object.
    ///
    /// # Errors
    /// When it is no shared object, or no NGINX module.
    pub fn read(bytes: &[u8]) -> Result<Self, StampError> {
        let elf: ElfFile64<'_, Endianness> = ElfFile64::parse(bytes)?;
        let file = Image { elf };
        let modules = file.symbol(MODULES).ok_or(StampError::Module("it has no symbol ngx_modules"))?;
        let module = file.pointer(modules).ok_or(StampError::Module("its array ngx_modules is empty"))?;
        let number = file.word(module + VERSION_OFFSET).ok_or(StampError::Module("its first module has no version"))?;
        let signature = file
            .pointer(module + SIGNATURE_OFFSET)
            .and_then(|address| file.text(address))
            .ok_or(StampError::Module("its first module has no signature"))?;
        let version = format!("{}.{}.{}", number / 1_000_000, number / 1000 % 1000, number % 1000);
        Ok(Self { version, signature })
    }
}

/// A shared object, seen by the addresses that it would have when it is loaded at 0.
struct Image<'a> {
    elf: ElfFile64<'a, Endianness>,
}

impl<'a> Image<'a> {
    fn symbol(&self, name: &str) -> Option<u64> {
        self.elf.dynamic_symbols().find(|symbol| symbol.name() == Ok(name)).map(|symbol| symbol.address())
    }

    /// What is at an address in the file.
    fn at(&self, address: u64) -> Option<&'a [u8]> {
        self.elf.sections().find_map(|section| {
            let start = address.checked_sub(section.address())?;
            let inside = start < section.size() && section.address() != 0;
            section.data().ok()?.get(usize::try_from(start).ok()?..).filter(|_| inside)
        })
    }

    fn word(&self, address: u64) -> Option<u64> {
        let bytes = self.at(address)?.first_chunk::<8>()?;
        Some(u64::from_le_bytes(*bytes))
    }

    /// A pointer that the loader fills in: the file has a relocation for its place.
    fn pointer(&self, address: u64) -> Option<u64> {
        let (_, relocation) = self.elf.dynamic_relocations()?.find(|(place, _)| *place == address)?;
        let base = match relocation.target() {
            RelocationTarget::Symbol(index) => {
                self.elf.dynamic_symbol_table()?;
                self.elf.dynamic_symbols().find(|symbol| symbol.index() == index)?.address()
            }
            _ => 0,
        };
        base.checked_add_signed(relocation.addend())
    }

    fn text(&self, address: u64) -> Option<String> {
        let bytes = self.at(address)?.split(|byte| *byte == 0).next()?;
        String::from_utf8(bytes.to_vec()).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_module_is_refused_with_the_reason() {
        assert!(matches!(Stamp::read(b"no ELF file"), Err(StampError::Elf(_))));
        let program = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        let error = Stamp::read(&program).unwrap_err().to_string();
        assert_eq!(error, "it is no NGINX module: it has no symbol ngx_modules");
    }
}

//! What a binary needs of the system, from its own ELF headers: `libc6 (>= 2.17)`, `libc.so.6(GLIBC_2.14)(64bit)`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use formats::elf::{self, Class, Machine, Needs};

use crate::distro::{Distro, Format, Glibc};
use crate::names::Arch;
use crate::relation::{Comparison, Relation, Relations, Target};

/// Debian's package of the C library, on every architecture here.
const DEBIAN_GLIBC: &str = "libc6";
/// What the C library consists of; one version stands for all of it.
const GLIBC_LIBRARIES: [&str; 11] = [
    "ld-linux-aarch64.so.1",
    "ld-linux-x86-64.so.2",
    "libanl.so.1",
    "libc.so.6",
    "libdl.so.2",
    "libm.so.6",
    "libnsl.so.1",
    "libpthread.so.0",
    "libresolv.so.2",
    "librt.so.1",
    "libutil.so.1",
];

/// Why a binary does not fit a distro.
#[derive(Debug, thiserror::Error)]
pub enum NeedsError {
    /// It cannot be read.
    #[error("cannot read {binary}: {source}")]
    Read {
        /// The binary.
        binary: PathBuf,
        /// The system's word.
        source: std::io::Error,
    },
    /// It is no ELF file, or a broken one.
    #[error("{binary}: {source}")]
    Elf {
        /// The binary.
        binary: PathBuf,
        /// What is wrong with it.
        source: elf::Error,
    },
    /// It is built for another processor.
    #[error("{binary} is built for {found}, the package is for {expected}")]
    Machine {
        /// The binary.
        binary: PathBuf,
        /// What it is built for.
        found: Machine,
        /// What the package is for.
        expected: Arch,
    },
    /// It needs a newer C library than the distro has.
    #[error(
        "{binary} needs {version}, but {distro} has glibc {floor}: build it for an older glibc, as `cargo xtask package` does"
    )]
    TooNew {
        /// The binary.
        binary: PathBuf,
        /// For example `GLIBC_2.34`.
        version: String,
        /// Title of the distro.
        distro: String,
        /// What it has.
        floor: Glibc,
    },
    /// It is bound to something of the C library that is no released version.
    #[error("{binary} needs {version} of {library}, which is no released version of glibc")]
    Unreleased {
        /// The binary.
        binary: PathBuf,
        /// For example `GLIBC_PRIVATE`.
        version: String,
        /// For example `libc.so.6`.
        library: String,
    },
    /// It needs a library that no package is known for.
    #[error(
        "{binary} needs {library}: link it statically, or say in `names` of [{distro}] in distros.toml which package has it, `\"{library}\" = \"…\"`"
    )]
    UnknownLibrary {
        /// The binary.
        binary: PathBuf,
        /// Its soname.
        library: String,
        /// Key of the distro's table.
        distro: String,
    },
}

/// Adds what `binaries`, built for `arch`, need of `distro` to `relations`: to `depends` for deb, to `rpm_libraries` for rpm.
///
/// # Errors
/// When a binary cannot be read, is built for another processor, needs a newer glibc than the distro has, or a library
/// that the distro's `names` do not know.
pub fn add(
    relations: &mut Relations,
    binaries: &[&PathBuf],
    distro: &Distro,
    arch: Option<Arch>,
) -> Result<(), NeedsError> {
    let (mut packages, mut symbols) = (BTreeMap::new(), BTreeSet::new());
    for &binary in binaries {
        let bytes = std::fs::read(binary).map_err(|source| NeedsError::Read { binary: binary.clone(), source })?;
        let needs = Needs::parse(&bytes).map_err(|source| NeedsError::Elf { binary: binary.clone(), source })?;
        if let Some(expected) = arch.filter(|arch| !is_for(needs.machine, *arch)) {
            return Err(NeedsError::Machine { binary: binary.clone(), found: needs.machine, expected });
        }
        let binary = Binary { path: binary, needs: &needs, distro };
        binary.packages(&mut packages)?;
        binary.symbols(&mut symbols);
    }
    match distro.format() {
        Format::Deb => {
            let targets = packages.into_iter().map(|(name, glibc)| Target {
                name,
                constraint: glibc.map(|version| (Comparison::LaterOrEqual, version.to_string())),
            });
            // What the loader needs comes first, as dpkg-shlibdeps' `${shlibs:Depends}` usually does.
            relations.depends.splice(0..0, targets.map(Relation::from));
        }
        Format::Rpm => relations.rpm_libraries.extend(symbols),
    }
    Ok(())
}

fn is_for(machine: Machine, arch: Arch) -> bool {
    matches!((machine, arch), (Machine::X86_64, Arch::X86_64) | (Machine::Aarch64, Arch::Aarch64))
}

/// One binary, held against one distro.
struct Binary<'a> {
    path: &'a Path,
    needs: &'a Needs,
    distro: &'a Distro,
}

impl Binary<'_> {
    /// Which packages hold its libraries; of the C library, the newest version that it is bound to.
    fn packages(&self, packages: &mut BTreeMap<String, Option<Glibc>>) -> Result<(), NeedsError> {
        for library in &self.needs.needed {
            packages.entry(self.package_of(library)?).or_default();
        }
        let of_glibc = self.needs.versions.iter().filter(|need| GLIBC_LIBRARIES.contains(&need.library.as_str()));
        for need in of_glibc {
            let newest = packages.entry(self.package_of(&need.library)?).or_default();
            *newest = (*newest).max(Some(self.glibc(&need.library, &need.version)?));
        }
        Ok(())
    }

    fn package_of(&self, library: &str) -> Result<String, NeedsError> {
        if GLIBC_LIBRARIES.contains(&library) {
            return Ok(DEBIAN_GLIBC.to_owned());
        }
        self.distro.names.get(library).cloned().ok_or_else(|| NeedsError::UnknownLibrary {
            binary: self.path.to_owned(),
            library: library.to_owned(),
            distro: self.distro.id.to_string(),
        })
    }

    /// Reads `GLIBC_2.14` and holds it against the distro's C library.
    fn glibc(&self, library: &str, version: &str) -> Result<Glibc, NeedsError> {
        let released = version.strip_prefix("GLIBC_").and_then(|number| number.parse::<Glibc>().ok());
        let needed = released.ok_or_else(|| NeedsError::Unreleased {
            binary: self.path.to_owned(),
            version: version.to_owned(),
            library: library.to_owned(),
        })?;
        if needed > self.distro.glibc {
            return Err(NeedsError::TooNew {
                binary: self.path.to_owned(),
                version: version.to_owned(),
                distro: self.distro.title.clone(),
                floor: self.distro.glibc,
            });
        }
        Ok(needed)
    }

    /// As rpm's own elfdeps writes them (rpm's `tools/elfdeps.c`).
    fn symbols(&self, symbols: &mut BTreeSet<String>) {
        let marker = match self.needs.class {
            Class::Bits64 => "()(64bit)",
            Class::Bits32 => "",
        };
        symbols.extend(self.needs.needed.iter().map(|library| format!("{library}{marker}")));
        let width = marker.trim_start_matches("()");
        symbols.extend(self.needs.versions.iter().map(|need| format!("{}({}){width}", need.library, need.version)));
        if self.needs.gnu_hash_only {
            symbols.insert("rtld(GNU_HASH)".to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::distro::Matrix;
    use formats::elf::VersionNeed;

    fn distro(id: &str) -> Distro {
        Matrix::load(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/distros.toml"))).unwrap().get(id).unwrap().clone()
    }

    fn needs(libraries: &[&str], versions: &[(&str, &str)]) -> Needs {
        Needs {
            machine: Machine::X86_64,
            class: Class::Bits64,
            interpreter: None,
            soname: None,
            needed: libraries.iter().map(ToString::to_string).collect(),
            versions: versions
                .iter()
                .map(|(library, version)| VersionNeed {
                    library: library.to_string(),
                    version: version.to_string(),
                    weak: false,
                })
                .collect(),
            gnu_hash_only: true,
        }
    }

    fn packages(needs: &Needs, distro: &Distro) -> Result<String, String> {
        let mut packages = BTreeMap::new();
        let binary = Binary { path: Path::new("wtarantool"), needs, distro };
        binary.packages(&mut packages).map_err(|error| error.to_string())?;
        Ok(packages
            .into_iter()
            .map(|(name, glibc)| format!("{name} {}", glibc.map(|g| g.to_string()).unwrap_or_default()))
            .collect::<Vec<_>>()
            .join(", "))
    }

    #[test]
    fn the_newest_symbol_of_all_glibc_libraries_decides() {
        let needs = needs(
            &["libc.so.6", "libm.so.6", "libgcc_s.so.1"],
            &[
                ("libc.so.6", "GLIBC_2.2.5"),
                ("libm.so.6", "GLIBC_2.16"),
                ("libc.so.6", "GLIBC_2.4"),
                ("libgcc_s.so.1", "GCC_3.0"),
            ],
        );
        assert_eq!(packages(&needs, &distro("jammy")).unwrap(), "libc6 2.16, libgcc-s1 ");
        assert_eq!(packages(&needs, &distro("buster")).unwrap(), "libc6 2.16, libgcc1 ");
    }

    #[test]
    fn a_binary_built_on_bookworm_is_refused_for_buster_by_name_symbol_and_distro() {
        let needs = needs(&["libc.so.6"], &[("libc.so.6", "GLIBC_2.34")]);
        let error = packages(&needs, &distro("buster")).unwrap_err();
        assert!(error.starts_with("wtarantool needs GLIBC_2.34, but Debian 10 buster has glibc 2.28"), "{error}");
        assert!(packages(&needs, &distro("jammy")).is_ok());
    }

    #[test]
    fn an_unknown_library_is_refused_with_the_table_that_could_name_it() {
        let error = packages(&needs(&["libssl.so.3"], &[]), &distro("el8")).unwrap_err();
        assert!(error.contains("`names` of [el8]") && error.contains("\"libssl.so.3\" ="), "{error}");
    }

    #[test]
    fn private_symbols_of_glibc_are_refused() {
        let error = packages(&needs(&[], &[("libc.so.6", "GLIBC_PRIVATE")]), &distro("el8")).unwrap_err();
        assert!(error.contains("GLIBC_PRIVATE"), "{error}");
    }

    #[test]
    fn rpm_symbols_are_written_as_elfdeps_does() {
        let needs = needs(&["libc.so.6"], &[("libc.so.6", "GLIBC_2.14")]);
        let mut symbols = BTreeSet::new();
        Binary { path: Path::new("x"), needs: &needs, distro: &distro("el7") }.symbols(&mut symbols);
        let symbols: Vec<_> = symbols.iter().map(String::as_str).collect();
        assert_eq!(symbols, ["libc.so.6()(64bit)", "libc.so.6(GLIBC_2.14)(64bit)", "rtld(GNU_HASH)"]);
    }
}

//! A debugger finds the symbols of everything that is packed.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};
use formats::elf;
use packaging::lint::{self, ItemKind, Subject};

use super::stage::Count;
use super::tree;
use crate::commands::package::modules::MODULE;
use crate::commands::package::sha256_of;
use crate::plan::BINARIES;
use crate::session::Session;

/// What the stage calls.
pub const NEEDS: &[&str] = &["binutils", "gdb"];

/// Where symbols are installed.
const FOLDER: &str = "/usr/lib/debug/.build-id/";

/// Installs the symbols of each binary of the tree in a folder, and asks gdb, which looks for them there, for the line of a function.
pub fn run(session: &Session) -> Result<Count> {
    let mut count = Count::default();
    // Most packages of a family hold the same file.
    let mut proven = BTreeSet::new();
    for path in [tree::packages(session, "deb")?, tree::packages(session, "rpm")?].concat() {
        let Some(symbols) = symbols_of(&path) else { continue };
        let programs: Vec<_> =
            files(lint::read(&path)?).into_iter().filter(|(_, content)| elf::is_elf(content)).collect();
        if programs.is_empty() || is_of_symbols(&path) {
            continue;
        }
        let symbols = if symbols.is_file() { files(lint::read(&symbols)?) } else { BTreeMap::new() };
        for (place, program) in programs {
            let wrong = match debug_file(&program, &symbols) {
                None => Some("has no symbols".to_owned()),
                Some((_, debug)) if !proven.insert([&program, debug].map(sha256_of)) => None,
                Some((name, debug)) => Pair { program: &program, name: &name, debug }.complaint()?,
            };
            if let Some(wrong) = &wrong {
                session.say(&format!("{}: {place} {wrong}", session.shown(&path)));
            }
            count += Count::of(wrong.is_none());
        }
    }
    // A tree without a single binary would prove nothing.
    Ok(if count == Count::default() { Count { passed: 0, failed: 1 } } else { count })
}

fn is_of_symbols(package: &Path) -> bool {
    let name = package.file_name().unwrap_or_default().to_string_lossy();
    name.contains("-dbgsym_") || name.contains("-debuginfo-")
}

/// `a_1_amd64.deb` has its symbols in `a-dbgsym_1_amd64.deb`, `a-1.el8.x86_64.rpm` in `a-debuginfo-1.el8.x86_64.rpm`.
fn symbols_of(package: &Path) -> Option<PathBuf> {
    let name = package.file_name()?.to_str()?;
    let symbols = match package.extension()?.to_str()? {
        "deb" => name.replacen('_', "-dbgsym_", 1),
        _ => {
            let version =
                name.match_indices('-').find(|(at, _)| name[at + 1..].starts_with(|c: char| c.is_ascii_digit()));
            let (at, _) = version?;
            format!("{}-debuginfo{}", &name[..at], &name[at..])
        }
    };
    Some(package.with_file_name(symbols))
}

fn files(package: Subject) -> BTreeMap<String, Vec<u8>> {
    let content = |item: lint::Item| match item.kind {
        ItemKind::File(content) => Some((item.path, content)),
        _ => None,
    };
    package.items.into_iter().filter_map(content).collect()
}

/// Where a debugger looks for the symbols of `program`, below its folder, and what is there.
fn debug_file<'a>(program: &[u8], symbols: &'a BTreeMap<String, Vec<u8>>) -> Option<(String, &'a [u8])> {
    let build_id = elf::build_id(program)?;
    let (first, rest) = build_id.split_at_checked(2)?;
    let name = format!("{first}/{rest}.debug");
    let debug = symbols.get(&format!("{FOLDER}{name}"))?;
    Some((name, debug))
}

/// What runs, and what was taken out of it.
struct Pair<'a> {
    program: &'a [u8],
    /// Of the file with the symbols, below [`FOLDER`].
    name: &'a str,
    debug: &'a [u8],
}

impl Pair<'_> {
    /// What is wrong, if anything is.
    fn complaint(&self) -> Result<Option<String>> {
        let root = tempfile::tempdir().context("cannot make a folder")?;
        let (program, debug) = (root.path().join("program"), root.path().join("debug/.build-id").join(self.name));
        fs::create_dir_all(debug.parent().unwrap_or(root.path())).context("cannot make a folder")?;
        fs::write(&program, self.program).context("cannot write")?;
        fs::write(&debug, self.debug).context("cannot write")?;
        let Some(address) = own_function(&debug)? else {
            return Ok(Some("names none of its own functions".to_owned()));
        };
        let place = format!("set debug-file-directory {}", root.path().join("debug").display());
        let question = format!("info line *{address}");
        let words = ["-batch", "-nx", "-iex", &place, "-ex", &question].map(OsString::from);
        let answer = said("gdb", words.iter().map(OsString::as_os_str).chain([program.as_os_str()]))?;
        Ok(match answer {
            Ok(text) if is_line_of_rust(&text) => None,
            Ok(text) | Err(text) => Some(format!("has symbols, yet gdb says `{}` of {address}", text.trim())),
        })
    }
}

/// `Line 12 of "postanalytics/src/main.rs" starts at address …`
fn is_line_of_rust(answer: &str) -> bool {
    answer.lines().any(|line| line.starts_with("Line ") && line.contains(".rs\""))
}

/// The address of a function of this workspace, as its symbols have it.
fn own_function(debug: &Path) -> Result<Option<String>> {
    let crates = BINARIES.map(|(binary, _)| binary).into_iter().chain([MODULE]);
    // As they are mangled: `10wtarantool`.
    let marks: Vec<String> = crates.map(|name| format!("{}{name}", name.len())).collect();
    let names = said("nm", ["--defined-only".as_ref(), debug.as_os_str()])?.unwrap_or_default();
    Ok(names.lines().find_map(|line| {
        let [address, kind, name] = line.split(' ').collect::<Vec<_>>().try_into().ok()?;
        let is_own = kind.eq_ignore_ascii_case("t") && marks.iter().any(|mark| name.contains(mark));
        is_own.then(|| format!("0x{address}"))
    }))
}

/// What a program says; as an error when it fails.
fn said<'a>(
    program: &str,
    arguments: impl IntoIterator<Item = &'a std::ffi::OsStr>,
) -> Result<std::result::Result<String, String>> {
    let output = Command::new(program).args(arguments).env("LC_ALL", "C").output();
    let output = output.with_context(|| format!("cannot run {program}"))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok(if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_of_symbols_are_found_by_name() {
        let of = |name: &str| symbols_of(Path::new(name)).unwrap().display().to_string();
        let deb = of("x/wallarm-tarantool_4.8.9-1_amd64.deb");
        assert_eq!(deb, "x/wallarm-tarantool-dbgsym_4.8.9-1_amd64.deb");
        let rpm = of("x/nginx-mod-http-wallarm-4.8.9-1.el8.x86_64.rpm");
        assert_eq!(rpm, "x/nginx-mod-http-wallarm-debuginfo-4.8.9-1.el8.x86_64.rpm");
        assert!(is_of_symbols(Path::new(&deb)) && is_of_symbols(Path::new(&rpm)));
    }

    /// A program whose one function bears the name that Rust would give to one of the server, in two.
    fn parted(folder: &Path, answer: u32) -> toolchain::Split {
        let (source, built) = (folder.join(format!("{answer}.c")), folder.join(format!("program{answer}")));
        let text = format!(
            "#line 7 \"main.rs\"\nint _ZN10wtarantool3runE(void) {{ return {answer}; }}\nint main(void) {{ return _ZN10wtarantool3runE(); }}\n"
        );
        fs::write(&source, text).unwrap();
        let status =
            Command::new("cc").args(["-g", "-Wl,--build-id=sha1", "-o"]).arg(&built).arg(&source).status().unwrap();
        assert!(status.success());
        toolchain::split(&built, &folder.join("split")).unwrap()
    }

    #[test]
    fn symbols_of_another_program_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let [own, other] = [1, 2].map(|answer| parted(folder.path(), answer));
        let [program, debug, foreign] = [&own.stripped, &own.debug, &other.debug].map(|path| fs::read(path).unwrap());
        let name = own.debug.file_name().unwrap().to_str().unwrap();
        let name = format!("{}/{name}", &own.build_id[..2]);
        let complaint = |debug: &[u8]| Pair { program: &program, name: &name, debug }.complaint().unwrap();
        assert_eq!(complaint(&debug), None);
        assert!(complaint(&foreign).unwrap().contains("yet gdb says"));
    }

    #[test]
    fn only_a_line_of_the_source_is_an_answer() {
        assert!(is_line_of_rust("Line 3 of \"postanalytics/src/main.rs\" starts at address 0x1 <main>\n"));
        assert!(!is_line_of_rust("No line number information available for address 0x1 <main>\n"));
    }
}

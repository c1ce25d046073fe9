//! Parts what is built in two: what runs, and what a debugger asks for, tied together by a build id.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use object::Object as _;

/// Why a binary could not be parted.
#[derive(Debug, thiserror::Error)]
pub enum SplitError {
    /// A file or folder cannot be read or written.
    #[error("{path}: {source}")]
    Io {
        /// Which one.
        path: PathBuf,
        /// The system's word.
        source: std::io::Error,
    },
    /// It is no ELF file with a build id.
    #[error("{path} has no build id, by which a debugger would find its symbols: {why}")]
    NoBuildId {
        /// The binary.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// Nothing here can part it.
    #[error("no objcopy for {path}: neither Rust's own nor {tried} runs; install llvm or binutils")]
    NoTool {
        /// The binary.
        path: PathBuf,
        /// What was tried.
        tried: String,
    },
    /// The tool failed.
    #[error("{tool} cannot part {path}: {said}")]
    Failed {
        /// Which tool.
        tool: PathBuf,
        /// The binary.
        path: PathBuf,
        /// Its word.
        said: String,
    },
}

/// What runs goes by this name whatever it was built as: the same content has the same home.
const STRIPPED: &str = "stripped";

/// A binary in two.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split {
    /// What runs. It names the other by file name and check sum (`.gnu_debuglink`).
    pub stripped: PathBuf,
    /// What a debugger asks for.
    pub debug: PathBuf,
    /// What both have in common, in hexadecimal digits.
    pub build_id: String,
}

/// Parts `built` into two files below `folder`, in a folder that is named after its build id. The same binary gives the same bytes; what is there already is taken.
/// What runs keeps what the system's loader asks for and no more; the names of its functions are for the debugger, too.
///
/// # Errors
/// Any [`SplitError`].
pub fn split(built: &Path, folder: &Path) -> Result<Split, SplitError> {
    let build_id = build_id(built)?;
    let home = folder.join(&build_id);
    // As Debian names it: the first two digits are its folder's.
    let debug_name = format!("{}.debug", build_id.get(2..).unwrap_or_default());
    let (stripped, debug) = (home.join(STRIPPED), home.join(&debug_name));
    let parted = Split { stripped: stripped.clone(), debug: debug.clone(), build_id };
    if stripped.is_file() && debug.is_file() {
        return Ok(parted);
    }
    let at = |path: &Path| {
        let path = path.to_owned();
        move |source| SplitError::Io { path, source }
    };
    std::fs::create_dir_all(folder).map_err(at(folder))?;
    // Made aside and renamed as a whole: a run that is killed leaves no half.
    let aside = tempfile::tempdir_in(folder).map_err(at(folder))?;
    let objcopy = Objcopy::find(built)?;
    let (new_debug, new_stripped) = (aside.path().join(&debug_name), aside.path().join(STRIPPED));
    objcopy.run(built, &["--only-keep-debug".into(), built.into(), new_debug.clone().into()])?;
    let mut link = OsString::from("--add-gnu-debuglink=");
    link.push(&new_debug);
    objcopy.run(built, &["--strip-all".into(), link, built.into(), new_stripped.into()])?;
    match std::fs::rename(aside.path(), &home) {
        // Another run was quicker; what it made is the same.
        Err(_) if stripped.is_file() && debug.is_file() => {}
        other => other.map_err(at(&home))?,
    }
    Ok(parted)
}

fn build_id(path: &Path) -> Result<String, SplitError> {
    let bytes = std::fs::read(path).map_err(|source| SplitError::Io { path: path.to_owned(), source })?;
    let none = |why: String| SplitError::NoBuildId { path: path.to_owned(), why };
    let file = object::File::parse(bytes.as_slice()).map_err(|error| none(error.to_string()))?;
    let id = file.build_id().map_err(|error| none(error.to_string()))?;
    let id = id.ok_or_else(|| none("it has no such note".to_owned()))?;
    Ok(id.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// A tool that copies parts of object files.
struct Objcopy {
    program: PathBuf,
    /// Where its own libraries are.
    libraries: Option<PathBuf>,
}

impl Objcopy {
    /// Rust brings one for every processor. A distribution's Rust may not; there it is LLVM's or binutils'.
    fn find(built: &Path) -> Result<Self, SplitError> {
        let mut candidates = Vec::from_iter(Self::of_rust());
        let others = ["llvm-objcopy", "objcopy"];
        candidates.extend(others.map(|name| Self { program: name.into(), libraries: None }));
        let runs = |tool: &Self| tool.command().arg("--version").output().is_ok_and(|output| output.status.success());
        let tried = others.join(" nor ");
        candidates.into_iter().find(runs).ok_or(SplitError::NoTool { path: built.to_owned(), tried })
    }

    fn of_rust() -> Option<Self> {
        let output = Command::new("rustc").args(["-vV", "--print", "sysroot"]).output().ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        let host = text.lines().find_map(|line| line.strip_prefix("host: "))?;
        let sysroot = Path::new(text.lines().find(|line| line.starts_with('/'))?);
        let program = sysroot.join("lib/rustlib").join(host).join("bin/rust-objcopy");
        Some(Self { program, libraries: Some(sysroot.join("lib")) })
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        if let Some(folder) = &self.libraries {
            command.env("LD_LIBRARY_PATH", folder);
        }
        command
    }

    fn run(&self, built: &Path, arguments: &[OsString]) -> Result<(), SplitError> {
        let failed = |said: String| SplitError::Failed { tool: self.program.clone(), path: built.to_owned(), said };
        let output = self.command().args(arguments).output().map_err(|error| failed(error.to_string()))?;
        if output.status.success() {
            return Ok(());
        }
        Err(failed(String::from_utf8_lossy(&output.stderr).trim().to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A small program of C, with line numbers and a build id, whose source lies where two machines would not have it.
    fn program(folder: &Path) -> PathBuf {
        let (source, built) = (folder.join("a.c"), folder.join("a"));
        std::fs::write(&source, "int answer(void) { return 42; }\nint main(void) { return answer(); }\n").unwrap();
        let status =
            Command::new("cc").args(["-g", "-Wl,--build-id=sha1", "-o"]).arg(&built).arg(&source).status().unwrap();
        assert!(status.success());
        built
    }

    fn said(program: &str, arguments: &[&OsString]) -> String {
        let output = Command::new(program).args(arguments).env("LC_ALL", "C").output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    #[test]
    fn both_halves_have_one_build_id_and_the_running_one_names_the_other() {
        let folder = tempfile::tempdir().unwrap();
        let parted = split(&program(folder.path()), &folder.path().join("split")).unwrap();
        assert_eq!((build_id(&parted.stripped).unwrap(), parted.build_id.len()), (parted.build_id.clone(), 40));
        assert_eq!(build_id(&parted.debug).unwrap(), parted.build_id);
        let (sections, debug) = ("-SW".into(), "--debug-dump=links".into());
        let of_stripped = said("readelf", &[&sections, &parted.stripped.clone().into()]);
        assert!(!of_stripped.contains(".debug_line") && !of_stripped.contains(".symtab"), "{of_stripped}");
        let link = said("readelf", &[&debug, &parted.stripped.clone().into()]);
        let name = parted.debug.file_name().unwrap().to_str().unwrap();
        assert!(link.contains(&format!("Separate debug info file: {name}")), "{link}");
        let of_debug = said("readelf", &[&sections, &parted.debug.clone().into()]);
        assert!(of_debug.contains(".debug_line") && of_debug.contains(".symtab"), "{of_debug}");
        assert!(Command::new(&parted.stripped).status().unwrap().code() == Some(42));
    }

    #[test]
    fn gdb_and_elfutils_put_both_halves_together_again() {
        let folder = tempfile::tempdir().unwrap();
        let parted = split(&program(folder.path()), &folder.path().join("split")).unwrap();
        // As packages of symbols install it.
        let debug_root = folder.path().join("debug");
        let place = debug_root.join(".build-id").join(&parted.build_id[..2]);
        std::fs::create_dir_all(&place).unwrap();
        std::fs::copy(&parted.debug, place.join(parted.debug.file_name().unwrap())).unwrap();
        let setting = OsString::from(format!("set debug-file-directory {}", debug_root.display()));
        let program = parted.stripped.clone().into_os_string();
        let words = ["-batch", "-nx", "-iex", "-ex", "info line answer"].map(OsString::from);
        let asked = [&words[0], &words[1], &words[2], &setting, &words[3], &words[4], &program];
        let answer = said("gdb", &asked);
        assert!(answer.contains("Line 1 of") && answer.contains("a.c"), "{answer}");
        let whole = folder.path().join("whole").into_os_string();
        said("eu-unstrip", &[&program, &parted.debug.into(), &"-o".into(), &whole]);
        assert!(said("readelf", &[&"-SW".into(), &whole]).contains(".debug_line"));
    }

    #[test]
    fn the_same_binary_gives_the_same_halves_and_is_parted_once() {
        let folder = tempfile::tempdir().unwrap();
        let built = program(folder.path());
        let [one, other] = ["one", "other"].map(|name| split(&built, &folder.path().join(name)).unwrap());
        let read = |path: &Path| std::fs::read(path).unwrap();
        assert_eq!(read(&one.stripped), read(&other.stripped));
        assert_eq!(read(&one.debug), read(&other.debug));
        let before = one.debug.metadata().unwrap().modified().unwrap();
        assert_eq!(split(&built, &folder.path().join("one")).unwrap(), one);
        assert_eq!(one.debug.metadata().unwrap().modified().unwrap(), before);
    }

    #[test]
    fn the_same_content_under_another_name_is_the_same_binary() {
        let folder = tempfile::tempdir().unwrap();
        let (built, renamed) = (program(folder.path()), folder.path().join("b"));
        std::fs::copy(&built, &renamed).unwrap();
        let halves = folder.path().join("split");
        assert_eq!(split(&built, &halves).unwrap(), split(&renamed, &halves).unwrap());
    }

    #[test]
    fn what_has_no_build_id_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        std::fs::write(&path, "#!/bin/sh\n").unwrap();
        assert!(matches!(split(&path, folder.path()), Err(SplitError::NoBuildId { .. })));
    }
}

//! The zig linker and its cargo front end, pinned and kept in a folder of ours: nothing is installed into the system.
//!
//! Both are published as Python wheels, so any Python with pip can fetch them by name, through whatever mirror, proxy
//! and certificates the machine's pip is set up for.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The zig that binaries are linked with.
pub const ZIG_VERSION: &str = "0.17.1";

/// The cargo front end to it.
pub const ZIGBUILD_VERSION: &str = "0.24.0";

/// Begins the names of folders that are being filled.
const UNFINISHED: &str = ".fetching-";

/// Why the linker could not be had.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// There is no Python, or it has no pip.
    #[error(
        "the zig linker is fetched by `{python} -m pip`, which does not run ({why}); install python3-pip, or set WALLARM_TOOLCHAIN to a folder that already has the linker"
    )]
    NoPip {
        /// Which Python was tried.
        python: String,
        /// What it said.
        why: String,
    },
    /// pip could not fetch it.
    #[error(
        "cannot fetch ziglang {ZIG_VERSION} and cargo-zigbuild {ZIGBUILD_VERSION}: {why}\nThe first run needs a network that pip can use; without one, copy the folder {folder} from a machine that has it, or set WALLARM_TOOLCHAIN to such a folder"
    )]
    Pip {
        /// Where it would be kept.
        folder: PathBuf,
        /// The end of what pip said.
        why: String,
    },
    /// The folder that was named has no linker in it.
    #[error(
        "{folder} has no {missing}: unset WALLARM_TOOLCHAIN, or point it at a folder that a run of this version has filled"
    )]
    Incomplete {
        /// What was named.
        folder: PathBuf,
        /// What is not there.
        missing: &'static str,
    },
    /// The folder cannot be written.
    #[error("cannot write {path}: {source}")]
    Write {
        /// Which path.
        path: PathBuf,
        /// The system's word.
        source: std::io::Error,
    },
}

/// A fetched linker.
#[derive(Debug, Clone)]
pub struct Zig {
    folder: PathBuf,
}

impl Zig {
    const ZIG: &str = "ziglang/zig";
    const ZIGBUILD: &str = "bin/cargo-zigbuild";

    /// The linker in a folder that somebody filled.
    ///
    /// # Errors
    /// When it is not there.
    pub fn at(folder: &Path) -> Result<Self, FetchError> {
        for missing in [Self::ZIG, Self::ZIGBUILD] {
            if !folder.join(missing).is_file() {
                return Err(FetchError::Incomplete { folder: folder.to_owned(), missing });
            }
        }
        Ok(Self { folder: folder.to_owned() })
    }

    /// The folder below `tools` in which this version is kept.
    pub fn folder(tools: &Path) -> PathBuf {
        tools.join(format!("zig-{ZIG_VERSION}-zigbuild-{ZIGBUILD_VERSION}"))
    }

    /// The linker below `tools`, fetched if it is not there. It appears whole or not at all: a run that is killed leaves
    /// only a temporary folder, which the next one removes. A second run waits for the first.
    ///
    /// # Errors
    /// When pip is missing or fails, or the folder cannot be written.
    pub fn fetch(tools: &Path) -> Result<Self, FetchError> {
        let folder = Self::folder(tools);
        if let Ok(zig) = Self::at(&folder) {
            return Ok(zig);
        }
        let write = |path: &Path| {
            let path = path.to_owned();
            move |source| FetchError::Write { path, source }
        };
        std::fs::create_dir_all(tools).map_err(write(tools))?;
        let lock = tools.join(".lock");
        let lock_file = File::create(&lock).map_err(write(&lock))?;
        lock_file.lock().map_err(write(&lock))?;
        if let Ok(zig) = Self::at(&folder) {
            return Ok(zig);
        }
        remove_unfinished(tools).map_err(write(tools))?;
        let aside = tempfile::Builder::new().prefix(UNFINISHED).tempdir_in(tools).map_err(write(tools))?;
        pip_install(aside.path(), &folder)?;
        Self::at(aside.path())?;
        std::fs::rename(aside.path(), &folder).map_err(write(&folder))?;
        drop(aside.keep());
        Self::at(&folder)
    }

    /// `cargo-zigbuild` itself.
    pub fn zigbuild(&self) -> PathBuf {
        self.folder.join(Self::ZIGBUILD)
    }

    /// `zig` itself.
    pub fn zig(&self) -> PathBuf {
        self.folder.join(Self::ZIG)
    }
}

/// What runs that were killed have left; none is alive, since we hold the lock.
fn remove_unfinished(tools: &Path) -> std::io::Result<()> {
    for entry in std::fs::read_dir(tools)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(UNFINISHED) {
            std::fs::remove_dir_all(entry.path())?;
        }
    }
    Ok(())
}

fn pip_install(target: &Path, folder: &Path) -> Result<(), FetchError> {
    let python = std::env::var("PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let no_pip = |why: String| FetchError::NoPip { python: python.clone(), why };
    let probe = Command::new(&python).args(["-m", "pip", "--version"]).output();
    match probe {
        Err(error) => return Err(no_pip(error.to_string())),
        Ok(output) if !output.status.success() => return Err(no_pip(last_words(&output))),
        Ok(_) => {}
    }
    let output = Command::new(&python)
        .args(["-m", "pip", "install", "--quiet", "--no-input", "--only-binary=:all:", "--no-compile", "--target"])
        .arg(target)
        .arg(format!("ziglang=={ZIG_VERSION}"))
        .arg(format!("cargo-zigbuild=={ZIGBUILD_VERSION}"))
        .output()
        .map_err(|error| no_pip(error.to_string()))?;
    if output.status.success() {
        Ok(())
    } else {
        Err(FetchError::Pip { folder: folder.to_owned(), why: last_words(&output) })
    }
}

/// The last lines of what a command said on its error output.
fn last_words(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(3)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_killed_fetch_has_left_is_removed_and_nothing_else() {
        let tools = tempfile::tempdir().unwrap();
        for name in [".fetching-abc", "zig-0.1"] {
            std::fs::create_dir(tools.path().join(name)).unwrap();
        }
        remove_unfinished(tools.path()).unwrap();
        assert!(!tools.path().join(".fetching-abc").exists() && tools.path().join("zig-0.1").exists());
    }

    #[test]
    fn a_folder_without_the_linker_is_refused_by_name() {
        let empty = tempfile::tempdir().unwrap();
        let error = Zig::at(empty.path()).unwrap_err().to_string();
        assert!(error.contains("has no ziglang/zig"), "{error}");
    }
}

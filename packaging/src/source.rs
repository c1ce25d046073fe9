//! The source tarball: what a release was built from, as one file that is the same wherever it is made.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use crate::compress::{Compressor, Material};
use crate::distro::Compression;
use crate::names::PackageArch;
use crate::output::{self, Written};
use crate::tarball::Archive;
use crate::version::Upstream;

/// Modes in the archive: git knows no others.
const FILE: u32 = 0o644;
const EXECUTABLE: u32 = 0o755;

/// Why a tarball could not be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file cannot be written.
    #[error("cannot write {path}: {source}")]
    Write {
        /// The tarball.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A name that would leave the folder that the tarball unpacks to.
    #[error("`{0}` cannot stand in a source tarball: a relative path without `..` is expected")]
    Name(String),
}

/// One file of the sources.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourceFile {
    /// A file, and whether it is run.
    File {
        /// Its bytes.
        content: Vec<u8>,
        /// As git records it.
        executable: bool,
    },
    /// A link to this target.
    Symlink(String),
}

/// Everything of one release.
#[derive(Debug, Clone)]
pub struct Sources {
    /// What it is called, for example `wallarm-node`.
    pub name: String,
    /// Of the release.
    pub version: Upstream,
    /// The time of every entry, in Unix seconds.
    pub epoch: u64,
    /// By path below the checkout; iteration order is archive order.
    pub files: BTreeMap<String, SourceFile>,
}

impl Sources {
    /// Debian's name of an upstream tarball.
    #[must_use]
    pub fn file_name(&self) -> String {
        format!("{}_{}.orig.tar.xz", self.name, self.version)
    }

    /// The folder that it unpacks to.
    #[must_use]
    pub fn folder(&self) -> String {
        format!("{}-{}", self.name, self.version)
    }

    /// Writes the tarball into `folder`, under its [`Sources::file_name`]. The same sources give the same bytes.
    ///
    /// # Errors
    /// Any [`Error`]; no half-written file stays.
    pub fn write(&self, folder: &Path) -> Result<Written, Error> {
        let path = folder.join(self.file_name());
        for name in self.files.keys() {
            let is_plain = |part: &str| !part.is_empty() && part != "." && part != "..";
            if !name.split('/').all(is_plain) {
                return Err(Error::Name(name.clone()));
            }
        }
        let failed = |source| Error::Write { path: path.clone(), source };
        let packed = self.pack().map_err(failed)?;
        output::write_whole(&path, failed, |file| io::Write::write_all(file, &packed).map_err(failed))
    }

    fn pack(&self) -> io::Result<Vec<u8>> {
        let compressor = Compressor::new(Compression::Xz, Material::For(PackageArch::Independent))?;
        let mut archive = Archive::below(&format!("{}/", self.folder()), compressor, self.epoch);
        archive.directory("", EXECUTABLE)?;
        for (name, file) in &self.files {
            match file {
                SourceFile::File { content, executable } => {
                    archive.file(name, if *executable { EXECUTABLE } else { FILE }, content)?;
                }
                SourceFile::Symlink(target) => archive.symlink(name, target)?,
            }
        }
        archive.finish()?.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    fn sources(names: &[&str]) -> Sources {
        let file = |name: &&str| {
            let executable = name.ends_with("run");
            ((*name).to_owned(), SourceFile::File { content: b"text\n".to_vec(), executable })
        };
        Sources {
            name: "node".into(),
            version: "4.8.9".parse().unwrap(),
            epoch: 1_700_000_000,
            files: names.iter().map(file).collect(),
        }
    }

    #[test]
    fn tar_lists_one_folder_with_sorted_names_one_owner_and_one_time() {
        let folder = tempfile::tempdir().unwrap();
        let written = sources(&["b", "a/run", "a/file"]).write(folder.path()).unwrap();
        assert!(written.path.ends_with("node_4.8.9.orig.tar.xz"));
        let output = Command::new("tar").env("TZ", "UTC").arg("-tvJf").arg(&written.path).output().unwrap();
        let expected = "drwxr-xr-x root/root         0 2023-11-14 22:13 node-4.8.9/\n\
             -rw-r--r-- root/root         5 2023-11-14 22:13 node-4.8.9/a/file\n\
             -rwxr-xr-x root/root         5 2023-11-14 22:13 node-4.8.9/a/run\n\
             -rw-r--r-- root/root         5 2023-11-14 22:13 node-4.8.9/b\n";
        assert_eq!(String::from_utf8_lossy(&output.stdout), expected);
    }

    #[test]
    fn the_same_sources_give_the_same_bytes() {
        let [one, two] = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let bytes = |folder: &Path| std::fs::read(sources(&["a", "b"]).write(folder).unwrap().path).unwrap();
        assert_eq!(bytes(one.path()), bytes(two.path()));
    }

    #[test]
    fn a_name_that_leaves_the_folder_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["../x", "/etc/x", "a/../../x", "a//b", ""] {
            assert!(matches!(sources(&[name]).write(folder.path()), Err(Error::Name(_))), "{name}");
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}

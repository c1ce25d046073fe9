//! The zig linker and its cargo front end, pinned and kept in a folder of ours.

use std::path::{Path, PathBuf};

use crate::pip::{FetchError, Wheels};

/// The zig that binaries are linked with.
pub const ZIG_VERSION: &str = "0.17.1";

/// The cargo front end to it.
pub const ZIGBUILD_VERSION: &str = "0.24.0";

/// A fetched linker.
#[derive(Debug, Clone)]
pub struct Zig {
    folder: PathBuf,
}

impl Zig {
    const ZIG: &str = "ziglang/zig";
    const ZIGBUILD: &str = "bin/cargo-zigbuild";
    const PROOF: &[&str] = &[Self::ZIG, Self::ZIGBUILD];

    /// The linker in a folder that somebody filled.
    ///
    /// # Errors
    /// When it is not there.
    pub fn at(folder: &Path) -> Result<Self, FetchError> {
        Wheels { wanted: &[], proof: Self::PROOF }.check(folder)?;
        Ok(Self { folder: folder.to_owned() })
    }

    /// The folder below `tools` in which this version is kept.
    pub fn folder(tools: &Path) -> PathBuf {
        tools.join(format!("zig-{ZIG_VERSION}-zigbuild-{ZIGBUILD_VERSION}"))
    }

    /// The linker below `tools`, fetched if it is not there.
    ///
    /// # Errors
    /// When pip is missing or fails, or the folder cannot be written.
    pub fn fetch(tools: &Path) -> Result<Self, FetchError> {
        let folder = Self::folder(tools);
        let wanted = [format!("ziglang=={ZIG_VERSION}"), format!("cargo-zigbuild=={ZIGBUILD_VERSION}")];
        Wheels { wanted: &wanted, proof: Self::PROOF }.fetch(&folder)?;
        Self::at(&folder)
    }

    /// Where it is, with the headers and sources that it brings.
    pub fn root(&self) -> &Path {
        &self.folder
    }

    /// `cargo-zigbuild` itself.
    pub fn zigbuild(&self) -> PathBuf {
        self.folder.join(Self::ZIGBUILD)
    }

    /// What it consists of, as far as it runs: both programs.
    pub fn programs(&self) -> [PathBuf; 2] {
        [self.zig(), self.zigbuild()]
    }

    /// `zig` itself.
    pub fn zig(&self) -> PathBuf {
        self.folder.join(Self::ZIG)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_without_the_linker_is_refused_by_name() {
        let empty = tempfile::tempdir().unwrap();
        let error = Zig::at(empty.path()).unwrap_err().to_string();
        assert!(error.contains("has no ziglang/zig"), "{error}");
    }
}

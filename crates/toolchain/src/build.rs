//! Builds a workspace's binaries for an old glibc, the same bytes in every folder.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::remap::Remapping;
use crate::zig::Zig;

/// Why a binary could not be built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// cargo does not start.
    #[error("cannot run {program}: {source}")]
    Start {
        /// What was to run.
        program: PathBuf,
        /// The system's word.
        source: std::io::Error,
    },
    /// The folder for what is built cannot be made.
    #[error("cannot make {path}: {source}")]
    Folder {
        /// Which one.
        path: PathBuf,
        /// The system's word.
        source: std::io::Error,
    },
    /// cargo failed; it has said why on the terminal.
    #[error("building {binary} for {target} failed, see above{hint}")]
    Failed {
        /// Which binary.
        binary: String,
        /// For what.
        target: String,
        /// What to do, if it is known.
        hint: &'static str,
    },
    /// cargo succeeded but the binary is not where it should be.
    #[error("cargo reported success, but {0} is not there")]
    NoBinary(PathBuf),
}

/// What a binary is built for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The processor as rustc says it, for example `x86_64`.
    pub arch: String,
    /// The oldest glibc that the binary may meet, for example `2.17`.
    pub glibc: String,
}

impl Target {
    /// rustc's name of it.
    pub fn triple(&self) -> String {
        format!("{}-unknown-linux-gnu", self.arch)
    }

    /// cargo-zigbuild's name of it.
    pub fn zig_triple(&self) -> String {
        format!("{}.{}", self.triple(), self.glibc)
    }
}

/// Something that cargo builds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Artifact<'a> {
    /// The crate.
    pub package: &'a str,
    /// Its binary of this name, or its library.
    pub binary: Option<&'a str>,
}

impl Artifact<'_> {
    fn selection(&self) -> Vec<&str> {
        self.binary.map_or_else(|| vec!["--lib"], |binary| vec!["--bin", binary])
    }

    fn file_name(&self) -> String {
        self.binary.map_or_else(|| format!("lib{}.so", self.package.replace('-', "_")), str::to_owned)
    }
}

/// By the content of what is linked: a debugger finds the symbols of a binary by it, wherever either of them is.
const BUILD_ID: &str = "-Clink-arg=-Wl,--build-id=sha1";
/// Below the workspace, which is where rustc links.
const RUST_DEBUG_ONLY: &str = "-Clink-arg=-Wl,-T,crates/toolchain/src/rust-debug-only.ld";

/// Builds binaries of one workspace.
#[derive(Debug, Clone)]
pub struct Builder {
    /// The workspace's root.
    pub workspace: PathBuf,
    /// cargo's target folder.
    pub target_dir: PathBuf,
    /// The linker.
    pub zig: Zig,
    /// `SOURCE_DATE_EPOCH`, in Unix seconds.
    pub epoch: u64,
}

impl Builder {
    /// Builds one binary or library of one crate, in release mode, with the locked dependencies and `variables` in cargo's
    /// environment. cargo's progress goes to the error output.
    ///
    /// # Errors
    /// When cargo cannot be started or fails.
    pub fn build(
        &self,
        artifact: &Artifact<'_>,
        target: &Target,
        variables: &[(&str, &OsStr)],
        quiet: bool,
    ) -> Result<PathBuf, BuildError> {
        let program = self.zig.zigbuild();
        // zig names its headers relative to the working folder where it can, and cargo-zigbuild hands those names to bindgen,
        // which runs in another one: so none above zig.
        std::fs::create_dir_all(&self.target_dir)
            .map_err(|source| BuildError::Folder { path: self.target_dir.clone(), source })?;
        let paths = Remapping::of(&self.workspace, &self.target_dir, self.zig.root());
        let mut command = Command::new(&program);
        command
            .current_dir(&self.target_dir)
            .args(["zigbuild", "--release", "--locked", "--package", artifact.package])
            .arg("--manifest-path")
            .arg(self.workspace.join("Cargo.toml"))
            .args(artifact.selection())
            .args(["--target", &target.zig_triple()])
            .arg("--target-dir")
            .arg(&self.target_dir)
            .env("CARGO_ZIGBUILD_ZIG_PATH", self.zig.zig())
            .env("SOURCE_DATE_EPOCH", self.epoch.to_string())
            .env("CARGO_INCREMENTAL", "0")
            .env("CARGO_ENCODED_RUSTFLAGS", self.rustflags(&paths).join("\x1f"))
            .env_remove("RUSTFLAGS")
            // For the C in crates; the crate `cc` would add what a user has set for other builds.
            .env(format!("CFLAGS_{}", target.triple().replace('-', "_")), paths.for_c())
            .env("CC_SHELL_ESCAPED_FLAGS", "1")
            .env_remove("CFLAGS")
            .env_remove("HOST_CFLAGS")
            .env_remove("TARGET_CFLAGS")
            .envs(variables.iter().copied())
            .stdout(std::process::Stdio::null());
        if quiet {
            command.arg("--quiet");
        }
        let status = command.status().map_err(|source| BuildError::Start { program, source })?;
        if !status.success() {
            let hint = if self.has_target(target) {
                ""
            } else {
                "; the Rust standard library for this target is missing, `rustup target add` brings it"
            };
            return Err(BuildError::Failed { binary: artifact.file_name(), target: target.zig_triple(), hint });
        }
        let path = self.target_dir.join(target.triple()).join("release").join(artifact.file_name());
        if path.is_file() { Ok(path) } else { Err(BuildError::NoBinary(path)) }
    }

    fn rustflags(&self, paths: &Remapping) -> Vec<String> {
        let link = [BUILD_ID, RUST_DEBUG_ONLY].map(str::to_owned);
        link.into_iter().chain(paths.for_rustc()).collect()
    }

    fn has_target(&self, target: &Target) -> bool {
        let output = Command::new("rustc").args(["--print", "target-libdir", "--target", &target.triple()]).output();
        output.is_ok_and(|output| Path::new(String::from_utf8_lossy(&output.stdout).trim()).is_dir())
    }
}

//! Builds the module for one configured NGINX, once, and proves that it fits.

use std::ffi::OsStr;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest as _, Sha256};

use super::configure::Configured;
use super::stamp::{Stamp, StampError};
use super::{Recipe, hex};
use crate::build::{Artifact, BuildError, Builder, Target};
use crate::libclang::Libclang;

/// Why a module could not be built.
#[derive(Debug, thiserror::Error)]
pub enum ModuleError {
    /// cargo failed.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// A file or folder cannot be read or written.
    #[error("{path}: {source}")]
    Io {
        /// Which one.
        path: PathBuf,
        /// The system's word.
        source: std::io::Error,
    },
    /// What was built is no module.
    #[error("{path}: {source}")]
    Stamp {
        /// The module.
        path: PathBuf,
        /// What is wrong with it.
        source: StampError,
    },
    /// What was built is for another NGINX.
    #[error(
        "{path} would not load: it is built for NGINX\n  {found}\nand the package is for NGINX\n  {expected}\nVersion and signature must be equal"
    )]
    Misfit {
        /// The module.
        path: PathBuf,
        /// What it was built for.
        found: Stamp,
        /// What the package is for.
        expected: Stamp,
    },
}

/// Builds one crate as a module for several NGINX versions.
#[derive(Debug, Clone)]
pub struct ModuleBuilder<'a> {
    /// cargo and the linker.
    pub builder: &'a Builder,
    /// What bindgen reads headers with.
    pub libclang: &'a Libclang,
    /// The crate.
    pub package: &'a str,
    /// What it is built from, below the workspace: a change of any file here builds it anew.
    pub inputs: &'a [PathBuf],
    /// Names and versions of what else is linked: a change builds it anew.
    pub linked: &'a str,
    /// Where finished modules are kept.
    pub cache: PathBuf,
}

impl ModuleBuilder<'_> {
    /// The module for one NGINX: kept from an earlier run if nothing that it is built from has changed, otherwise built.
    ///
    /// cargo alone would build it anew each time that the NGINX is another than the last one's, since all share one folder.
    ///
    /// # Errors
    /// When cargo fails, a file cannot be read or written, or the module does not fit.
    pub fn build(
        &self,
        recipe: &Recipe,
        nginx: &Configured,
        target: &Target,
        quiet: bool,
    ) -> Result<PathBuf, ModuleError> {
        let key = self.key(nginx, target)?;
        let kept = self.cache.join(format!("{}-{}-{key}.so", self.package, recipe.version));
        if !kept.is_file() {
            // cargo leaves every module under one name: nobody else may build between ours and its copy.
            std::fs::create_dir_all(&self.cache).map_err(at(&self.cache))?;
            let lock = self.cache.join(".lock");
            let held = File::create(&lock).map_err(at(&lock))?;
            held.lock().map_err(at(&lock))?;
            let (source, objects, library) = (&nginx.folder, nginx.objects(), self.libclang.library_folder());
            let variables: [(&str, &OsStr); 3] = [
                ("NGINX_SOURCE_DIR", source.as_os_str()),
                ("NGINX_BUILD_DIR", objects.as_os_str()),
                ("LIBCLANG_PATH", library.as_os_str()),
            ];
            let artifact = Artifact { package: self.package, binary: None };
            let built = self.builder.build(&artifact, target, &variables, quiet)?;
            check(&built, recipe)?;
            self.keep(&built, &kept, recipe)?;
        }
        check(&kept, recipe)?;
        Ok(kept)
    }

    /// Puts a built module aside, and clears away what older runs kept for this version.
    fn keep(&self, built: &Path, kept: &Path, recipe: &Recipe) -> Result<(), ModuleError> {
        let older = format!("{}-{}-", self.package, recipe.version);
        for entry in std::fs::read_dir(&self.cache).map_err(at(&self.cache))? {
            let path = entry.map_err(at(&self.cache))?.path();
            if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(&older)) {
                std::fs::remove_file(&path).map_err(at(&path))?;
            }
        }
        let partial = super::fetch::beside(kept);
        std::fs::copy(built, &partial).map_err(at(&partial))?;
        std::fs::rename(&partial, kept).map_err(at(kept))
    }

    /// Changes with the sources, the locked dependencies, the compiler and the NGINX.
    fn key(&self, nginx: &Configured, target: &Target) -> Result<String, ModuleError> {
        let mut hasher = Sha256::new();
        let compiler = Command::new("rustc").arg("-vV").output().map_err(at(Path::new("rustc")))?;
        for part in [compiler.stdout, nginx.key.clone().into(), target.zig_triple().into(), self.linked.into()] {
            hasher.update(part);
            hasher.update([0]);
        }
        for input in self.inputs {
            self.hash_files(&self.builder.workspace.join(input), &mut hasher)?;
        }
        Ok(hex(&hasher.finalize()).get(..16).unwrap_or_default().to_owned())
    }

    fn hash_files(&self, path: &Path, hasher: &mut Sha256) -> Result<(), ModuleError> {
        if path.is_dir() {
            let entries = std::fs::read_dir(path).map_err(at(path))?;
            let mut paths = entries
                .map(|entry| entry.map(|entry| entry.path()))
                .collect::<Result<Vec<_>, _>>()
                .map_err(at(path))?;
            paths.sort();
            return paths.iter().try_for_each(|path| self.hash_files(path, hasher));
        }
        let name = path.strip_prefix(&self.builder.workspace).unwrap_or(path);
        hasher.update(name.as_os_str().as_encoded_bytes());
        hasher.update([0]);
        hasher.update(std::fs::read(path).map_err(at(path))?);
        Ok(())
    }
}

/// Refuses a module that its NGINX would refuse.
fn check(module: &Path, recipe: &Recipe) -> Result<(), ModuleError> {
    let bytes = std::fs::read(module).map_err(at(module))?;
    let found = Stamp::read(&bytes).map_err(|source| ModuleError::Stamp { path: module.to_owned(), source })?;
    let expected = Stamp { version: recipe.version.clone(), signature: recipe.signature.clone() };
    if found == expected { Ok(()) } else { Err(ModuleError::Misfit { path: module.to_owned(), found, expected }) }
}

fn at(path: &Path) -> impl Fn(std::io::Error) -> ModuleError {
    let path = path.to_owned();
    move |source| ModuleError::Io { path: path.clone(), source }
}

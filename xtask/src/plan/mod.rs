//! What a release consists of: the graph of distros, packages, processors and NGINX builds, resolved from the data files without building anything.
//!
//! | Module | Shows a [`Plan`] as |
//! |---|---|
//! | [`text`] | tables for people |
//! | [`picture`] | SVG |
//! | [`actions`] | the matrix of a GitHub workflow |
//!
//! Its JSON is [`Plan`] itself, described in `docs/plan.md` and held by a golden file.

pub mod actions;
#[cfg(test)]
mod golden;
pub mod picture;
pub mod text;

use std::collections::BTreeSet;

use anyhow::{Context as _, Result};
use packaging::distro::{Distro, DistroId, Format, Glibc};
use packaging::manifest::Manifest;
use packaging::names::{Arch, PackageArch, PackageName};
use packaging::nginx::{Builds, Flavour, NginxVersion, Signature};
use packaging::resolve::{self, Release};
use packaging::symbols;
use serde::Serialize;

use crate::container::Recipe;

/// Goes up when a reader of the JSON would have to change: a key that goes or means something else, never one that is added.
const SCHEMA: u32 = 1;

/// The crate that a packaged binary is built from.
pub const BINARIES: [(&str, &str); 1] = [("wtarantool", "postanalytics")];

/// Everything that a run would make.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Plan {
    /// Of this format.
    pub schema: u32,
    /// Of the release.
    pub version: String,
    /// Which packing of it.
    pub revision: u32,
    /// Every time stamp, in Unix seconds.
    pub epoch: u64,
    /// Where packages say that they are published.
    pub url: String,
    /// What everything is linked against.
    pub glibc: Glibc,
    /// Programs, each built once.
    pub binaries: Vec<Binary>,
    /// NGINX modules, each built once.
    pub modules: Vec<Module>,
    /// The distros with their packages, by id.
    pub distros: Vec<System>,
    /// For `strategy.matrix` of a GitHub workflow.
    pub matrix: actions::Matrix,
}

/// A program to build.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Binary {
    /// Its name.
    pub name: String,
    /// The crate that it is built from.
    #[serde(rename = "crate")]
    pub source: &'static str,
    /// For which processor.
    pub arch: Arch,
}

/// A module to build: builds of one version and signature share it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Module {
    /// The version of NGINX.
    pub nginx: NginxVersion,
    /// Its signature.
    pub signature: Signature,
    /// For which processor.
    pub arch: Arch,
}

/// A distro with its packages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct System {
    /// Key of its table in `distros.toml`.
    pub distro: DistroId,
    /// How people call it.
    pub title: String,
    /// What its package manager reads.
    pub format: Format,
    /// Where its packages are published, within the tree.
    pub repositories: Vec<String>,
    /// Whether `install-test` can boot it.
    #[serde(rename = "install-test")]
    pub install_test: bool,
    /// By name.
    pub packages: Vec<Package>,
}

/// One package file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Package {
    /// Its name.
    pub name: PackageName,
    /// With its revision.
    pub version: String,
    /// `any` where it has no machine code.
    pub arch: String,
    /// The file's name.
    pub file: String,
    /// Who signs.
    pub signed: Signed,
    /// The package whose debugging symbols it holds.
    #[serde(rename = "symbols-of", skip_serializing_if = "Option::is_none")]
    pub symbols_of: Option<PackageName>,
    /// Names of programs inside, or of those whose symbols are.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub binaries: Vec<String>,
    /// The NGINX builds that it has modules for, or the symbols of modules, oldest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub nginx: Vec<NginxBuild>,
}

/// What vouches for a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Signed {
    /// The signed index of its repository.
    ByRepository,
    /// A signature in its own header, and that index.
    InHeader,
}

/// The NGINX that a module is for: an edge of the graph, to the [`Module`] of the same version and signature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NginxBuild {
    /// Whose it is.
    pub flavour: Flavour,
    /// Its version.
    pub version: NginxVersion,
    /// Its signature.
    pub signature: Signature,
}

/// What a plan is made from.
pub struct Sources<'a> {
    /// Version, revision, time.
    pub release: &'a Release,
    /// The distros of the run.
    pub distros: &'a [Distro],
    /// Every package's definition.
    pub manifests: &'a [Manifest],
    /// Every NGINX build.
    pub builds: &'a Builds,
    /// The oldest C library of the whole matrix.
    pub glibc: Glibc,
}

impl Plan {
    /// Resolves the graph.
    ///
    /// # Errors
    /// When a package has a binary that no crate builds, or `roots.toml` cannot be read.
    pub fn resolve(sources: &Sources<'_>) -> Result<Self> {
        let release = sources.release;
        let (mut binaries, mut modules) = (BTreeSet::new(), BTreeSet::new());
        let mut systems = Vec::new();
        for distro in sources.distros {
            let mut packages = Vec::new();
            for manifest in sources.manifests {
                for arch in sources.architectures(manifest, distro) {
                    let package = sources.package(manifest, distro, arch);
                    for built_for in processors(arch, distro) {
                        for name in &package.binaries {
                            binaries.insert(Binary { name: name.clone(), source: crate_of(name)?, arch: built_for });
                        }
                        modules.extend(package.nginx.iter().map(|build| build.module(built_for)));
                    }
                    let symbols = sources.symbols(&package, manifest, distro, arch)?;
                    packages.push(package);
                    packages.extend(symbols);
                }
            }
            systems.push(System {
                distro: distro.id.clone(),
                title: distro.title.clone(),
                format: distro.format(),
                repositories: repositories(distro, release),
                install_test: Recipe::exists(distro.id.as_str())?,
                packages,
            });
        }
        systems.sort_by(|a, b| a.distro.cmp(&b.distro));
        Ok(Self {
            schema: SCHEMA,
            version: release.upstream.to_string(),
            revision: release.revision,
            epoch: release.epoch,
            url: release.project.repository_url.clone(),
            glibc: sources.glibc,
            binaries: binaries.into_iter().collect(),
            modules: modules.into_iter().collect(),
            matrix: actions::Matrix::of(&systems),
            distros: systems,
        })
    }

    /// Number of package files.
    pub fn packages(&self) -> usize {
        self.distros.iter().map(|system| system.packages.len()).sum()
    }
}

impl Sources<'_> {
    /// What a package is made for on a distro. Nothing where its format is not read, or where there is no NGINX that it is for.
    fn architectures(&self, manifest: &Manifest, distro: &Distro) -> Vec<PackageArch> {
        let has_build = manifest.nginx.is_none_or(|flavour| !self.builds.of(flavour, &distro.id).is_empty());
        match manifest.formats.contains(&distro.format()) && has_build {
            true => resolve::architectures(manifest, distro),
            false => Vec::new(),
        }
    }

    fn package(&self, manifest: &Manifest, distro: &Distro, arch: PackageArch) -> Package {
        let version = resolve::version(manifest, self.release, distro);
        let builds = manifest.nginx.map(|flavour| self.builds.of(flavour, &distro.id)).unwrap_or_default();
        Package {
            name: manifest.name.clone(),
            file: distro.format().file_name(&manifest.name, &version, arch),
            version: version.to_string(),
            arch: match arch {
                PackageArch::Independent => "any".to_owned(),
                PackageArch::Native(arch) => arch.to_string(),
            },
            signed: match distro.format() {
                Format::Deb => Signed::ByRepository,
                Format::Rpm => Signed::InHeader,
            },
            symbols_of: None,
            binaries: manifest.file.iter().filter_map(|rule| rule.binary.clone()).collect(),
            nginx: builds.into_iter().map(NginxBuild::of).collect(),
        }
    }

    /// The package with the debugging symbols of another one, if that has machine code.
    fn symbols(
        &self,
        of: &Package,
        manifest: &Manifest,
        distro: &Distro,
        arch: PackageArch,
    ) -> Result<Option<Package>> {
        if of.binaries.is_empty() && of.nginx.is_empty() {
            return Ok(None);
        }
        let name = symbols::name(&of.name, distro.format())?;
        let file = distro.format().file_name(&name, &resolve::version(manifest, self.release, distro), arch);
        Ok(Some(Package { name, file, symbols_of: Some(of.name.clone()), ..of.clone() }))
    }
}

impl NginxBuild {
    fn of(build: &packaging::nginx::Build) -> Self {
        Self { flavour: build.flavour, version: build.version, signature: build.signature.clone() }
    }

    fn module(&self, arch: Arch) -> Module {
        Module { nginx: self.version, signature: self.signature.clone(), arch }
    }
}

/// The processors that what is inside a package is built for.
fn processors(arch: PackageArch, distro: &Distro) -> Vec<Arch> {
    match arch {
        PackageArch::Independent => distro.architectures.clone(),
        PackageArch::Native(arch) => vec![arch],
    }
}

fn crate_of(binary: &str) -> Result<&'static str> {
    let known = BINARIES.into_iter().find(|(name, _)| *name == binary);
    known
        .map(|(_, source)| source)
        .with_context(|| format!("no crate of this workspace builds a binary called `{binary}`"))
}

fn repositories(distro: &Distro, release: &Release) -> Vec<String> {
    let line = release.upstream.line();
    match distro.format() {
        Format::Deb => {
            let (root, suite) = distro.apt_suite(&line);
            vec![format!("{root}/{suite}")]
        }
        Format::Rpm => distro.architectures.iter().map(|arch| distro.yum_path(&line, *arch)).collect(),
    }
}

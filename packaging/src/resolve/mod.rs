//! From a manifest to a [`Package`]: one distro, one architecture, every variable replaced, every file found.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};

mod beside;
mod bills;
mod problem;

use crate::changelog::Changelog;
use crate::distro::{Distro, Format};
use crate::lifecycle::{Lifecycle, NginxModule, Ownership, Unit};
use crate::manifest::{Architecture, DirectoryRule, FileRule, Manifest, Mode, RelationTexts};
use crate::model::{Content, Entry, EntryKind, Package, Role};
use crate::modules::{self, Module};
use crate::names::{Arch, InstallPath, PackageArch, PackageName};
use crate::needs;
use crate::project::Project;
use crate::relation::{Relation, Relations};
use crate::sbom::Component;
use crate::scripts;
use crate::symbols::SymbolsByBinary;
use crate::variables::{UnknownVariable, Variables};
use crate::version::{Revision, Upstream, Version};

pub use problem::{Problem, ResolveError};

/// What a release has in common for all packages.
#[derive(Debug, Clone)]
pub struct Release {
    /// Who makes the packages.
    pub project: Project,
    /// Version of the release.
    pub upstream: Upstream,
    /// Which packing of it, from 1.
    pub revision: u32,
    /// Changes, newest first.
    pub changelog: Changelog,
    /// Every time stamp, in Unix seconds.
    pub epoch: u64,
}

/// What the caller hands over beside the package's own folder.
#[derive(Debug, Clone, Default)]
pub struct Inputs {
    /// Built binaries, by name and architecture.
    pub binaries: BTreeMap<(String, Arch), PathBuf>,
    /// Bytes made by the caller, by name.
    pub assets: BTreeMap<String, Vec<u8>>,
    /// Built NGINX modules.
    pub modules: Vec<Module>,
    /// What is linked into each binary, by its name.
    pub linked: BTreeMap<String, Vec<Component>>,
    /// What is linked into the modules.
    pub linked_into_modules: Vec<Component>,
    /// What debuggers ask for, taken out of binaries and modules.
    pub symbols: SymbolsByBinary,
}

/// Resolves `manifest` for one distro: one package, or one for each architecture when it has machine code, each followed by
/// the one with its symbols if such were handed over. Empty when the package does not exist in the distro's format, or when
/// it is for an NGINX of which no module was handed over.
///
/// # Errors
/// The first [`Problem`], with the package's and the distro's name.
pub fn resolve(
    manifest: &Manifest,
    release: &Release,
    distro: &Distro,
    inputs: &Inputs,
) -> Result<Vec<Package>, ResolveError> {
    if !manifest.formats.contains(&distro.format()) {
        return Ok(Vec::new());
    }
    let arches = architectures(manifest, distro).into_iter().map(|arch| match arch {
        PackageArch::Independent => None,
        PackageArch::Native(arch) => Some(arch),
    });
    let has_module = |arch: &Option<Arch>| {
        manifest.nginx.is_none_or(|flavour| !modules::of(&inputs.modules, flavour, distro, *arch).is_empty())
    };
    let arches = arches.filter(has_module);
    let resolved = arches.map(|arch| Resolver::new(manifest, release, distro, inputs, arch)?.packages());
    resolved.collect::<Result<Vec<_>, Problem>>().map(|packages| packages.concat()).map_err(|problem| ResolveError {
        package: manifest.name.to_string(),
        distro: distro.id.to_string(),
        source: Box::new(problem),
    })
}

/// What a package is made for on a distro: once, or once for each processor.
pub fn architectures(manifest: &Manifest, distro: &Distro) -> Vec<PackageArch> {
    match manifest.architecture {
        Architecture::Independent => vec![PackageArch::Independent],
        Architecture::Native => distro.architectures.iter().copied().map(PackageArch::Native).collect(),
    }
}

/// The version of a package on a distro: the release's, or its own.
pub fn version(manifest: &Manifest, release: &Release, distro: &Distro) -> Version {
    let (upstream, revision) = match &manifest.version {
        None => (release.upstream.to_string(), release.revision),
        Some(own) => (own.upstream.replace("${line}", &release.upstream.line()), own.of_packing(release.revision)),
    };
    Version { upstream, revision: Revision::new(revision, &distro.release_suffix()) }
}

struct Resolver<'a> {
    manifest: &'a Manifest,
    release: &'a Release,
    distro: &'a Distro,
    inputs: &'a Inputs,
    arch: Option<Arch>,
    version: Version,
    variables: Variables,
    contents: BTreeMap<InstallPath, Entry>,
}

impl<'a> Resolver<'a> {
    fn new(
        manifest: &'a Manifest,
        release: &'a Release,
        distro: &'a Distro,
        inputs: &'a Inputs,
        arch: Option<Arch>,
    ) -> Result<Self, Problem> {
        let version = version(manifest, release, distro);
        let variables = Variables::new(release, distro, &version, arch, manifest.nginx);
        Ok(Self { manifest, release, distro, inputs, arch, version, variables, contents: BTreeMap::new() })
    }

    /// The package, and what debuggers ask for in another one.
    fn packages(mut self) -> Result<Vec<Package>, Problem> {
        let package = self.package()?;
        let symbols = self.symbols(&package)?;
        Ok([package].into_iter().chain(symbols).collect())
    }

    fn package(&mut self) -> Result<Package, Problem> {
        let manifest = self.manifest;
        for rule in &manifest.directory {
            self.directory(rule)?;
        }
        for rule in &manifest.file {
            self.file(rule)?;
        }
        for page in &manifest.man {
            self.manual(page)?;
        }
        let units = self.units()?;
        let mut relations = self.relations()?;
        let module = self.modules(&mut relations)?;
        self.library_needs(&mut relations)?;
        self.documents(&manifest.name)?;
        self.bills(&manifest.name)?;
        let lifecycle = Lifecycle {
            user: manifest.user.clone(),
            ownership: self.ownership(),
            units,
            purge: manifest.purge.clone(),
            module,
        };
        Ok(Package {
            name: manifest.name.clone(),
            version: self.version.clone(),
            arch: self.arch.map_or(PackageArch::Independent, PackageArch::Native),
            distro: self.distro.id.clone(),
            summary: manifest.summary.clone(),
            description: paragraphs(&manifest.description),
            section: manifest.section.clone(),
            licence: self.release.project.licence.clone(),
            homepage: self.release.project.homepage.clone(),
            maintainer: self.release.project.maintainer.clone(),
            relations,
            contents: std::mem::take(&mut self.contents),
            lifecycle,
            changelog: self.release.changelog.clone(),
            epoch: self.release.epoch,
            compression: self.distro.compression,
            build_ids: Vec::new(),
        })
    }

    fn insert(&mut self, path: InstallPath, entry: Entry) -> Result<(), Problem> {
        match self.contents.insert(path.clone(), entry) {
            None => Ok(()),
            Some(_) => Err(Problem::Twice(path)),
        }
    }

    fn directory(&mut self, rule: &DirectoryRule) -> Result<(), Problem> {
        let path: InstallPath = self.variables.replace(&rule.path, &rule.path)?.parse()?;
        let kind = EntryKind::Directory;
        let (owner, group) = self.owners(&rule.owner, &rule.group)?;
        let entry = entry(kind, rule.mode, 0o755, owner.as_deref(), group.as_deref(), Role::Plain);
        self.insert(path, entry)
    }

    fn file(&mut self, rule: &FileRule) -> Result<(), Problem> {
        let to: InstallPath = self.variables.replace(&rule.to, &rule.to)?.parse()?;
        let content = match (&rule.from, &rule.binary, &rule.asset) {
            (Some(from), None, None) => self.own_file(from, rule.template, &to)?,
            (None, Some(name), None) => Content::Path(self.binary(name, &to)?),
            (None, None, Some(name)) => Content::Bytes(self.asset(name, &to)?),
            _ => return Err(Problem::Source { to: to.to_string() }),
        };
        let content = if rule.gzip { Content::Bytes(gzip(&read(&content, &to)?)) } else { content };
        if rule.config && !to.as_str().starts_with("/etc/") {
            return Err(Problem::ConfigOutsideEtc(to));
        }
        let role = if rule.config {
            Role::Config
        } else if is_documentation(&to) {
            Role::Doc
        } else {
            Role::Plain
        };
        let kind = EntryKind::File(content);
        let (owner, group) = self.owners(&rule.owner, &rule.group)?;
        self.insert(to, entry(kind, rule.mode, 0o644, owner.as_deref(), group.as_deref(), role))
    }

    fn owners(
        &self,
        owner: &Option<String>,
        group: &Option<String>,
    ) -> Result<(Option<String>, Option<String>), UnknownVariable> {
        let replace = |name: &Option<String>| name.as_ref().map(|name| self.variables.replace(name, name)).transpose();
        Ok((replace(owner)?, replace(group)?))
    }

    /// The modules that were handed over for this package, the program that links the one that fits, and the relations to NGINX.
    fn modules(&mut self, relations: &mut Relations) -> Result<Option<NginxModule>, Problem> {
        let Some(flavour) = self.manifest.nginx else { return Ok(None) };
        let (distro, modules) = (self.distro, modules::of(&self.inputs.modules, flavour, self.distro, self.arch));
        self.insert(modules::folder(distro)?, Entry::folder())?;
        for module in &modules {
            let kind = EntryKind::File(Content::Path(module.path.clone()));
            self.insert(modules::version_folder(module, distro)?, Entry::folder())?;
            self.insert(modules::place(module, distro)?, entry(kind, Some(Mode(0o755)), 0, None, None, Role::Plain))?;
        }
        modules::relate(&modules, distro, relations)?;
        let life = modules::lifecycle(&modules, flavour, distro)?;
        let program = scripts::nginx_module::program(self.manifest.name.as_str(), &life).into_bytes();
        let kind = EntryKind::File(Content::Bytes(program));
        let place = format!("{}/nginx-module", life.folder).parse()?;
        self.insert(place, entry(kind, Some(Mode(0o755)), 0, None, None, Role::Plain))?;
        Ok(Some(life))
    }

    fn own_file(&self, from: &Path, template: bool, to: &InstallPath) -> Result<Content, Problem> {
        let path = self.manifest.folder.join(from);
        let missing = |source| Problem::Missing { path: path.clone(), to: to.to_string(), source };
        if !template {
            return path.metadata().map(|_| Content::Path(path.clone())).map_err(missing);
        }
        let text = std::fs::read_to_string(&path).map_err(missing)?;
        Ok(Content::Bytes(self.variables.replace(&text, &path.display().to_string())?.into_bytes()))
    }

    fn binary(&self, name: &str, to: &InstallPath) -> Result<PathBuf, Problem> {
        let Some(arch) = self.arch else { return Err(Problem::BinaryInIndependent(to.clone())) };
        let path = self.inputs.binaries.get(&(name.to_owned(), arch)).ok_or_else(|| Problem::NotHandedOver {
            kind: "binary",
            name: format!("{name} ({arch})"),
            to: to.to_string(),
            known: self
                .inputs
                .binaries
                .keys()
                .map(|(name, arch)| format!("{name} ({arch})"))
                .collect::<Vec<_>>()
                .join(", "),
        })?;
        Ok(path.clone())
    }

    fn asset(&self, name: &str, to: &InstallPath) -> Result<Vec<u8>, Problem> {
        let bytes = self.inputs.assets.get(name).ok_or_else(|| Problem::NotHandedOver {
            kind: "asset",
            name: name.to_owned(),
            to: to.to_string(),
            known: self.inputs.assets.keys().cloned().collect::<Vec<_>>().join(", "),
        })?;
        Ok(bytes.clone())
    }

    /// Debian policy §12.1: compressed by `gzip -9n`; rpm takes them so, too.
    fn manual(&mut self, page: &Path) -> Result<(), Problem> {
        let name = page.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let section = page
            .extension()
            .and_then(|section| section.to_str())
            .filter(|section| section.starts_with(|c: char| c.is_ascii_digit()))
            .ok_or_else(|| Problem::ManualSection(page.to_owned()))?;
        let to: InstallPath = format!("/usr/share/man/man{section}/{name}.gz").parse()?;
        let bytes = read(&self.own_file(page, true, &to)?, &to)?;
        self.insert(to, generated(gzip(&bytes), Role::Doc))
    }

    fn units(&mut self) -> Result<Vec<Unit>, Problem> {
        let manifest = self.manifest;
        let mut units = Vec::new();
        for rule in &manifest.unit {
            if let Some(from) = &rule.from {
                let to: InstallPath = format!("{}/{}", self.distro.family.unit_folder(), rule.name).parse()?;
                let content = self.own_file(from, true, &to)?;
                let kind = EntryKind::File(content);
                self.insert(to, entry(kind, None, 0o644, None, None, Role::Plain))?;
            }
            units.push(Unit { name: rule.name.clone(), shipped: rule.from.is_some() });
        }
        Ok(units)
    }

    fn relations(&self) -> Result<Relations, Problem> {
        let RelationTexts { depends, scripts_need, recommends, suggests, conflicts, provides, replaces } =
            &self.manifest.relations;
        let read = |texts: &[String]| -> Result<Vec<Relation>, Problem> {
            texts.iter().filter_map(|text| self.of_this_format(text)).map(|text| self.relation(text)).collect()
        };
        let scripts_need = read(scripts_need)?;
        let mut depends = read(depends)?;
        for need in &scripts_need {
            if !depends.contains(need) {
                depends.push(need.clone());
            }
        }
        Ok(Relations {
            depends,
            scripts_need,
            rpm_rich: Vec::new(),
            rpm_libraries: Vec::new(),
            recommends: if self.distro.weak { read(recommends)? } else { Vec::new() },
            suggests: if self.distro.weak { read(suggests)? } else { Vec::new() },
            conflicts: read(conflicts)?,
            provides: read(provides)?,
            replaces: read(replaces)?,
        })
    }

    /// A relation without its restriction to a format; `None` when that is the other one.
    fn of_this_format<'t>(&self, text: &'t str) -> Option<&'t str> {
        let format = self.distro.format();
        let other = match format {
            Format::Deb => Format::Rpm,
            Format::Rpm => Format::Deb,
        };
        match text.strip_suffix(&format!(" [{}]", other.extension())) {
            Some(_) => None,
            None => Some(text.strip_suffix(&format!(" [{}]", format.extension())).unwrap_or(text)),
        }
    }

    fn relation(&self, text: &str) -> Result<Relation, Problem> {
        let text = self.variables.replace(text, text)?;
        let Some(rest) = text.strip_prefix('@') else { return Ok(text.parse()?) };
        let (word, constraint) = rest.split_once(' ').unwrap_or((rest, ""));
        let name = self.distro.names.get(word).ok_or_else(|| Problem::Name { word: word.to_owned() })?;
        Ok(format!("{name} {constraint}").trim_end().parse()?)
    }

    fn library_needs(&self, relations: &mut Relations) -> Result<(), Problem> {
        let binaries = self.manifest.file.iter().filter_map(|rule| rule.binary.as_deref());
        let mut paths: Vec<&PathBuf> =
            binaries.filter_map(|name| self.inputs.binaries.get(&(name.to_owned(), self.arch?))).collect();
        if let Some(flavour) = self.manifest.nginx {
            let modules = modules::of(&self.inputs.modules, flavour, self.distro, self.arch);
            paths.extend(modules.into_iter().map(|module| &module.path));
        }
        Ok(needs::add(relations, &paths, self.distro, self.arch)?)
    }

    /// Copyright and changelog, which both formats want of every package (Debian policy §12.5, §12.7).
    fn documents(&mut self, name: &PackageName) -> Result<(), Problem> {
        let folder = format!("/usr/share/doc/{name}");
        let copyright = self.release.project.copyright_file();
        self.insert(format!("{folder}/copyright").parse()?, generated(copyright.into_bytes(), Role::Licence))?;
        if self.distro.format() == Format::Deb {
            let revision = self.version.revision.to_string();
            let changelog =
                self.release.changelog.to_debian(name.as_str(), &revision, &self.release.project.maintainer);
            let path = format!("{folder}/changelog.Debian.gz").parse()?;
            self.insert(path, generated(gzip(changelog.as_bytes()), Role::Doc))?;
        }
        Ok(())
    }

    fn ownership(&self) -> Vec<Ownership> {
        let foreign = self.contents.iter().filter(|(_, entry)| entry.owner != "root" || entry.group != "root");
        foreign
            .map(|(path, entry)| Ownership {
                path: path.clone(),
                owner: entry.owner.clone(),
                group: entry.group.clone(),
                mode: entry.mode,
            })
            .collect()
    }
}

fn entry(
    kind: EntryKind,
    mode: Option<Mode>,
    default: u32,
    owner: Option<&str>,
    group: Option<&str>,
    role: Role,
) -> Entry {
    let root = |name: Option<&str>| name.unwrap_or("root").to_owned();
    Entry { kind, mode: mode.map_or(default, |mode| mode.0), owner: root(owner), group: root(group), role }
}

/// Documentation may be left out on installing (rpm's `tsflags=nodocs`); examples are copied by the documented commands, and must not.
pub(crate) fn is_documentation(path: &InstallPath) -> bool {
    path.as_str().starts_with("/usr/share/doc/") && !path.as_str().contains("/examples/")
}

fn generated(bytes: Vec<u8>, role: Role) -> Entry {
    entry(EntryKind::File(Content::Bytes(bytes)), None, 0o644, None, None, role)
}

/// The bytes that will stand at `to`.
fn read(content: &Content, to: &InstallPath) -> Result<Vec<u8>, Problem> {
    let path = match content {
        Content::Path(path) => path.clone(),
        Content::Bytes(_) => PathBuf::new(),
    };
    content.read().map_err(|source| Problem::Missing { path, to: to.to_string(), source })
}

/// `gzip -9n`: no name, no time.
fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::GzBuilder::new().mtime(0).write(Vec::new(), flate2::Compression::best());
    // Writing to memory does not fail.
    let written = encoder.write_all(bytes).and_then(|()| encoder.finish());
    written.unwrap_or_default()
}

/// Running text, one string a paragraph.
fn paragraphs(text: &str) -> Vec<String> {
    let words = |paragraph: &str| paragraph.split_whitespace().collect::<Vec<_>>().join(" ");
    text.split("\n\n").map(words).filter(|paragraph| !paragraph.is_empty()).collect()
}

//! The NGINX modules of a run: which builds its packages want, where their sources are, and what cannot be built.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};
use packaging::distro::Distro;
use packaging::manifest::Manifest;
use packaging::modules::Module;
use packaging::names::Arch;
use packaging::nginx::{Build, Builds, Flavour, NginxVersion, Signature};
use serde::Serialize;
use toolchain::nginx::{Configured, Configurer, ModuleBuilder, Recipe, Source, SourceError, Sources};
use toolchain::{Builder, Libclang, Target};

use crate::provenance::Input;
use crate::session::Session;

/// The crate of the module.
pub const MODULE: &str = "ngx_http_wallarm_module";

/// What the user said about NGINX sources.
#[derive(Debug, Clone)]
pub struct Supply {
    /// Archives and folders.
    pub sources: Vec<PathBuf>,
    /// Go on without the builds whose source cannot be had.
    pub allow_missing: bool,
}

/// An NGINX build that is left out, since its source cannot be had.
#[derive(Debug, Clone, Serialize)]
pub struct Missing {
    /// Which version.
    pub version: NginxVersion,
    /// What it would have been checked against.
    pub signature: Signature,
    /// SHA-256 of the archive that would be taken, if one is pinned.
    pub sha256: Option<String>,
    /// Packages that are left out, as `distro package`.
    pub left_out: Vec<String>,
    /// Packages that have modules for other builds only, as `distro package`.
    pub incomplete: Vec<String>,
    /// Every place that was tried, and why it has nothing.
    pub tried: Vec<Tried>,
}

/// A place without the source.
#[derive(Debug, Clone, Serialize)]
pub struct Tried {
    /// Where.
    pub place: String,
    /// Why it has nothing.
    pub why: String,
}

/// One module to build: two builds of one version and signature share it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Wanted {
    version: NginxVersion,
    signature: Signature,
    arch: Arch,
}

/// A package that wants a build.
struct Want<'a> {
    build: &'a Build,
    arch: Arch,
    distro: &'a Distro,
    manifest: &'a Manifest,
}

impl Want<'_> {
    fn module(&self) -> Wanted {
        Wanted { version: self.build.version, signature: self.build.signature.clone(), arch: self.arch }
    }

    fn package(&self) -> String {
        format!("{} {}", self.distro.id, self.manifest.name)
    }
}

/// The builds of this checkout.
pub fn builds(session: &Session) -> Result<Builds> {
    Ok(Builds::load(&session.root.join("packaging/nginx.toml"), &session.matrix()?)?)
}

/// Every build that a package for one of `distros` wants.
fn wants<'a>(builds: &'a Builds, distros: &'a [Distro], manifests: &'a [Manifest]) -> Vec<Want<'a>> {
    let mut wants = Vec::new();
    for distro in distros {
        for manifest in manifests.iter().filter(|manifest| manifest.formats.contains(&distro.format())) {
            let of = manifest.nginx.map(|flavour| builds.of(flavour, &distro.id)).unwrap_or_default();
            for build in of {
                wants.extend(distro.architectures.iter().map(|arch| Want { build, arch: *arch, distro, manifest }));
            }
        }
    }
    wants
}

/// Builds every module that a package for one of `distros` wants; the third part of the result are the sources.
///
/// # Errors
/// When a source cannot be had and the user did not allow that, when configuring or building fails, or when a module does not fit.
pub fn make(
    distros: &[Distro],
    manifests: &[Manifest],
    supply: &Supply,
    workshop: &Workshop<'_>,
    session: &Session,
) -> Result<(Vec<Module>, Vec<Missing>, Vec<Input>)> {
    let builds = builds(session)?;
    let wants = wants(&builds, distros, manifests);
    let wanted: BTreeMap<Wanted, &Build> =
        wants.iter().map(|want| (want.module(), first_alike(&builds, want.build))).collect();
    let (mut found, mut missing) = (Vec::new(), Vec::new());
    let sources = sources(supply, session)?;
    for (module, build) in &wanted {
        let recipe = recipe(&builds, build)?;
        match obtain(&sources, &recipe, module.arch)? {
            Ok(source) => found.push((module.clone(), recipe, source)),
            Err(tried) => missing.push(describe(module, &recipe, tried, &wants)),
        }
    }
    let missing = mark_left_out(missing, &wants);
    if !missing.is_empty() {
        let text = tell(&missing);
        if !supply.allow_missing {
            bail!(
                "{text}\nNothing was packed. Give the sources (--nginx-source FILE|DIR, as often as needed), or go without \
                 what is named above (--allow-missing)"
            );
        }
        session.progress.note(&text);
    }
    let (mut built, mut inputs) = (BTreeMap::new(), BTreeMap::new());
    for (module, recipe, source) in found {
        inputs.insert(module.version, input(&recipe, &source)?);
        built.insert(module.clone(), workshop.build(&recipe, &source, module.arch, session)?);
    }
    let mut modules: Vec<Module> = Vec::new();
    for want in &wants {
        if let Some(path) = built.get(&want.module()) {
            let module = Module { build: want.build.clone(), arch: want.arch, path: path.clone() };
            if !modules.contains(&module) {
                modules.push(module);
            }
        }
    }
    Ok((modules, missing, inputs.into_values().collect()))
}

/// A source as a statement about provenance names it.
fn input(recipe: &Recipe, source: &Source) -> Result<Input> {
    let named = Input::named(format!("nginx-{}", recipe.version), None);
    Ok(match source {
        Source::Archive(path) => named.with_digest("sha256", super::sha256(path)?),
        Source::Folder(_) => named.with_annotation("folder", "of a crate in Cargo.lock, or taken as it was given"),
    })
}

/// The first build of `nginx.toml` with the version and signature of `build`: what is built must not depend on the distros of a run.
fn first_alike<'a>(builds: &'a Builds, build: &'a Build) -> &'a Build {
    let alike = |other: &&Build| other.version == build.version && other.signature == build.signature;
    builds.iter().find(alike).unwrap_or(build)
}

/// The module for one NGINX of `nginx.toml`, for tests: the first build with that version.
///
/// # Errors
/// As [`make`]; a source that cannot be had is an error.
pub fn for_version(version: &str, workshop: &Workshop<'_>, session: &Session) -> Result<PathBuf> {
    let (recipe, source) = source_for(version, session)?;
    let arch: Arch = std::env::consts::ARCH.parse()?;
    workshop.build(&recipe, &source, arch, session)
}

/// The source of one NGINX of `nginx.toml`, and how its first build with that version is configured.
///
/// # Errors
/// When the file does not know the version, or its source cannot be had.
pub fn source_for(version: &str, session: &Session) -> Result<(Recipe, Source)> {
    obtain_first(version, |_| true, session)
}

/// The same for the NGINX that nginx.org packages.
///
/// # Errors
/// As [`source_for`].
pub fn source_of_nginx_org(version: &str, session: &Session) -> Result<(Recipe, Source)> {
    obtain_first(version, |flavour| flavour == Flavour::NginxOrg, session)
}

fn obtain_first(version: &str, wanted: impl Fn(Flavour) -> bool, session: &Session) -> Result<(Recipe, Source)> {
    let builds = builds(session)?;
    let build = builds.iter().find(|build| build.version.to_string() == version && wanted(build.flavour));
    let build = build.with_context(|| format!("packaging/nginx.toml has no such build of NGINX {version}"))?;
    let recipe = recipe(&builds, build)?;
    let source = sources(&Supply { sources: Vec::new(), allow_missing: false }, session)?.obtain(&recipe)?;
    Ok((recipe, source))
}

/// Where sources and configured sources are kept.
fn cache(session: &Session) -> PathBuf {
    session.tools.join("nginx")
}

fn sources(supply: &Supply, session: &Session) -> Result<Sources> {
    Ok(Sources::new(&session.root, &cache(session), &supply.sources)?)
}

fn recipe(builds: &Builds, build: &Build) -> Result<Recipe> {
    let (source, arguments) =
        builds.recipe(build).with_context(|| format!("packaging/nginx.toml: no recipe for {build}"))?;
    Ok(Recipe {
        version: build.version.to_string(),
        sha256: source.sha256.clone(),
        crate_name: source.crate_name.clone(),
        debian: source.debian,
        arguments: arguments.to_vec(),
        signature: build.signature.to_string(),
    })
}

/// The source, or where it was looked for.
fn obtain(sources: &Sources, recipe: &Recipe, arch: Arch) -> Result<Result<Source, Vec<Tried>>> {
    if arch.as_str() != std::env::consts::ARCH {
        let why =
            format!("NGINX is configured by running small programs, which needs a machine with this processor: {arch}");
        return Ok(Err(vec![Tried { place: "this machine".to_owned(), why }]));
    }
    match sources.obtain(recipe) {
        Ok(source) => Ok(Ok(source)),
        Err(SourceError::Unavailable { tried, .. }) => Ok(Err(tried
            .into_iter()
            .map(|attempt| Tried { place: attempt.place.to_owned(), why: attempt.why })
            .collect())),
        Err(error) => Err(error.into()),
    }
}

fn describe(module: &Wanted, recipe: &Recipe, tried: Vec<Tried>, wants: &[Want<'_>]) -> Missing {
    let packages = wants.iter().filter(|want| want.module() == *module).map(Want::package);
    Missing {
        version: module.version,
        signature: module.signature.clone(),
        sha256: recipe.sha256.clone(),
        left_out: Vec::new(),
        incomplete: packages.collect(),
        tried,
    }
}

/// A package none of whose builds can be made is left out; the others are incomplete.
fn mark_left_out(mut missing: Vec<Missing>, wants: &[Want<'_>]) -> Vec<Missing> {
    let gone: BTreeSet<_> = missing.iter().map(|entry| (entry.version, entry.signature.clone())).collect();
    let is_there = |want: &&Want<'_>| !gone.contains(&(want.build.version, want.build.signature.clone()));
    let packed: BTreeSet<String> = wants.iter().filter(is_there).map(Want::package).collect();
    for entry in &mut missing {
        let (incomplete, left_out) = entry.incomplete.drain(..).partition(|package| packed.contains(package));
        (entry.incomplete, entry.left_out) = (incomplete, left_out);
    }
    missing
}

/// What is missing, for people.
fn tell(missing: &[Missing]) -> String {
    let mut text = String::from("These NGINX builds cannot be made, since their source cannot be had:\n");
    for entry in missing {
        // Writing into a String cannot fail.
        let _ = writeln!(text, "\n  NGINX {}", entry.version);
        for (what, packages) in [("left out", &entry.left_out), ("without it", &entry.incomplete)] {
            if !packages.is_empty() {
                let _ = writeln!(text, "    {what:<12}{}", packages.join(", "));
            }
        }
        for tried in &entry.tried {
            let _ = writeln!(text, "    {:<12}{}", tried.place, tried.why);
        }
        let digest = entry.sha256.as_ref().map(|digest| format!("  (SHA-256 {digest})")).unwrap_or_default();
        let _ = writeln!(text, "    {:<12}--nginx-source nginx-{}.tar.gz{digest}", "supply it:", entry.version);
    }
    text
}

/// What modules are built with.
pub struct Workshop<'a> {
    /// cargo and the linker.
    pub builder: &'a Builder,
    /// The oldest glibc of the matrix.
    pub glibc: String,
    /// What reads headers.
    libclang: Libclang,
    /// What the module is built from.
    inputs: Vec<PathBuf>,
    /// Names and versions of everything that is linked into it.
    linked: String,
}

impl<'a> Workshop<'a> {
    /// Fetches what is missing.
    pub fn open(builder: &'a Builder, glibc: String, session: &Session) -> Result<Self> {
        let given = std::env::var_os("WALLARM_TOOLCHAIN").map(PathBuf::from);
        let step = session.progress.step(format!("Headers: libclang {}", toolchain::LIBCLANG_VERSION));
        let libclang = Libclang::fetch(given.as_deref(), &session.tools)?;
        step.done();
        let (linked, inputs) = linked(&session.root)?;
        Ok(Self { builder, glibc, libclang, inputs, linked })
    }

    /// The variables that let cargo compile the module's crate here, with the headers of one NGINX of `nginx.toml`: for its
    /// lints and its documentation.
    ///
    /// # Errors
    /// As [`source_for`]; and when configuring fails.
    pub fn header_variables(&self, version: &str, session: &Session) -> Result<[(&'static str, OsString); 4]> {
        let (recipe, source) = source_for(version, session)?;
        let nginx = self.configure(&recipe, &source, std::env::consts::ARCH.parse()?, session)?;
        // libclang comes without the headers that belong to a compiler; zig has them.
        let mut compiler_headers = OsString::from("-isystem");
        compiler_headers.push(self.builder.zig.zig().with_file_name("lib").join("include"));
        Ok([
            ("NGINX_BUILD_DIR", nginx.objects().into()),
            ("NGINX_SOURCE_DIR", nginx.folder.into()),
            ("LIBCLANG_PATH", self.libclang.library_folder().into()),
            ("BINDGEN_EXTRA_CLANG_ARGS", compiler_headers),
        ])
    }

    fn configure(&self, recipe: &Recipe, source: &Source, arch: Arch, session: &Session) -> Result<Configured> {
        let step = session.progress.step(format!("Configuring NGINX {}", recipe.version));
        let zig = self.builder.zig.clone();
        let configurer = Configurer { cache: cache(session), zig, arch: arch.to_string(), glibc: self.glibc.clone() };
        let configured = configurer.configure(recipe, source)?;
        step.done();
        Ok(configured)
    }

    fn build(&self, recipe: &Recipe, source: &Source, arch: Arch, session: &Session) -> Result<PathBuf> {
        let configured = self.configure(recipe, source, arch, session)?;
        let step = session.progress.step(format!("Building the module for NGINX {}", recipe.version));
        step.hand_over();
        let modules = ModuleBuilder {
            builder: self.builder,
            libclang: &self.libclang,
            package: MODULE,
            inputs: &self.inputs,
            linked: &self.linked,
            // With the checkout, not with the tools: another checkout shall show that it makes the same.
            cache: session.target.join("dist/nginx-modules"),
        };
        let target = Target { arch: arch.to_string(), glibc: self.glibc.clone() };
        let path = modules.build(recipe, &configured, &target, session.progress.is_silent())?;
        step.done();
        Ok(path)
    }
}

/// What cargo links into the module: a text that changes with any name, version or feature, and the folders of this checkout among it.
fn linked(root: &Path) -> Result<(String, Vec<PathBuf>)> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .current_dir(root)
        .args(["tree", "--locked", "--edges", "normal,build", "--prefix", "none", "--no-dedupe", "--format", "{p} {f}"])
        .args(["--package", MODULE])
        .output()
        .context("cannot run cargo")?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "cargo tree --package {MODULE} failed: {}", complaint.trim());
    let text = String::from_utf8(output.stdout).context("cargo prints no UTF-8")?;
    let lines: BTreeSet<&str> = text.lines().collect();
    let own =
        lines.iter().filter_map(|line| Path::new(line.split_once('(')?.1.split_once(')')?.0).strip_prefix(root).ok());
    let mut inputs: Vec<PathBuf> = own.map(Path::to_owned).collect();
    inputs.push("Cargo.toml".into());
    inputs.sort();
    inputs.dedup();
    let root = root.display().to_string();
    Ok((lines.into_iter().map(|line| line.replace(&root, "") + "\n").collect(), inputs))
}

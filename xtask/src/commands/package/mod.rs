//! `cargo xtask package`: builds each binary once, packs every package for every distro that was asked for, signs rpms.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use packaging::distro::{Distro, Format, Glibc};
use packaging::lint::Exceptions;
use packaging::manifest::Manifest;
use packaging::model::Package;
use packaging::names::Arch;
use packaging::resolve::{Inputs, Release};
use packaging::symbols::Symbols;
use serde::Serialize;
use signing::Signer;
use toolchain::{Artifact, Builder, Split, Target, Zig};

use self::modules::Workshop;
pub use self::modules::{Missing, Supply};
use self::origin::Origin;
use crate::cli::{self, KeyArgs};
use crate::commands::lint;
use crate::plan::{BINARIES, Binary, Plan, Sources};
use crate::provenance::{Input, SIGNATURE_FILE, STATEMENT_FILE};
use crate::session::Session;
use crate::{components, keys, licences, report};

mod bills;
pub mod modules;
mod origin;
mod plan;

/// Names of the public keys among the assets that packages may install: as rpm imports them, and as apt reads them.
const KEY_ASSET: &str = "signing-key.asc";
const KEYRING_ASSET: &str = "signing-keys.gpg";

/// Name of the licences of everything that is linked into the server, among the same assets.
const LICENCES_ASSET: &str = "third-party-licences";

/// The same for the NGINX module.
const MODULE_LICENCES_ASSET: &str = "module-third-party-licences";

/// The rule set that the module starts with.
const RULES_ASSET: &str = "proton.db";

/// What one run is to make.
pub struct Order {
    /// For which distros.
    pub distros: Vec<Distro>,
    /// Which packing.
    pub revision: u32,
    /// Where the repository will be.
    pub url: Option<String>,
    /// Where packages go.
    pub out: PathBuf,
    /// The key that signs rpms.
    pub key: KeyArgs,
}

/// One package that was written.
#[derive(Debug, Serialize)]
pub struct Made {
    /// For which distro.
    pub distro: String,
    /// Its file.
    pub file: PathBuf,
    /// In bytes.
    pub size: u64,
    /// Of the file, in hexadecimal digits.
    pub sha256: String,
    /// Its bills of materials, beside it.
    pub bills: Vec<PathBuf>,
    /// Whether the file itself has a signature; debs are signed by their repository.
    pub signed: bool,
    /// Seconds that packing took.
    pub seconds: f64,
}

/// Runs the command.
pub fn run(args: &cli::Package, session: &Session) -> Result<ExitCode> {
    // With --all no name is given.
    let distros = distros(&args.distro, session)?;
    let out = session.folder(args.out.as_deref(), "packages");
    let order = Order { distros, revision: args.revision, url: args.url.clone(), out, key: args.key.clone() };
    if args.dry_run {
        let plan = plan(&order.distros, order.revision, order.url.as_deref(), session)?;
        return plan::show(&order, &plan, session);
    }
    let begun = Instant::now();
    let supply = Supply { sources: args.nginx_source.clone(), allow_missing: args.allow_missing };
    let (made, missing) = make_with(&order, &supply, session)?;
    show(&made, &missing, begun.elapsed(), session)?;
    Ok(ExitCode::SUCCESS)
}

/// The distros of these names, each once; every distro when none is named.
pub fn distros(names: &[String], session: &Session) -> Result<Vec<Distro>> {
    let matrix = session.matrix()?;
    if names.is_empty() {
        return Ok(matrix.iter().cloned().collect());
    }
    let names: BTreeSet<&String> = names.iter().collect();
    Ok(names.into_iter().map(|name| matrix.get(name).cloned()).collect::<Result<_, _>>()?)
}

/// What a run for `distros` makes.
pub fn plan(distros: &[Distro], revision: u32, url: Option<&str>, session: &Session) -> Result<Plan> {
    let (release, manifests) = (session.release(revision, url)?, session.manifests()?);
    let (builds, glibc) = (modules::builds(session)?, oldest_glibc(session)?);
    Plan::resolve(&Sources { release: &release, distros, manifests: &manifests, builds: &builds, glibc })
}

/// Builds and packs, without the modules whose NGINX source cannot be had: for tests of what can be made here.
pub fn make(order: &Order, session: &Session) -> Result<Vec<Made>> {
    let supply = Supply { sources: Vec::new(), allow_missing: true };
    make_with(order, &supply, session).map(|(made, _)| made)
}

/// Builds and packs.
pub fn make_with(order: &Order, supply: &Supply, session: &Session) -> Result<(Vec<Made>, Vec<Missing>)> {
    let release = session.release(order.revision, order.url.as_deref())?;
    let manifests = session.manifests()?;
    let (mut inputs, missing, sources) = build(order, &manifests, &release, supply, session)?;
    add_assets(&mut inputs, session)?;
    // Debs are signed by their repository; yet one of them brings the keys.
    let signer = keys::load(&order.key, session)?;
    inputs.assets.insert(KEY_ASSET.to_owned(), signer.keyring().to_armored()?.into_bytes());
    inputs.assets.insert(KEYRING_ASSET.to_owned(), signer.keyring().to_binary()?);
    let origin = Origin::of(&release, sources, session)?;
    std::fs::create_dir_all(&order.out).with_context(|| format!("cannot make {}", order.out.display()))?;
    let _lock = lock(&order.out, session)?;
    let exceptions = lint::exceptions(session)?;
    let step = session.progress.counted("Packing", order.distros.len());
    let mut made = Vec::new();
    for batch in order.distros.chunks(std::thread::available_parallelism().map_or(1, usize::from)) {
        let parts = Parts {
            manifests: &manifests,
            release: &release,
            inputs: &inputs,
            origin: &origin,
            exceptions: &exceptions,
        };
        let pack = |distro| pack_distro(distro, order, &parts, signer.as_ref());
        let results: Vec<Result<Vec<Made>>> = std::thread::scope(|scope| {
            let threads: Vec<_> = batch.iter().map(|distro| scope.spawn(move || pack(distro))).collect();
            let joined = threads.into_iter().map(std::thread::ScopedJoinHandle::join);
            joined.map(|result| result.unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
        });
        for result in results {
            made.extend(result?);
            step.advance();
        }
    }
    step.done();
    Ok((made, missing))
}

/// What packages install beside files of their own and binaries.
fn add_assets(inputs: &mut Inputs, session: &Session) -> Result<()> {
    for (asset, package) in [(LICENCES_ASSET, "postanalytics"), (MODULE_LICENCES_ASSET, modules::MODULE)] {
        inputs.assets.insert(asset.to_owned(), licences::of_binary(&session.root, package)?.into_bytes());
    }
    inputs.assets.insert(RULES_ASSET.to_owned(), detection::rules::standard_db()?);
    for (binary, package) in BINARIES {
        inputs.linked.insert(binary.to_owned(), components::of_binary(&session.root, package)?);
    }
    inputs.linked_into_modules = components::of_binary(&session.root, modules::MODULE)?;
    Ok(())
}

/// cargo and the linker, into the folder of what is shipped.
fn builder(epoch: u64, session: &Session) -> Result<Builder> {
    let (workspace, target_dir) = (session.root.clone(), session.target.join("dist"));
    Ok(Builder { workspace, target_dir, zig: linker(session)?, epoch })
}

/// The module for an NGINX of `packaging/nginx.toml`, as it is shipped, for tests.
///
/// # Errors
/// When the version is unknown, its source cannot be had, or building fails.
pub fn module_for(version: &str, session: &Session) -> Result<PathBuf> {
    let builder = builder(session.epoch()?, session)?;
    let workshop = Workshop::open(&builder, oldest_glibc(session)?.to_string(), session)?;
    modules::for_version(version, &workshop, session)
}

/// The variables with which cargo can compile the module's crate on this machine, for lints and documentation.
///
/// # Errors
/// When the source of that NGINX cannot be had, or cannot be configured.
pub fn header_variables(version: &str, session: &Session) -> Result<[(&'static str, OsString); 4]> {
    let builder = builder(session.epoch()?, session)?;
    let workshop = Workshop::open(&builder, oldest_glibc(session)?.to_string(), session)?;
    workshop.header_variables(version, session)
}

/// Every binary and module that a package of the order wants, built once for the oldest glibc of the whole matrix.
fn build(
    order: &Order,
    manifests: &[Manifest],
    release: &Release,
    supply: &Supply,
    session: &Session,
) -> Result<(Inputs, Vec<Missing>, Vec<Input>)> {
    let builder = builder(release.epoch, session)?;
    let glibc = oldest_glibc(session)?;
    let workshop = Workshop::open(&builder, glibc.to_string(), session)?;
    // First, since they may be missing something, and a run that ends so should end soon.
    let (modules, missing, sources) = modules::make(&order.distros, manifests, supply, &workshop, session)?;
    let plan = plan(&order.distros, order.revision, order.url.as_deref(), session)?;
    let binaries = build_binaries(&plan.binaries, glibc, &builder, session)?;
    let mut inputs = Inputs { binaries, modules, ..Inputs::default() };
    part(&mut inputs, &builder)?;
    Ok((inputs, missing, sources))
}

/// Takes what debuggers ask for out of everything that was built; packages get what is left, and packages of symbols the rest.
fn part(inputs: &mut Inputs, builder: &Builder) -> Result<()> {
    let folder = builder.target_dir.join("symbols");
    let modules = inputs.modules.iter_mut().map(|module| &mut module.path);
    for path in inputs.binaries.values_mut().chain(modules) {
        let Split { stripped, debug, build_id } = toolchain::split(path, &folder)?;
        inputs.symbols.insert(stripped.clone(), Symbols { build_id, file: debug });
        *path = stripped;
    }
    Ok(())
}

fn build_binaries(
    wanted: &[Binary],
    glibc: Glibc,
    builder: &Builder,
    session: &Session,
) -> Result<BTreeMap<(String, Arch), PathBuf>> {
    let mut binaries = BTreeMap::new();
    for Binary { name, source, arch } in wanted {
        let target = Target { arch: arch.to_string(), glibc: glibc.to_string() };
        let step = session.progress.step(format!("Building {name} for {arch}, glibc {glibc}"));
        step.hand_over();
        let artifact = Artifact { package: source, binary: Some(name) };
        let path = builder.build(&artifact, &target, &[], session.progress.is_silent())?;
        step.done();
        binaries.insert((name.clone(), *arch), path);
    }
    Ok(binaries)
}

/// Fetches the linker, unless the variable `WALLARM_TOOLCHAIN` names one.
pub fn linker(session: &Session) -> Result<Zig> {
    if let Some(folder) = std::env::var_os("WALLARM_TOOLCHAIN") {
        return Ok(Zig::at(Path::new(&folder))?);
    }
    let step = session.progress.step(format!("Linker: zig {}", toolchain::ZIG_VERSION));
    let zig = Zig::fetch(&session.tools)?;
    step.done();
    Ok(zig)
}

/// One build serves every distro, so it is made for the oldest of them.
fn oldest_glibc(session: &Session) -> Result<Glibc> {
    session.matrix()?.iter().map(|distro| distro.glibc).min().context("packaging/distros.toml has no distro")
}

/// Held while packages are written; the system lets it go even after kill -9.
fn lock(folder: &Path, session: &Session) -> Result<File> {
    let path = folder.join(".lock");
    let file = File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
    if file.try_lock().is_err() {
        session.progress.note(&format!("Waiting: another run writes to {}", session.shown(folder)));
        file.lock().with_context(|| format!("cannot lock {}", path.display()))?;
    }
    Ok(file)
}

/// What all packages of a run are made from.
struct Parts<'a> {
    manifests: &'a [Manifest],
    release: &'a Release,
    inputs: &'a Inputs,
    origin: &'a Origin,
    exceptions: &'a Exceptions,
}

fn pack_distro(distro: &Distro, order: &Order, parts: &Parts<'_>, signer: &dyn Signer) -> Result<Vec<Made>> {
    let Parts { manifests, release, inputs, origin, exceptions } = *parts;
    let folder = order.out.join(distro.id.as_str());
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let mut made = Vec::new();
    for manifest in manifests {
        for package in packaging::resolve::resolve(manifest, release, distro, inputs)? {
            lint::before_writing(&package, distro, exceptions)?;
            made.push(pack(&package, distro, &folder, signer)?);
        }
    }
    origin.write(&folder, distro, &made, signer)?;
    remove_stale(&folder, &made)?;
    Ok(made)
}

fn pack(package: &Package, distro: &Distro, folder: &Path, signer: &dyn Signer) -> Result<Made> {
    let begun = Instant::now();
    let written = match distro.format() {
        Format::Deb => packaging::deb::write(package, folder)?,
        Format::Rpm => {
            let when = std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(package.epoch);
            let sign = |header: &[u8]| signer.sign_detached(header, when).map_err(Into::into);
            packaging::rpm::write(package, folder, Some(sign))?
        }
    };
    Ok(Made {
        distro: distro.id.to_string(),
        bills: bills::write_beside(package, &written.path)?,
        signed: distro.format() == Format::Rpm,
        size: written.size,
        sha256: sha256(&written.path)?,
        file: written.path,
        seconds: begun.elapsed().as_secs_f64(),
    })
}

/// SHA-256 of a file, in hexadecimal digits.
pub fn sha256(path: &Path) -> Result<String> {
    use sha2::Digest as _;
    let mut file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut hasher = sha2::Sha256::new();
    std::io::copy(&mut file, &mut hasher).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(format!("{:x}", hasher.finalize()))
}

/// The same of bytes.
pub fn sha256_of(bytes: &[u8]) -> String {
    use sha2::Digest as _;
    format!("{:x}", sha2::Sha256::digest(bytes))
}

/// A folder holds what the last run made: a package of an older version, or half of one from a run that was killed,
/// would otherwise be published with it.
fn remove_stale(folder: &Path, made: &[Made]) -> Result<()> {
    let keep: BTreeSet<&Path> =
        made.iter().flat_map(|made| [&made.file].into_iter().chain(&made.bills)).map(PathBuf::as_path).collect();
    let context = || format!("cannot clear {}", folder.display());
    for entry in std::fs::read_dir(folder).with_context(context)? {
        let path = entry.with_context(context)?.path();
        let is_statement = [STATEMENT_FILE, SIGNATURE_FILE].iter().any(|name| path.ends_with(name));
        if path.is_file() && !is_statement && !keep.contains(path.as_path()) {
            std::fs::remove_file(&path).with_context(|| format!("cannot remove {}", path.display()))?;
        }
    }
    Ok(())
}

fn show(made: &[Made], missing: &[Missing], took: Duration, session: &Session) -> Result<()> {
    if session.json {
        let seconds = took.as_secs_f64();
        return report::json(&serde_json::json!({ "packages": made, "missing": missing, "seconds": seconds }));
    }
    let rows: Vec<_> = made
        .iter()
        .map(|made| {
            let signed = if made.signed { "yes" } else { "by repository" };
            let file = session.shown(&made.file);
            [made.distro.clone(), file, report::bytes(made.size), signed.to_owned(), format!("{:.1} s", made.seconds)]
        })
        .collect();
    report::table(["Distro", "Package", "Size", "Signed", "Time"], &rows);
    report::line(&format!("{} packages in {}", made.len(), report::seconds(took)));
    Ok(())
}

//! Packs the whole matrix, lays it out, verifies it, and breaks it file by file.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use packaging::distro::Distro;
use repo_layout::{STATE_FOLDER, Source};

use super::stage::Count;
use crate::channel::Channel;
use crate::cli::{KeyArgs, WhichKey};
use crate::commands::{package, repo, verify};
use crate::session::Session;
use crate::{http, keys};

/// Where this run's packages are, one folder a distro.
pub fn packages_folder(session: &Session) -> PathBuf {
    session.target.join("test/packages")
}

/// The key that this run signs with, for a second run elsewhere.
pub fn key_of(session: &Session) -> KeyArgs {
    let which = WhichKey { key: vec![keys::development_key(session)], ..WhichKey::default() };
    KeyArgs { which, ..KeyArgs::default() }
}

/// Packs every distro of the matrix.
pub fn package(session: &Session, revision: u32, out: PathBuf, key: KeyArgs) -> Result<Vec<package::Made>> {
    let distros: Vec<Distro> = session.matrix()?.iter().cloned().collect();
    package::make(&package::Order { distros, revision, url: None, out, key }, session)
}

/// Packages of one format that the run has made.
pub fn packages(session: &Session, extension: &str) -> Result<Vec<PathBuf>> {
    let mut found = files(&packages_folder(session))?;
    found.retain(|path| path.extension().is_some_and(|ending| ending == extension));
    ensure!(!found.is_empty(), "no .{extension} was made: an earlier stage failed");
    Ok(found)
}

/// How this run's tree is laid out.
pub fn order(session: &Session) -> repo::Order {
    repo::Order {
        channel: Channel::default(),
        distros: Vec::new(),
        packages: packages_folder(session),
        out: session.target.join("test/repo"),
        url: None,
        key: key_of(session),
    }
}

/// Runs the stage.
pub fn run(session: &Session) -> Result<Count> {
    let mut count = Count::default();
    keys::load(&KeyArgs::default(), session)?;
    let made = package(session, 1, packages_folder(session), key_of(session))?;
    count.passed += made.len();
    count += Count::of(is_as_planned(&made, session)?);

    let order = order(session);
    let tree = order.out.clone();
    repo::build(&order, session)?;
    count += Count::of(repo::build(&order, session)?.written == 0);

    count += clean(&Source::Folder(tree.clone()), session)?;
    let server = http::serve(&tree, ([127, 0, 0, 1], 0).into())?;
    count += clean(&Source::Url(server.url()), session)?;
    count += flipped(&tree, session)?;
    Ok(count)
}

/// Every file that was made is in the plan, and every file of the plan was made unless the source of its NGINX cannot be had.
fn is_as_planned(made: &[package::Made], session: &Session) -> Result<bool> {
    let plan = package::plan(&package::distros(&[], session)?, 1, None, session)?;
    let mut planned = BTreeMap::new();
    for system in &plan.distros {
        planned.extend(system.packages.iter().map(|one| ((system.distro.to_string(), one.file.clone()), one)));
    }
    let mut same = true;
    for one in made {
        let file = one.file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if planned.remove(&(one.distro.clone(), file.clone())).is_none() {
            session.say(&format!("{} {file} was made, but is not in the plan", one.distro));
            same = false;
        }
    }
    for ((distro, file), _) in planned.iter().filter(|(_, package)| package.nginx.is_empty()) {
        session.say(&format!("{distro} {file} is in the plan, but was not made"));
        same = false;
    }
    Ok(same)
}

fn clean(source: &Source, session: &Session) -> Result<Count> {
    let report = verify::check(source, None, session)?;
    for finding in &report.findings {
        session.say(&format!("{source}: {}: {}", finding.path, finding.what));
    }
    Ok(Count::of(report.is_clean()))
}

/// A flipped byte in any file of the repository is found.
fn flipped(tree: &Path, session: &Session) -> Result<Count> {
    let step = session.progress.step("Flipping a byte in each file of the repository");
    let quiet = session.hushed();
    let mut count = Count::default();
    for path in files(tree)? {
        if path.strip_prefix(tree).is_ok_and(|inside| inside.starts_with(STATE_FOLDER)) {
            continue;
        }
        let whole = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let mut broken = whole.clone();
        // Somewhere in the middle: the front of an archive is the easy place.
        let middle = broken.len() / 2;
        let byte = broken.get_mut(middle).with_context(|| format!("{} is empty", path.display()))?;
        *byte ^= 1;
        replace(&path, &broken)?;
        let report = verify::check(&Source::Folder(tree.to_owned()), None, &quiet);
        replace(&path, &whole)?;
        // A broken key may stop the walk before it begins, which is as clear an answer.
        let found = report.map_or(true, |report| !report.is_clean());
        if !found {
            session.say(&format!("a flipped byte in {} was not found", path.display()));
        }
        count += Count::of(found);
    }
    step.done();
    Ok(count)
}

/// Hard links may tie a file to its by-hash copy: a new file leaves the copy alone.
fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    let context = || format!("cannot write {}", path.display());
    fs::remove_file(path).with_context(context)?;
    fs::write(path, bytes).with_context(context)
}

/// Every regular file below a folder, sorted.
fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let context = || format!("cannot read {}", folder.display());
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).with_context(context)? {
        let path = entry.with_context(context)?.path();
        if path.is_dir() {
            found.extend(files(&path)?);
        } else {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

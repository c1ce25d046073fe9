//! Packs the whole matrix, lays it out, verifies it, and breaks it file by file.

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

/// Runs the stage.
pub fn run(session: &Session) -> Result<Count> {
    let mut count = Count::default();
    keys::load(&KeyArgs::default(), session)?;
    let made = package(session, 1, packages_folder(session), key_of(session))?;
    count.passed += made.len();

    let tree = session.target.join("test/repo");
    let order = repo::Order {
        channel: Channel::default(),
        distros: Vec::new(),
        packages: packages_folder(session),
        out: tree.clone(),
        key: key_of(session),
    };
    repo::build(&order, session)?;
    count += Count::of(repo::build(&order, session)?.written == 0);

    count += clean(&Source::Folder(tree.clone()), session)?;
    let server = http::serve(&tree, ([127, 0, 0, 1], 0).into())?;
    count += clean(&Source::Url(server.url()), session)?;
    count += flipped(&tree, session)?;
    Ok(count)
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

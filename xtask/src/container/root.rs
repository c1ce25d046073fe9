//! Roots: made once by mmdebstrap, kept under their recipe's fingerprint, never written to again.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::{Interrupt, Recipe, mirror, process};

/// mmdebstrap takes half a minute near a mirror; a slow line may need this.
const LIMIT: Duration = Duration::from_secs(900);

const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// Where the root of `recipe` is, or will be, below `kept`.
#[must_use]
pub fn path(recipe: &Recipe, kept: &Path) -> PathBuf {
    kept.join(format!("{}-{}", recipe.name, recipe.fingerprint()))
}

/// The folder of the root of `recipe` below `kept`, made first if it is not there.
///
/// It is made beside its place and renamed when it is whole, so a killed run leaves no half root.
///
/// # Errors
///
/// If mmdebstrap is missing or fails, or a folder cannot be written.
pub fn ensure(recipe: &Recipe, kept: &Path, interrupt: &Interrupt) -> Result<PathBuf> {
    let path = path(recipe, kept);
    if path.is_dir() {
        return Ok(path);
    }
    fs::create_dir_all(kept).with_context(|| format!("cannot make {}", kept.display()))?;
    let building = Building::begin(&path)?;
    make(recipe, &building, interrupt).with_context(|| format!("cannot make the root of {}", recipe.name))?;
    building.finish(&path)?;
    Ok(path)
}

/// A root on its way; removed unless it is finished.
struct Building {
    /// Holds `root` and the inputs of scripts.
    folder: PathBuf,
}

impl Building {
    fn begin(place: &Path) -> Result<Self> {
        let mut folder = place.as_os_str().to_owned();
        folder.push(format!(".building-{}", std::process::id()));
        let folder = PathBuf::from(folder);
        remove(&folder)?;
        fs::create_dir(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        Ok(Self { folder })
    }

    fn root(&self) -> PathBuf {
        self.folder.join("root")
    }

    fn finish(self, place: &Path) -> Result<()> {
        match fs::rename(self.root(), place) {
            // Another run was quicker. Its root came from the same recipe.
            Err(_) if place.is_dir() => Ok(()),
            other => other.with_context(|| format!("cannot rename {} to {}", self.root().display(), place.display())),
        }
    }
}

impl Drop for Building {
    fn drop(&mut self) {
        // What stays is removed by the next run's `sweep`.
        let _ = remove(&self.folder);
    }
}

fn make(recipe: &Recipe, building: &Building, interrupt: &Interrupt) -> Result<()> {
    let mirror = mirror::find(Path::new("/etc/apt"))?;
    let mut command = process::sealed("mmdebstrap");
    command.args(["--variant=minbase", "--quiet", "--mode=root", "--format=directory"]);
    command.arg(format!("--keyring={KEYRING}"));
    command.arg("--aptopt=Acquire::Languages \"none\"").arg("--aptopt=Acquire::Retries \"3\"");
    command.arg(format!("--include={}", recipe.packages.join(",")));
    for (number, (inside, text)) in recipe.inputs.iter().enumerate() {
        let file = building.folder.join(format!("input-{number}"));
        fs::write(&file, text)?;
        command.arg(format!("--customize-hook=upload {} {inside}", quoted(&file)?));
    }
    for (number, text) in recipe.scripts.iter().enumerate() {
        let file = building.folder.join(format!("script-{number}"));
        fs::write(&file, text)?;
        command.arg(format!("--customize-hook=chroot \"$1\" sh <{}", quoted(&file)?));
    }
    command.arg(&recipe.suite).arg(building.root());
    command.arg(format!("deb {mirror} {} main", recipe.suite));
    process::check(&mut command, LIMIT, interrupt).map(drop)
}

/// For the shell that mmdebstrap gives its hooks to.
fn quoted(path: &Path) -> Result<String> {
    let text = path.to_str().with_context(|| format!("{} is not UTF-8", path.display()))?;
    ensure!(!text.contains('\''), "{text}: a path with an apostrophe cannot be handed to mmdebstrap");
    Ok(format!("'{text}'"))
}

/// Removes what runs that were killed while they made a root have left below `kept`.
///
/// # Errors
///
/// If a folder cannot be removed.
pub fn sweep(kept: &Path) -> Result<()> {
    let Ok(entries) = fs::read_dir(kept) else { return Ok(()) };
    for entry in entries {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let maker = name.split_once(".building-").and_then(|(_, pid)| pid.parse().ok());
        if maker.is_some_and(|pid: u32| !super::machine::alive(pid)) {
            remove(&path)?;
        }
    }
    Ok(())
}

fn remove(folder: &Path) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", folder.display()))
        }
        _ => Ok(()),
    }
}

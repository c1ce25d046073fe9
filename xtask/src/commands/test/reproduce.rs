//! Two builds of one commit in two folders give the same bytes.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use super::stage::Count;
use super::tree;
use crate::session::Session;

/// Packs everything again in a copy of the checkout and compares each package with the tree's.
pub fn run(session: &Session) -> Result<Count> {
    let folder = session.target.join("test/reproduce/another folder, with a longer path");
    // A clean start: an old build there would prove less.
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| format!("cannot clear {}", folder.display()))?;
    }
    let copy = folder.join("checkout");
    copy_checkout(&session.root, &copy)?;
    let again = session.elsewhere(&copy)?;
    // One key for both: a signature tells who signed, so two keys would give two files.
    let made = tree::package(&again, 1, tree::packages_folder(&again), tree::key_of(session))?;
    let mut count = Count::default();
    for made in &made {
        let name = made.file.strip_prefix(tree::packages_folder(&again)).unwrap_or(&made.file);
        let first = tree::packages_folder(session).join(name);
        let same = fs::read(&first).with_context(|| format!("cannot read {}", first.display()))?
            == fs::read(&made.file).with_context(|| format!("cannot read {}", made.file.display()))?;
        if !same {
            session.say(&format!("{} differs when it is built in another folder", name.display()));
        }
        count += Count::of(same);
    }
    Ok(count)
}

/// Every file that git tracks or would track, as it is now: uncommitted work is tested, too.
fn copy_checkout(from: &Path, to: &Path) -> Result<()> {
    let listed = Command::new("git")
        .current_dir(from)
        .args(["ls-files", "--cached", "--others", "--exclude-standard", "-z"])
        .output()
        .context("cannot run git")?;
    ensure!(listed.status.success(), "git ls-files failed: the test runs in a git checkout");
    for name in String::from_utf8_lossy(&listed.stdout).split('\0').filter(|name| !name.is_empty()) {
        let (source, target) = (from.join(name), to.join(name));
        if !source.is_file() {
            continue;
        }
        let parent = target.parent().unwrap_or(to);
        fs::create_dir_all(parent).with_context(|| format!("cannot make {}", parent.display()))?;
        fs::copy(&source, &target).with_context(|| format!("cannot copy {}", source.display()))?;
    }
    Ok(())
}

//! What the checkout is: its commit, its tag, and whether anything in it was changed.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use repo_layout::Sha256Hex;

/// What git prints, without the line break at its end; `None` when it fails.
fn ask(root: &Path, arguments: &[&str]) -> Result<Option<String>> {
    let output = Command::new("git").current_dir(root).args(arguments).output().context("cannot run git")?;
    Ok(output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim_end().to_owned()))
}

/// The commit that is checked out.
pub fn head(root: &Path) -> Result<String> {
    ask(root, &["rev-parse", "HEAD"])?.context("this is no git checkout with a commit: a release is made from one")
}

/// The commit that a tag names.
pub fn tagged(root: &Path, tag: &str) -> Result<Option<String>> {
    ask(root, &["rev-parse", "--verify", "--quiet", &format!("refs/tags/{tag}^{{commit}}")])
}

/// Files that are not as the commit has them, or that it does not have.
pub fn changed(root: &Path) -> Result<Vec<String>> {
    let listed = ask(root, &["status", "--porcelain", "--untracked-files=all"])?.context("git status has failed")?;
    Ok(listed.lines().map(|line| line.get(3..).unwrap_or(line).to_owned()).collect())
}

/// Changes with anything in the checkout that git does not ignore: the commit, and what was changed since.
pub fn fact(root: &Path) -> Result<String> {
    let commit = head(root)?;
    let changed = changed(root)?;
    if changed.is_empty() {
        return Ok(commit);
    }
    let difference =
        Command::new("git").current_dir(root).args(["diff", "--binary", "HEAD"]).output().context("cannot run git")?;
    ensure!(difference.status.success(), "git diff has failed");
    let mut bytes = difference.stdout;
    let untracked = ask(root, &["ls-files", "--others", "--exclude-standard"])?.unwrap_or_default();
    for name in untracked.lines() {
        bytes.extend(name.as_bytes());
        bytes.extend(std::fs::read(root.join(name)).unwrap_or_default());
    }
    Ok(format!("{commit}, changed: {}", Sha256Hex::of(&bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn checkout() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let git = |arguments: &[&str]| {
            let identity = ["-c", "user.name=Test", "-c", "user.email=test@example.org"];
            let output =
                Command::new("git").current_dir(folder.path()).args(identity).args(arguments).output().unwrap();
            assert!(output.status.success(), "{output:?}");
        };
        git(&["init", "--quiet"]);
        fs::write(folder.path().join("a"), "one").unwrap();
        git(&["add", "a"]);
        git(&["commit", "--quiet", "--message", "first"]);
        git(&["tag", "--annotate", "--message", "released", "v1.0.0"]);
        folder
    }

    #[test]
    fn an_annotated_tag_names_its_commit() {
        let folder = checkout();
        assert_eq!(tagged(folder.path(), "v1.0.0").unwrap(), Some(head(folder.path()).unwrap()));
        assert_eq!(tagged(folder.path(), "v1.0.1").unwrap(), None);
    }

    #[test]
    fn whatever_changes_in_the_checkout_changes_the_fact() {
        let folder = checkout();
        let clean = fact(folder.path()).unwrap();
        assert_eq!(clean, head(folder.path()).unwrap());
        let mut seen = vec![clean];
        for (name, text) in [("a", "two"), ("a", "three"), ("b", "new"), ("b", "newer")] {
            fs::write(folder.path().join(name), text).unwrap();
            let now = fact(folder.path()).unwrap();
            assert!(!seen.contains(&now), "{name} {text}");
            seen.push(now);
        }
        assert_eq!(changed(folder.path()).unwrap(), ["a", "b"]);
    }

    #[test]
    fn outside_of_a_checkout_nothing_can_be_released() {
        let folder = tempfile::tempdir().unwrap();
        assert!(head(folder.path()).unwrap_err().to_string().contains("no git checkout"));
    }
}

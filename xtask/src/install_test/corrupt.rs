//! A repository as an attacker, or a bad disk, would have it.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

/// A copy of a repository; removed when dropped.
#[derive(Debug)]
pub struct Copy {
    /// Where it is.
    pub root: PathBuf,
}

impl Copy {
    /// Copies the tree `from` to `to`, and flips a bit towards the end of every file whose path in the tree `chosen` picks.
    ///
    /// # Errors
    ///
    /// If a file cannot be copied, or none was chosen.
    pub fn flipped(from: &Path, to: &Path, chosen: impl Fn(&str) -> bool) -> Result<Self> {
        let copy = Self { root: to.to_owned() };
        remove(to)?;
        let mut flipped = 0;
        for relative in files(from, Path::new(""))? {
            let target = to.join(&relative);
            if let Some(folder) = target.parent() {
                fs::create_dir_all(folder)?;
            }
            let mut bytes =
                fs::read(from.join(&relative)).with_context(|| format!("cannot read {}", relative.display()))?;
            if chosen(&relative.to_string_lossy()) {
                // Late in the file: the middle of a small rpm may be the reserved space of its signature header, which means
                // nothing to anybody.
                let place = bytes.len() / 8 * 7;
                if let Some(byte) = bytes.get_mut(place) {
                    *byte ^= 1;
                    flipped += 1;
                }
            }
            fs::write(&target, bytes).with_context(|| format!("cannot write {}", target.display()))?;
        }
        ensure!(flipped > 0, "{} has no file to corrupt for this", from.display());
        Ok(copy)
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        // The next copy takes the same place and removes it first.
        let _ = remove(&self.root);
    }
}

fn remove(folder: &Path) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", folder.display()))
        }
        _ => Ok(()),
    }
}

/// Every file below `root`, as paths from there. Links are followed: the copy has what a client would get.
fn files(root: &Path, below: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let folder = root.join(below);
    for entry in fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let relative = below.join(entry?.file_name());
        if root.join(&relative).is_dir() {
            found.extend(files(root, &relative)?);
        } else {
            found.push(relative);
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_chosen_files_change_and_by_one_bit() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("from"), folder.path().join("to"));
        fs::create_dir_all(from.join("dist/pool")).unwrap();
        fs::write(from.join("dist/pool/a.deb"), [0; 16]).unwrap();
        fs::write(from.join("dist/Packages"), [0; 16]).unwrap();
        let copy = Copy::flipped(&from, &to, |path| path.ends_with(".deb")).unwrap();
        assert_eq!(fs::read(to.join("dist/pool/a.deb")).unwrap(), [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0]);
        assert_eq!(fs::read(to.join("dist/Packages")).unwrap(), [0; 16]);
        drop(copy);
        assert!(!to.exists());
        assert!(Copy::flipped(&from, &to, |_| false).is_err());
    }
}

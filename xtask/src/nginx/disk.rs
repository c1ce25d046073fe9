//! A disk without room.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};
use tempfile::TempDir;

/// A small file system in memory, mounted until it is dropped, on which nothing more can be written. Needs root.
#[derive(Debug)]
pub struct FullDisk {
    place: TempDir,
}

impl FullDisk {
    /// Mounts it and fills it.
    ///
    /// # Errors
    ///
    /// If it cannot be mounted.
    pub fn new() -> Result<Self> {
        let place =
            tempfile::Builder::new().prefix("full-disk-").tempdir().context("cannot make a temporary folder")?;
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=64k,mode=0777", "tmpfs"]).arg(place.path());
        let output = mount.output().context("cannot run mount")?;
        ensure!(output.status.success(), "cannot mount a tmpfs: {}", String::from_utf8_lossy(&output.stderr).trim());
        let disk = Self { place };
        fill(&disk.path().join("filler"))?;
        Ok(disk)
    }

    /// Where it is mounted.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.place.path().to_owned()
    }
}

/// Writes until nothing more fits.
fn fill(path: &Path) -> Result<()> {
    let mut file = fs::File::create(path).with_context(|| format!("cannot make {}", path.display()))?;
    loop {
        match file.write(&[0; 4096]) {
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::StorageFull => return Ok(()),
            Err(error) => bail!("{} cannot be filled: {error}", path.display()),
        }
    }
}

impl Drop for FullDisk {
    fn drop(&mut self) {
        // An NGINX that is still ending may have a file open there; the mount goes when it does.
        let _ = Command::new("umount").arg("--lazy").arg(self.place.path()).status();
    }
}

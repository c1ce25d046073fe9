//! A control group for each machine.
//!
//! nspawn without a running systemd on the host (`--keep-unit`) boots a machine in the control group that it was called in. Two
//! machines in one group would share `system.slice`, and stopping a service in one would kill its twin in the other.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// How long the kernel may take to empty the groups of a machine that was killed.
const EMPTYING: Duration = Duration::from_secs(10);

/// The folders in which a group for a machine must be made: one a hierarchy that systemd uses, so one on a host with the
/// unified hierarchy alone, two where systemd has a version 1 hierarchy for itself.
///
/// # Errors
///
/// If `/proc` cannot be read, or no such hierarchy is mounted.
pub fn hierarchies() -> Result<Vec<PathBuf>> {
    let read = |path: &str| fs::read_to_string(path).with_context(|| format!("cannot read {path}"));
    let found = places(&read("/proc/self/cgroup")?, &read("/proc/self/mounts")?);
    if found.is_empty() {
        bail!("no control group hierarchy is mounted that systemd can use (cgroup2, or cgroup with name=systemd)");
    }
    Ok(found)
}

/// `cgroup` is in the form of cgroups(7) "/proc/pid/cgroup", `mounts` in that of fstab(5).
fn places(cgroup: &str, mounts: &str) -> Vec<PathBuf> {
    let own_path = |controllers: &str| {
        cgroup.lines().find_map(|line| {
            let mut fields = line.splitn(3, ':').skip(1);
            (fields.next() == Some(controllers)).then(|| fields.next()).flatten()
        })
    };
    let place = |line: &str| {
        let mut fields = line.split_whitespace().skip(1);
        let (folder, kind, options) = (fields.next()?, fields.next()?, fields.next()?);
        let own = match kind {
            "cgroup2" => own_path(""),
            "cgroup" if options.split(',').any(|option| option == "name=systemd") => own_path("name=systemd"),
            _ => None,
        }?;
        Some(Path::new(folder).join(own.trim_start_matches('/')))
    };
    mounts.lines().filter_map(place).collect()
}

/// Groups made for one machine; removed with all below them when dropped.
#[derive(Debug)]
pub struct Groups {
    folders: Vec<PathBuf>,
}

impl Groups {
    /// Makes a group called `name` in each of [`hierarchies`].
    ///
    /// # Errors
    ///
    /// If one cannot be made: without root, or where `/sys/fs/cgroup` is read-only.
    pub fn make(name: &str) -> Result<Self> {
        let mut groups = Self { folders: Vec::new() };
        for hierarchy in hierarchies()? {
            let folder = hierarchy.join(name);
            fs::create_dir(&folder).with_context(|| format!("cannot make the control group {}", folder.display()))?;
            groups.folders.push(folder);
        }
        Ok(groups)
    }

    /// The folders of the groups.
    #[must_use]
    pub fn folders(&self) -> &[PathBuf] {
        &self.folders
    }
}

impl Drop for Groups {
    fn drop(&mut self) {
        let until = Instant::now() + EMPTYING;
        for folder in &self.folders {
            // A group is busy until the last killed process is gone. What stays is removed by the next run.
            while remove(folder).is_err() && Instant::now() < until {
                std::thread::sleep(Duration::from_millis(10));
            }
        }
    }
}

/// Removes a group and those below it. The files inside are the kernel's and go with the folder.
///
/// # Errors
///
/// While a process is in one of them.
pub fn remove(folder: &Path) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            remove(&entry.path())?;
        }
    }
    fs::remove_dir(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_with_both_kinds_has_two_places() {
        let cgroup = "9:name=systemd:/\n4:memory:/job/1\n0::/\n";
        let mounts = "tmpfs /sys/fs/cgroup tmpfs rw 0 0\ncgroup /sys/fs/cgroup/memory cgroup rw,memory 0 0\n\
                      cgroup /sys/fs/cgroup/systemd cgroup rw,name=systemd 0 0\ncgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\n";
        assert_eq!(places(cgroup, mounts), ["/sys/fs/cgroup/systemd", "/sys/fs/cgroup/unified"].map(PathBuf::from));
    }

    #[test]
    fn on_a_unified_host_the_place_is_below_our_own_group() {
        let mounts = "cgroup2 /sys/fs/cgroup cgroup2 rw,nosuid 0 0\n";
        assert_eq!(
            places("0::/user.slice/session-2.scope\n", mounts),
            [PathBuf::from("/sys/fs/cgroup/user.slice/session-2.scope")]
        );
    }
}

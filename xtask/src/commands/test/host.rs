//! The Debian packages that tests need of the machine.

use std::collections::BTreeSet;
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use super::stage::Stage;
use crate::session::Session;

/// Real tools that read what we write, and real clients that speak to the server.
pub const FOR_CARGO_TESTS: &[&str] = &[
    "apt-utils",
    "binutils",
    "collectd-core",
    "cpio",
    "createrepo-c",
    "curl",
    "dnf",
    "dpkg-dev",
    "elfutils",
    "gdb",
    "gnupg",
    "gpgv",
    "libcurl3-gnutls",
    "libyajl2",
    "man-db",
    "python3-venv",
    "rpm",
    "rpm2cpio",
    "sqv",
    "tarantool",
    "xz-utils",
];

/// Installs what the stages miss when it may, and names it otherwise.
pub fn install_missing(stages: &[&Stage], session: &Session) -> Result<()> {
    provide(stages.iter().flat_map(|stage| stage.needs).copied(), session)
}

/// Installs those of these packages that are missing when it may, and names them otherwise.
pub fn provide(packages: impl IntoIterator<Item = &'static str>, session: &Session) -> Result<()> {
    let wanted: BTreeSet<&str> = packages.into_iter().collect();
    let mut missing: Vec<&str> = wanted.into_iter().filter(|package| !is_installed(package)).collect();
    // Any pip will do, so a Python from elsewhere is not doubled.
    if !has_pip() {
        missing.push("python3-pip");
    }
    if missing.is_empty() {
        return Ok(());
    }
    let list = missing.join(" ");
    if !is_root() {
        bail!(
            "this needs Debian packages that are not installed; run: sudo apt-get install --no-install-recommends {list}"
        );
    }
    let step = session.progress.step(format!("Installing {list}"));
    step.hand_over();
    // The lists of a fresh machine may be empty or old; the second try is with new ones.
    if !apt_get(&["install"], &missing)? {
        apt_get(&["update"], &[])?;
        if !apt_get(&["install"], &missing)? {
            bail!("apt-get install {list} failed, see above");
        }
    }
    step.done();
    Ok(())
}

/// Tests that boot containers make namespaces and mounts.
pub fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|metadata| std::os::unix::fs::MetadataExt::uid(&metadata) == 0)
}

/// pip fetches the linker.
fn has_pip() -> bool {
    let probe = Command::new("python3").args(["-m", "pip", "--version"]).output();
    probe.is_ok_and(|output| output.status.success())
}

fn is_installed(package: &str) -> bool {
    let query = Command::new("dpkg-query").args(["-W", "-f", "${db:Status-Status}", package]).output();
    query.is_ok_and(|output| output.stdout == b"installed")
}

fn apt_get(action: &[&str], packages: &[&str]) -> Result<bool> {
    let status = Command::new("apt-get")
        .args(["-q", "-y", "-o", "DPkg::Lock::Timeout=120", "--no-install-recommends"])
        .args(action)
        .args(packages)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .stdout(std::io::stderr())
        .status()
        .context("cannot run apt-get: the tests run on Debian")?;
    Ok(status.success())
}

//! A stand-in for the NGINX that nginx.org packages: built here from the same source with the same arguments, laid out as
//! its package lays it out, in a repository of its own. nginx.org's binary itself cannot be had by the tests.
//!
//! `files/` holds all that is in the package beside the program.

pub(super) mod scenario;

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use packaging::names::Arch;
use sha2::{Digest as _, Sha256};

use crate::container::{Interrupt, process};
use crate::nginx::program::Version;

/// Packing takes seconds.
const LIMIT: Duration = Duration::from_secs(120);

/// Where nginx.org's NGINX looks for its files, and who its workers are; an argument of `configure` a line.
pub const CONFIGURE_ARGUMENTS: &str = include_str!("files/configure-arguments");

/// Where in a repository everything is, as apt's source line names it.
const PLACE: &str = "nginx/";

/// What the package manager reads.
const CONTROL: &str = include_str!("files/control");

/// Files of the package: where, what, permission bits. Those in `DEBIAN` are dpkg's.
const FILES: &[(&str, &str, u32)] = &[
    ("DEBIAN/conffiles", include_str!("files/conffiles"), 0o644),
    ("DEBIAN/postinst", include_str!("files/postinst"), 0o755),
    ("DEBIAN/prerm", include_str!("files/prerm"), 0o755),
    ("etc/nginx/nginx.conf", include_str!("files/nginx.conf"), 0o644),
    ("etc/nginx/conf.d/default.conf", include_str!("files/default.conf"), 0o644),
    ("usr/lib/systemd/system/nginx.service", include_str!("files/nginx.service"), 0o644),
    ("usr/share/nginx/html/index.html", include_str!("files/index.html"), 0o644),
];

/// Folders that are empty at first.
const FOLDERS: &[&str] = &["usr/lib/nginx/modules", "var/cache/nginx", "var/log/nginx"];

/// Repositories of nginx.org as they follow each other: each has one version of the package `nginx`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repositories {
    /// With the version that is installed first.
    pub first: PathBuf,
    /// With the version that follows it.
    pub next: PathBuf,
    /// With a version that no module is for. Its program is never run.
    pub unknown: PathBuf,
}

/// The version that is installed first: the stable one before today's.
pub const FIRST: Version = Version::new(1, 26, 3);
/// The version that follows it: today's stable.
pub const NEXT: Version = Version::new(1, 28, 3);
/// A version that `packaging/nginx.toml` does not know.
pub const UNKNOWN: Version = Version::new(1, 99, 0);

/// Refuses a distro that is not the release of this machine: what is built here is linked against this machine's libraries.
///
/// # Errors
///
/// If it is another one, or this machine does not tell.
pub fn check_host(distro: &str) -> Result<()> {
    let host = host_release()?;
    ensure!(
        host.as_deref() == Some(distro),
        "the NGINX in place of nginx.org's is built here, with the libraries of this machine ({}): \
         it can be tried on {distro} only where {distro} is what this machine runs",
        host.as_deref().unwrap_or("which has no VERSION_CODENAME in /etc/os-release"),
    );
    Ok(())
}

/// `VERSION_CODENAME` of os-release(5), such as `bookworm`.
///
/// # Errors
///
/// If `/etc/os-release` cannot be read.
pub fn host_release() -> Result<Option<String>> {
    let text = fs::read_to_string("/etc/os-release").context("cannot read /etc/os-release")?;
    Ok(text.lines().find_map(|line| Some(line.strip_prefix("VERSION_CODENAME=")?.trim_matches('"').to_owned())))
}

/// Makes a flat apt repository in `folder` with one package: `version` for `distro`, with the program of the folder `built`, in
/// which NGINX was configured and made.
///
/// # Errors
///
/// If `dpkg-deb` fails or a file cannot be read or written.
pub fn repository(
    built: &Path,
    version: Version,
    distro: &str,
    folder: &Path,
    interrupt: &Interrupt,
) -> Result<PathBuf> {
    remove(folder)?;
    let tree = folder.join("tree");
    let arch: Arch = std::env::consts::ARCH.parse()?;
    let control = CONTROL
        .replace("${version}", &version.to_string())
        .replace("${distro}", distro)
        .replace("${architecture}", arch.debian());
    lay_out(&tree, built, &control).with_context(|| format!("cannot lay out {}", tree.display()))?;
    let name = format!("nginx_{version}-1~{distro}_{}.deb", arch.debian());
    let package = folder.join(PLACE).join(&name);
    fs::create_dir(folder.join(PLACE)).with_context(|| format!("cannot make {PLACE} in {}", folder.display()))?;
    let mut pack = Command::new("dpkg-deb");
    pack.args(["--root-owner-group", "-Zgzip", "-z1", "--build"]).arg(&tree).arg(&package);
    process::check(&mut pack, LIMIT, interrupt)?;
    remove(&tree)?;
    let bytes = fs::read(&package).with_context(|| format!("cannot read {}", package.display()))?;
    fs::write(folder.join(PLACE).join("Packages"), listed(&control, &name, &bytes))?;
    Ok(folder.to_owned())
}

fn lay_out(tree: &Path, built: &Path, control: &str) -> Result<()> {
    for folder in FOLDERS {
        fs::create_dir_all(tree.join(folder))?;
    }
    let control = ("DEBIAN/control", control, 0o644);
    for (path, text, mode) in FILES.iter().copied().chain([control]) {
        put(&tree.join(path), text.as_bytes(), mode)?;
    }
    for (path, from, mode) in
        [("usr/sbin/nginx", "objs/nginx", 0o755), ("etc/nginx/mime.types", "conf/mime.types", 0o644)]
    {
        let from = built.join(from);
        let bytes = fs::read(&from).with_context(|| format!("cannot read {}", from.display()))?;
        put(&tree.join(path), &bytes, mode)?;
    }
    symlink("/usr/lib/nginx/modules", tree.join("etc/nginx/modules"))?;
    Ok(())
}

fn put(path: &Path, bytes: &[u8], mode: u32) -> Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(fs::set_permissions(path, fs::Permissions::from_mode(mode))?)
}

/// The paragraph of `Packages` for one package: its control file, and where to fetch it.
fn listed(control: &str, name: &str, bytes: &[u8]) -> String {
    let mut text = control.trim_end().to_owned();
    // Writing into a String cannot fail.
    let _ = write!(text, "\nFilename: {PLACE}{name}\nSize: {}\nSHA256: {:x}\n", bytes.len(), Sha256::digest(bytes));
    text
}

fn remove(folder: &Path) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", folder.display()))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_names_the_file_by_its_size_and_digest_after_the_control_file() {
        let text = listed("Package: nginx\nDescription: x\n y\n\n", "nginx_1_amd64.deb", b"abc");
        assert_eq!(
            text,
            "Package: nginx\nDescription: x\n y\nFilename: nginx/nginx_1_amd64.deb\nSize: 3\n\
             SHA256: ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\n"
        );
    }

    #[test]
    fn the_settings_of_the_administrator_are_conffiles() {
        let conffiles = include_str!("files/conffiles");
        for (path, _, _) in FILES.iter().filter(|(path, ..)| path.starts_with("etc/")) {
            assert!(conffiles.lines().any(|line| line.trim_start_matches('/') == *path), "{path}");
        }
    }

    #[test]
    fn another_release_than_this_machines_is_refused_with_both_names() {
        let error = check_host("sarge").unwrap_err().to_string();
        assert!(error.contains("sarge") && error.contains(&host_release().unwrap().unwrap_or_default()), "{error}");
    }
}

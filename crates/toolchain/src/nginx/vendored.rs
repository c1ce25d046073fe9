//! The source that a crate carries: cargo fetches it, checks it against the lock file beside the manifest, and unpacks it.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::pip::last_words;

/// The manifest that pins the crate, in our own sources.
const MANIFEST: &str = "crates/toolchain/src/nginx/crate/Cargo.toml";
/// Where `nginx-src` has the source of NGINX.
const INSIDE: &str = "nginx";

/// The folder of the source that the crate `name` carries.
///
/// # Errors
/// A sentence that says why it cannot be had.
pub(super) fn folder(workspace: &Path, name: &str) -> Result<PathBuf, String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .current_dir(workspace)
        .args(["metadata", "--format-version", "1", "--locked", "--quiet", "--manifest-path", MANIFEST])
        // The crate's own dependencies are the same everywhere; those for other systems need not be fetched.
        .args(["--filter-platform", "x86_64-unknown-linux-gnu"])
        .output()
        .map_err(|error| format!("cannot run cargo: {error}"))?;
    if !output.status.success() {
        return Err(format!("cargo cannot fetch the crate {name}: {}", last_words(&output)));
    }
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout)
        .map_err(|error| format!("cannot read what cargo metadata prints: {error}"))?;
    let packages = metadata["packages"].as_array().map(Vec::as_slice).unwrap_or_default();
    let package = packages.iter().find(|package| package["name"] == name);
    let manifest = package.and_then(|package| package["manifest_path"].as_str());
    let manifest = manifest.ok_or_else(|| format!("{MANIFEST} names no crate {name}"))?;
    Ok(Path::new(manifest).with_file_name(INSIDE))
}

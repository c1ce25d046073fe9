//! The licences of everything that is linked into a binary: their texts must travel with it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;

/// The crates of other systems need not be fetched; every architecture of this one links the same.
const PLATFORM: &str = "x86_64-unknown-linux-gnu";

/// What `cargo metadata` says of the locked dependencies.
#[derive(Deserialize)]
pub struct Metadata {
    /// Every package of the lock file.
    pub packages: Vec<Dependency>,
}

/// One locked dependency.
#[derive(Deserialize)]
pub struct Dependency {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// SPDX expression.
    pub license: Option<String>,
    /// Where its sources are.
    manifest_path: PathBuf,
    /// `None` for the crates of this workspace.
    source: Option<String>,
}

/// Reads the locked dependencies of the checkout.
pub fn metadata(root: &Path) -> Result<Metadata> {
    serde_json::from_str(&metadata_text(root)?).context("cannot read what cargo metadata prints")
}

/// The same as cargo prints it.
pub fn metadata_text(root: &Path) -> Result<String> {
    cargo(root, &["metadata", "--format-version", "1", "--locked", "--quiet", "--filter-platform", PLATFORM])
}

/// One text with the licence of each crate that is linked into `package`, each wording once.
pub fn of_binary(root: &Path, package: &str) -> Result<String> {
    let linked = linked(root, package)?;
    let mut wordings: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut text = format!("Crates that are linked into {package}, with their licences; the texts are below.\n\n");
    for dependency in &metadata(root)?.packages {
        let title = format!("{} {}", dependency.name, dependency.version);
        if dependency.source.is_none() || !linked.contains(&title) {
            continue;
        }
        writeln!(text, "{title}: {}", dependency.license.as_deref().unwrap_or("see its text"))?;
        for wording in licence_files(dependency)? {
            wordings.entry(wording).or_default().insert(title.clone());
        }
    }
    for (wording, titles) in wordings {
        let titles = titles.into_iter().collect::<Vec<_>>().join(", ");
        write!(text, "\n{}\n{titles}\n\n{wording}\n", "=".repeat(80))?;
    }
    Ok(text)
}

/// `name version` of each crate on the way from `package`, on the systems that it is built for.
pub fn linked(root: &Path, package: &str) -> Result<BTreeSet<String>> {
    let tree = [
        "tree",
        "--locked",
        "--edges",
        "normal",
        "--prefix",
        "none",
        "--format",
        "{p}",
        "--target",
        PLATFORM,
        "--package",
        package,
    ];
    let text = cargo(root, &tree)?;
    let title = |line: &str| {
        let (name, rest) = line.split_once(" v")?;
        Some(format!("{name} {}", rest.split_whitespace().next()?))
    };
    Ok(text.lines().filter_map(title).collect())
}

/// The files of a crate that hold a licence or a notice, sorted by name.
fn licence_files(dependency: &Dependency) -> Result<Vec<String>> {
    let folder = dependency.manifest_path.parent().unwrap_or(Path::new("/"));
    let context = || format!("cannot read {}", folder.display());
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(context)? {
        let path = entry.with_context(context)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_uppercase();
        if path.is_file() && ["LICEN", "COPYING", "NOTICE", "COPYRIGHT"].iter().any(|start| name.starts_with(start)) {
            files.push(path);
        }
    }
    files.sort();
    let read = |path: &PathBuf| {
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        Ok(text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n").trim_matches('\n').to_owned())
    };
    files.iter().map(read).collect()
}

fn cargo(root: &Path, args: &[&str]) -> Result<String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo).current_dir(root).args(args).output().context("cannot run cargo")?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "cargo {} failed: {}", args.join(" "), complaint.trim());
    String::from_utf8(output.stdout).context("cargo prints no UTF-8")
}

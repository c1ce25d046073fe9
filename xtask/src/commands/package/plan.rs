//! What a run would do, from the same data and without doing it.

use std::process::ExitCode;

use anyhow::Result;
use packaging::distro::{Distro, Format};
use packaging::manifest::{Architecture, Manifest};
use packaging::nginx::Builds;

use super::{Order, modules, oldest_glibc, wanted_binaries};
use crate::report;
use crate::session::Session;

/// Prints the plan.
pub fn show(order: &Order, session: &Session) -> Result<ExitCode> {
    let manifests = session.manifests()?;
    let builds = modules::builds(session)?;
    let rows = packages(order, &manifests, &builds, session);
    if session.json {
        show_json(order, &rows, &manifests, &builds, session)?;
        return Ok(ExitCode::SUCCESS);
    }
    let glibc = oldest_glibc(session)?;
    for (version, signature, arch) in modules::plan(&builds, &order.distros, &manifests) {
        report::line(&format!("Build the module for NGINX {version} {signature} for {arch}, glibc {glibc}"));
    }
    for (name, arch) in wanted_binaries(order, &manifests) {
        report::line(&format!("Build {name} for {arch}, glibc {glibc}; then pack:"));
    }
    report::table(["Distro", "Package", "Arch", "Signed", "Folder"], &rows);
    Ok(ExitCode::SUCCESS)
}

/// One row a package: distro, name, architecture, who signs, folder.
fn packages(order: &Order, manifests: &[Manifest], builds: &Builds, session: &Session) -> Vec<[String; 5]> {
    let mut rows = Vec::new();
    for distro in &order.distros {
        for manifest in manifests.iter().filter(|manifest| exists(manifest, distro, builds)) {
            let arches = match manifest.architecture {
                Architecture::Independent => vec!["any".to_owned()],
                Architecture::Native => distro.architectures.iter().map(ToString::to_string).collect(),
            };
            for arch in arches {
                rows.push([
                    distro.id.to_string(),
                    manifest.name.to_string(),
                    arch,
                    if distro.format() == Format::Rpm { "header signed" } else { "by repository" }.to_owned(),
                    session.shown(&order.out.join(distro.id.as_str())),
                ]);
            }
        }
    }
    rows
}

/// A package for an NGINX that the distro does not have is none of its packages.
fn exists(manifest: &Manifest, distro: &Distro, builds: &Builds) -> bool {
    let has_build = manifest.nginx.is_none_or(|flavour| !builds.of(flavour, &distro.id).is_empty());
    manifest.formats.contains(&distro.format()) && has_build
}

fn show_json(
    order: &Order,
    rows: &[[String; 5]],
    manifests: &[Manifest],
    builds: &Builds,
    session: &Session,
) -> Result<()> {
    let release = session.release(order.revision, order.url.as_deref())?;
    let glibc = oldest_glibc(session)?;
    let packages: Vec<_> = rows
        .iter()
        .map(|[distro, name, arch, signed, folder]| {
            serde_json::json!({ "distro": distro, "package": name, "arch": arch, "signed": signed, "folder": folder })
        })
        .collect();
    let binaries: Vec<_> = wanted_binaries(order, manifests)
        .iter()
        .map(|(name, arch)| serde_json::json!({ "binary": name, "arch": arch, "glibc": glibc }))
        .collect();
    let modules: Vec<_> = modules::plan(builds, &order.distros, manifests)
        .iter()
        .map(|(nginx, signature, arch)| {
            serde_json::json!({ "nginx": nginx, "signature": signature, "arch": arch, "glibc": glibc })
        })
        .collect();
    report::json(&serde_json::json!({
        "version": release.upstream.to_string(), "revision": release.revision, "epoch": release.epoch,
        "builds": binaries, "modules": modules, "packages": packages,
    }))
}

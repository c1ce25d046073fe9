//! What is linked into a binary, for the bill of materials of the package that brings it.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, Result};
use packaging::sbom::Component;
use serde::Deserialize;

use crate::licences;

/// What `cargo metadata` says of who needs whom.
#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    resolve: Resolve,
}

#[derive(Deserialize)]
struct Package {
    id: String,
    name: String,
    version: String,
    license: Option<String>,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    deps: Vec<Need>,
}

#[derive(Deserialize)]
struct Need {
    pkg: String,
    dep_kinds: Vec<NeedKind>,
}

#[derive(Deserialize)]
struct NeedKind {
    /// `None` for what is linked; `build` and `dev` are not.
    kind: Option<String>,
}

/// The lock file, where digests of the crates' archives are.
#[derive(Deserialize)]
struct Lock {
    package: Vec<Locked>,
}

#[derive(Deserialize)]
struct Locked {
    name: String,
    version: String,
    checksum: Option<String>,
}

/// Every crate that is linked into the binary of `package`, sorted, with what it needs among them.
pub fn of_binary(root: &Path, package: &str) -> Result<Vec<Component>> {
    let linked = licences::linked(root, package)?;
    let metadata: Metadata =
        serde_json::from_str(&licences::metadata_text(root)?).context("cannot read what cargo metadata prints")?;
    let checksums = checksums(root)?;
    let is_linked = |package: &&Package| linked.contains(&format!("{} {}", package.name, package.version));
    let by_id: BTreeMap<&str, &Package> =
        metadata.packages.iter().filter(is_linked).map(|package| (package.id.as_str(), package)).collect();
    let mut components = Vec::new();
    for node in &metadata.resolve.nodes {
        let Some(package) = by_id.get(node.id.as_str()) else { continue };
        let is_linked = |need: &&Need| need.dep_kinds.iter().any(|kind| kind.kind.is_none());
        let needs = node.deps.iter().filter(is_linked).filter_map(|need| by_id.get(need.pkg.as_str()));
        let mut needs: Vec<_> = needs.map(|need| (need.name.clone(), need.version.clone())).collect();
        needs.sort();
        components.push(Component {
            name: package.name.clone(),
            version: package.version.clone(),
            licence: package.license.as_deref().map(expression),
            sha256: checksums.get(&(package.name.clone(), package.version.clone())).cloned(),
            ecosystem: "cargo",
            needs,
        });
    }
    components.sort();
    Ok(components)
}

fn checksums(root: &Path) -> Result<BTreeMap<(String, String), String>> {
    let path = root.join("Cargo.lock");
    let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let lock: Lock = toml::from_str(&text).with_context(|| path.display().to_string())?;
    let of = |locked: Locked| Some(((locked.name, locked.version), locked.checksum?));
    Ok(lock.package.into_iter().filter_map(of).collect())
}

/// Old crates write `MIT/Apache-2.0` where SPDX has `MIT OR Apache-2.0`.
fn expression(licence: &str) -> String {
    licence.split('/').map(str::trim).collect::<Vec<_>>().join(" OR ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_server_is_linked_from_its_own_crate_and_crates_with_digests_and_licences() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let components = of_binary(root, "postanalytics").unwrap();
        let find = |name: &str| components.iter().find(|one| one.name == name).unwrap();
        let own = find("postanalytics");
        assert_eq!((own.sha256.as_deref(), own.purl()), (None, format!("pkg:cargo/postanalytics@{}", own.version)));
        assert!(own.needs.iter().any(|(name, _)| name == "iproto"), "{:?}", own.needs);
        let tokio = find("tokio");
        assert_eq!(tokio.sha256.as_ref().map(String::len), Some(64));
        assert_eq!(tokio.licence.as_deref(), Some("MIT"));
        // A test's crate is not linked, a build script's neither.
        assert!(components.iter().all(|one| one.name != "proptest" && one.name != "cc"));
        assert!(components.is_sorted());
    }

    #[test]
    fn an_old_licence_expression_becomes_one_of_spdx() {
        assert_eq!(expression("MIT/Apache-2.0"), "MIT OR Apache-2.0");
        assert_eq!(expression("(MIT OR Apache-2.0) AND Unicode-3.0"), "(MIT OR Apache-2.0) AND Unicode-3.0");
    }
}

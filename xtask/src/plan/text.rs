//! A plan as tables for people.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use packaging::nginx::Flavour;

use super::{Module, Package, Plan, System};
use crate::report;

/// Whose NGINX, in the order of the table's columns.
const FLAVOURS: [Flavour; 3] = [Flavour::Distro, Flavour::NginxOrg, Flavour::Plus];

/// A cell that holds nothing.
const NOTHING: &str = "·";

/// The whole text.
pub fn show(plan: &Plan) -> String {
    let mut text = format!(
        "{}-{}: {} packages for {} distros, from {} and {}, for glibc {}\n",
        plan.version,
        plan.revision,
        plan.packages(),
        plan.distros.len(),
        counted(plan.binaries.len(), "program"),
        counted(plan.modules.len(), "NGINX module"),
        plan.glibc
    );
    for part in [builds(plan), systems(plan), packages(plan)] {
        // Writing into a String cannot fail.
        let _ = write!(text, "\n{part}");
    }
    text
}

fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// What is built, each once, and what it is packed for.
fn builds(plan: &Plan) -> String {
    let head = ["Built once", "Arch", "Packed for"].map(str::to_owned);
    let mut rows = Vec::new();
    for binary in &plan.binaries {
        let inside = |package: &Package| package.binaries.contains(&binary.name);
        let used = plan.distros.iter().filter(|system| system.packages.iter().any(inside));
        let distros: Vec<&str> = used.map(|system| system.distro.as_str()).collect();
        rows.push(vec![binary.name.clone(), binary.arch.to_string(), distros.join(" ")]);
    }
    for module in &plan.modules {
        rows.push(vec![name(module, &plan.modules), module.arch.to_string(), users(module, plan)]);
    }
    report::aligned(&head, &rows)
}

/// `module for NGINX 1.28.3`, with the signature where two modules have the same version.
fn name(module: &Module, all: &[Module]) -> String {
    let alike = all.iter().filter(|other| (other.nginx, other.arch) == (module.nginx, module.arch)).count();
    let signature = if alike > 1 { format!(" {}", module.signature) } else { String::new() };
    format!("module for NGINX {}{signature}", module.nginx)
}

/// `nginx.org: bookworm trixie, NGINX Plus: el8`
fn users(module: &Module, plan: &Plan) -> String {
    let mut users: BTreeMap<Flavour, BTreeSet<&str>> = BTreeMap::new();
    for system in &plan.distros {
        for build in system.packages.iter().flat_map(|package| &package.nginx) {
            if (build.version, &build.signature) == (module.nginx, &module.signature) {
                users.entry(build.flavour).or_default().insert(system.distro.as_str());
            }
        }
    }
    let parts = users
        .into_iter()
        .map(|(flavour, distros)| format!("{flavour}: {}", distros.into_iter().collect::<Vec<_>>().join(" ")));
    parts.collect::<Vec<_>>().join(", ")
}

/// The distros, and the NGINX versions that each has modules for.
fn systems(plan: &Plan) -> String {
    let head = ["Distro", "System", "Packages", "Its own NGINX", "nginx.org", "NGINX Plus"].map(str::to_owned);
    let rows: Vec<_> = plan
        .distros
        .iter()
        .map(|system| {
            let count = format!("{} {}", system.packages.len(), system.format.extension());
            let mut row = vec![system.distro.to_string(), system.title.clone(), count];
            row.extend(FLAVOURS.map(|flavour| versions(system, flavour)));
            row
        })
        .collect();
    report::aligned(&head, &rows)
}

fn versions(system: &System, flavour: Flavour) -> String {
    let builds = system.packages.iter().flat_map(|package| &package.nginx).filter(|build| build.flavour == flavour);
    // Two processors have the same builds.
    let versions: BTreeSet<_> = builds.map(|build| build.version).collect();
    match versions.is_empty() {
        true => NOTHING.to_owned(),
        false => versions.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "),
    }
}

/// Which package exists for which distro.
fn packages(plan: &Plan) -> String {
    let mut head = vec!["Package".to_owned(), "Arch".to_owned()];
    head.extend(plan.distros.iter().map(|system| system.distro.to_string()));
    let of = |package: &Package| (package.name.clone(), package.arch.clone());
    let all: BTreeSet<_> = plan.distros.iter().flat_map(|system| system.packages.iter().map(of)).collect();
    let rows: Vec<_> = all
        .into_iter()
        .map(|key| {
            let mut row = vec![key.0.to_string(), key.1.clone()];
            row.extend(plan.distros.iter().map(|system| cell(system.packages.iter().find(|one| of(one) == key))));
            row
        })
        .collect();
    report::aligned(&head, &rows)
}

/// The number of modules in a package, or that it is there.
fn cell(package: Option<&Package>) -> String {
    match package {
        None => NOTHING.to_owned(),
        Some(package) if package.nginx.is_empty() => "yes".to_owned(),
        Some(package) => counted(package.nginx.len(), "module"),
    }
}

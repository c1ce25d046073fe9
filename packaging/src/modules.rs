//! What a module package gets for each NGINX build: files, relations, and what its install scripts compare.

use std::path::PathBuf;

use crate::distro::{Distro, Format};
use crate::lifecycle::{NginxModule, Stanza};
use crate::names::{Arch, InstallPath, NameError};
use crate::nginx::{Build, Flavour, Need};
use crate::relation::{Comparison, Relation, RelationError, Relations, Target};

/// The file that NGINX loads.
pub const MODULE_FILE: &str = "ngx_http_wallarm_module.so";
/// The file with the line that loads it, where the package brings one.
pub const STANZA_FILE: &str = "mod-http-wallarm.conf";

/// A module that was built and checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Module {
    /// For which NGINX.
    pub build: Build,
    /// For which processor.
    pub arch: Arch,
    /// The shared object.
    pub path: PathBuf,
}

/// The modules of `flavour` that a package for `distro` brings, oldest first.
pub fn of<'a>(modules: &'a [Module], flavour: Flavour, distro: &Distro, arch: Option<Arch>) -> Vec<&'a Module> {
    let fits = |module: &&Module| {
        module.build.flavour == flavour && module.build.distros.contains(&distro.id) && Some(module.arch) == arch
    };
    let mut found: Vec<&Module> = modules.iter().filter(fits).collect();
    found.sort_by_key(|module| module.build.version);
    found
}

/// Where the modules are, beside NGINX's own folder: `/usr/lib/nginx/wallarm`.
pub fn folder(distro: &Distro) -> Result<InstallPath, NameError> {
    distro.family.nginx_modules().replace("/modules", "/wallarm").parse()
}

/// The folder of one module. Packages list it: rpm removes no other folders.
pub fn version_folder(module: &Module, distro: &Distro) -> Result<InstallPath, NameError> {
    format!("{}/nginx-{}", folder(distro)?, module.build.version).parse()
}

/// Where a module is installed.
pub fn place(module: &Module, distro: &Distro) -> Result<InstallPath, NameError> {
    format!("{}/{MODULE_FILE}", version_folder(module, distro)?).parse()
}

/// What install scripts need to know.
pub fn lifecycle(modules: &[&Module], flavour: Flavour, distro: &Distro) -> Result<NginxModule, NameError> {
    let stanza = match flavour {
        Flavour::Distro => Some(Stanza {
            available: format!("/usr/share/nginx/modules-available/{STANZA_FILE}").parse()?,
            enabled: distro.family.nginx_stanza().parse()?,
        }),
        Flavour::NginxOrg | Flavour::Plus => None,
    };
    Ok(NginxModule {
        builds: modules.iter().map(|module| (module.build.version, module.build.signature.clone())).collect(),
        folder: folder(distro)?,
        modules: distro.family.nginx_modules().parse()?,
        stanza,
        group: distro.family.nginx_worker(flavour).to_owned(),
    })
}

/// Adds the relations that say: one of these NGINX builds.
///
/// They are what scripts need, too: rpm then installs NGINX before the script that compares, in one transaction with an upgrade of NGINX.
pub fn relate(modules: &[&Module], distro: &Distro, relations: &mut Relations) -> Result<(), RelationError> {
    let needs: Vec<&Need> = modules.iter().map(|module| &module.build.needs).collect();
    let (spans, names): (Vec<&Need>, Vec<&Need>) = needs.into_iter().partition(|need| need.from.is_some());
    let mut found = span(&spans);
    for with in spans.iter().filter_map(|need| need.with.as_deref()) {
        found.push(with.parse()?);
    }
    let mut any = names.iter().map(|need| Target::any(&need.name));
    match (distro.format(), any.next()) {
        (_, None) => {}
        (Format::Deb, Some(first)) => found.push(Relation { first, alternatives: any.collect() }),
        (Format::Rpm, Some(first)) if distro.rich => {
            // An NGINX that was built from source has no package to relate to; the first script compares that one, too.
            let names: Vec<String> = std::iter::once(first).chain(any).map(|target| target.name).collect();
            let one_of = if names.len() == 1 { names.concat() } else { format!("({})", names.join(" or ")) };
            relations.rpm_rich.push(format!("({one_of} if nginx)"));
        }
        (Format::Rpm, Some(first)) => {
            // Without `or` only a single name can be required; of several, the first script finds the right one.
            if any.next().is_none() {
                found.push(first.into());
            }
        }
    }
    for relation in found {
        relations.scripts_need.push(relation.clone());
        relations.depends.push(relation);
    }
    Ok(())
}

/// From the first version of the oldest build to the last one of the newest; what lies between is for the first script to compare.
fn span(needs: &[&Need]) -> Vec<Relation> {
    let bound = |need: &Need, comparison, version: &Option<String>| {
        let constraint = version.clone().map(|version| (comparison, version));
        Relation::from(Target { name: need.name.clone(), constraint })
    };
    let oldest = needs.first().map(|need| bound(need, Comparison::LaterOrEqual, &need.from));
    let newest = needs.last().map(|need| bound(need, Comparison::Earlier, &need.before));
    oldest.into_iter().chain(newest).collect()
}

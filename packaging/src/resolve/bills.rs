//! The bills of materials that every package brings.

use std::collections::BTreeSet;

use super::{Problem, Resolver, generated};
use crate::model::Role;
use crate::modules;
use crate::names::{PackageArch, PackageName};
use crate::sbom::{self, Bill, CYCLONEDX, Component, SPDX};

impl Resolver<'_> {
    /// What the package of this name is made of, in both formats that tools read.
    pub(super) fn bills(&mut self, name: &PackageName) -> Result<(), Problem> {
        let binaries = self.manifest.file.iter().filter_map(|rule| rule.binary.as_ref());
        let mut linked: BTreeSet<&Component> =
            binaries.filter_map(|name| self.inputs.linked.get(name)).flatten().collect();
        let mut built_for = BTreeSet::new();
        if let Some(flavour) = self.manifest.nginx {
            linked.extend(&self.inputs.linked_into_modules);
            let modules = modules::of(&self.inputs.modules, flavour, self.distro, self.arch);
            built_for.extend(modules.into_iter().map(|module| sbom::nginx(module.build.version)));
        }
        let bill = Bill {
            name,
            version: &self.version,
            arch: self.arch.map_or(PackageArch::Independent, PackageArch::Native),
            distro: self.distro,
            project: &self.release.project,
            linked: linked.into_iter().cloned().collect(),
            built_for: built_for.into_iter().collect(),
            epoch: self.release.epoch,
        };
        for (ending, text) in [(CYCLONEDX, sbom::cyclonedx(&bill)), (SPDX, sbom::spdx(&bill))] {
            let text = text.map_err(|error| Problem::Bill { ending, source: error })?;
            let path = sbom::path(name, ending).parse()?;
            self.insert(path, generated(text.into_bytes(), Role::Doc))?;
        }
        Ok(())
    }
}

//! What goes beside a package with machine code: its debugging symbols.

use super::{Problem, Resolver, entry};
use crate::distro::Format;
use crate::manifest::Mode;
use crate::model::{EntryKind, Package, Role};
use crate::symbols;

impl Resolver<'_> {
    /// The package of symbols for `of`, if any were handed over for what it installs.
    pub(super) fn symbols(&mut self, of: &Package) -> Result<Option<Package>, Problem> {
        let Some(mut package) = symbols::package_of(of, self.distro, &self.inputs.symbols)? else { return Ok(None) };
        match self.distro.format() {
            // It needs the package itself, and so links its documents, as debhelper's do.
            Format::Deb => {
                let link = EntryKind::Symlink(of.name.to_string());
                let path = format!("/usr/share/doc/{}", package.name).parse()?;
                self.insert(path, entry(link, Some(Mode(0o777)), 0, None, None, Role::Plain))?;
            }
            Format::Rpm => {
                self.documents(&package.name)?;
                self.bills(&package.name)?;
            }
        }
        package.contents.append(&mut self.contents);
        Ok(Some(package))
    }
}

//! The bills of materials beside a package: the same as inside it, for those who do not unpack.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use packaging::model::{EntryKind, Package};
use packaging::output;
use packaging::sbom::{self, CYCLONEDX, SPDX};

/// Writes `<file>.cdx.json` and `<file>.spdx.json`; nothing for a package that links the documents of another one, whose bills are its own.
pub fn write_beside(package: &Package, file: &Path) -> Result<Vec<PathBuf>> {
    let folder = package.contents.get(&format!("/usr/share/doc/{}", package.name).parse()?);
    if matches!(folder.map(|entry| &entry.kind), Some(EntryKind::Symlink(_))) {
        return Ok(Vec::new());
    }
    [CYCLONEDX, SPDX].into_iter().map(|ending| write(package, file, ending)).collect()
}

fn write(package: &Package, file: &Path, ending: &str) -> Result<PathBuf> {
    use std::io::Write as _;
    let installed = sbom::path(&package.name, ending);
    let entry = package.contents.iter().find(|(path, _)| path.as_str() == installed);
    let content = match entry.map(|(_, entry)| &entry.kind) {
        Some(EntryKind::File(content)) => content.read()?,
        _ => anyhow::bail!("{} has no {installed}", package.name),
    };
    let mut name = file.as_os_str().to_owned();
    name.push(format!(".{ending}"));
    let beside = PathBuf::from(name);
    output::write_whole(&beside, |error| error, |out| out.write_all(&content))
        .with_context(|| format!("cannot write {}", beside.display()))?;
    Ok(beside)
}

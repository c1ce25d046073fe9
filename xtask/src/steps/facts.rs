//! Names with digests.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, Result};
use repo_layout::{Digests, Sha256Hex};

/// What something is made from, or what it has left behind: by name, a digest or another short text that changes with it.
pub type Facts = BTreeMap<String, String>;

/// Every regular file below a folder that `wanted` takes, by its path within the folder. A folder that is not there has none.
///
/// # Errors
/// When a folder or file cannot be read.
pub fn files(folder: &Path, wanted: impl Fn(&str) -> bool) -> Result<Facts> {
    let mut facts = Facts::new();
    if folder.is_dir() {
        collect(folder, "", &wanted, &mut facts)?;
    }
    Ok(facts)
}

fn collect(folder: &Path, below: &str, wanted: &dyn Fn(&str) -> bool, facts: &mut Facts) -> Result<()> {
    let context = || format!("cannot read {}", folder.display());
    for entry in std::fs::read_dir(folder).with_context(context)? {
        let entry = entry.with_context(context)?;
        let (path, name) = (entry.path(), entry.file_name());
        let inside = format!("{below}{}", name.to_string_lossy());
        let kind = entry.file_type().with_context(context)?;
        if kind.is_dir() {
            collect(&path, &format!("{inside}/"), wanted, facts)?;
        } else if kind.is_file() && wanted(&inside) {
            facts.insert(inside, file(&path)?);
        }
    }
    Ok(())
}

/// The digest of one file.
///
/// # Errors
/// When it cannot be read.
pub fn file(path: &Path) -> Result<String> {
    let context = || format!("cannot read {}", path.display());
    let digests = std::fs::File::open(path).and_then(Digests::read).with_context(context)?;
    Ok(digests.sha256.to_string())
}

/// One digest for a whole set.
#[must_use]
pub fn sum(facts: &Facts) -> String {
    let text: String = facts.iter().map(|(name, fact)| format!("{fact} {name}\n")).collect();
    Sha256Hex::of(text.as_bytes()).to_string()
}

/// The first name by which two sets differ.
#[must_use]
pub fn difference<'a>(before: &'a Facts, now: &'a Facts) -> Option<&'a str> {
    let gone_or_other = before.iter().find(|(name, fact)| now.get(*name) != Some(fact));
    let new = || now.keys().find(|name| !before.contains_key(*name)).map(String::as_str);
    gone_or_other.map(|(name, _)| name.as_str()).or_else(new)
}

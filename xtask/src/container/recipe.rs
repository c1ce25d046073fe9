//! What a root holds, read from `roots/roots.toml`.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

const ROOTS: &str = include_str!("roots/roots.toml");

/// The files of `roots/` that recipes name, and the one that `el-base.sh` reads.
const SCRIPTS: &[(&str, &str)] = &[
    ("common.sh", include_str!("roots/common.sh")),
    ("el-base.sh", include_str!("roots/el-base.sh")),
    ("no-apt-sources.sh", include_str!("roots/no-apt-sources.sh")),
];

/// Laid into every root as `/tmp/el-base.spec` before its scripts run, if `el-base.sh` is among them.
const EL_BASE_SPEC: &str = include_str!("roots/el-base.spec");

/// A root as `roots.toml` describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipe {
    /// Key of the table, such as `bookworm`.
    pub name: String,
    /// Debian release.
    pub suite: String,
    /// Packages beside the minimal base.
    pub packages: Vec<String>,
    /// Text of each script that is run in the root.
    pub scripts: Vec<&'static str>,
    /// Files that the scripts read: path in the root and text.
    pub inputs: Vec<(&'static str, &'static str)>,
}

/// A table: a root of its own, or another root and some packages.
#[derive(Deserialize)]
#[serde(untagged)]
enum Table {
    Whole(Whole),
    Like(Like),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Whole {
    suite: String,
    packages: Vec<String>,
    scripts: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Like {
    like: String,
    packages: Vec<String>,
}

impl Recipe {
    /// The recipe of the root called `name`.
    ///
    /// # Errors
    ///
    /// If there is none; the message lists those that there are.
    pub fn named(name: &str) -> Result<Self> {
        let mut tables = tables()?;
        let known = tables.keys().cloned().collect::<Vec<_>>().join(", ");
        let table = match tables.remove(name) {
            Some(Table::Whole(table)) => table,
            Some(Table::Like(Like { like, packages })) => {
                let Some(Table::Whole(mut table)) = tables.remove(&like) else {
                    bail!("roots.toml, [{name}] like: `{like}` is not a root of its own");
                };
                table.packages.extend(packages);
                table
            }
            None => bail!("no root is called `{name}`; there are {known} (xtask/src/container/roots/roots.toml)"),
        };
        let mut scripts = Vec::new();
        for script in &table.scripts {
            let known = SCRIPTS.iter().find(|(name, _)| name == script);
            let (_, text) = known.with_context(|| format!("roots.toml, [{name}] scripts: there is no `{script}`"))?;
            scripts.push(*text);
        }
        let needs_spec = table.scripts.iter().any(|script| script == "el-base.sh");
        let inputs = if needs_spec { vec![("/tmp/el-base.spec", EL_BASE_SPEC)] } else { Vec::new() };
        Ok(Self { name: name.to_owned(), suite: table.suite, packages: table.packages, scripts, inputs })
    }

    /// Whether there is a root called `name`.
    ///
    /// # Errors
    ///
    /// If `roots.toml` cannot be read.
    pub fn exists(name: &str) -> Result<bool> {
        Ok(tables()?.contains_key(name))
    }

    /// Changes whenever anything of the recipe does: part of the name under which the root is kept.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let inputs = self.inputs.iter().flat_map(|(path, text)| [*path, *text]);
        let parts = [self.suite.as_str()].into_iter().chain(self.packages.iter().map(String::as_str));
        let parts = parts.chain(self.scripts.iter().copied()).chain(inputs);
        format!("{:016x}", fnv1a(parts))
    }
}

fn tables() -> Result<BTreeMap<String, Table>> {
    toml::from_str(ROOTS).context("xtask/src/container/roots/roots.toml")
}

/// FNV-1a, 64 bits, with a separator after each part. It tells recipes apart; nobody gains from forging one.
fn fnv1a<'a>(parts: impl Iterator<Item = &'a str>) -> u64 {
    const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0100_0000_01b3;
    let bytes = parts.flat_map(|part| part.bytes().chain([0]));
    bytes.fold(OFFSET, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(PRIME))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_is_a_whole_recipe() {
        for name in tables().unwrap().keys() {
            let recipe = Recipe::named(name).unwrap();
            assert!(recipe.packages.iter().any(|package| package == "sudo"), "{name}: documented commands call sudo");
        }
    }

    #[test]
    fn an_unknown_root_is_refused_with_the_known_ones() {
        let error = Recipe::named("etch").unwrap_err().to_string();
        assert!(
            error.contains("`etch`") && error.contains("bullseye, bullseye-nginx, el8, trixie, trixie-nginx"),
            "{error}"
        );
    }

    #[test]
    fn any_change_gives_another_fingerprint() {
        let recipe = Recipe::named("el8").unwrap();
        let mut changed = vec![recipe.clone(); 4];
        changed[0].suite.push('x');
        changed[1].packages.push("more".into());
        changed[2].scripts.reverse();
        changed[3].inputs.clear();
        for other in changed {
            assert_ne!(other.fingerprint(), recipe.fingerprint());
        }
        assert_eq!(recipe.fingerprint(), Recipe::named("el8").unwrap().fingerprint());
    }
}

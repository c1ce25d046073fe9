//! Packages of debugging symbols: for each package with machine code another one, by one rule.
//!
//! | | deb | rpm |
//! |---|---|---|
//! | name | `<package>-dbgsym` | `<package>-debuginfo` |
//! | files | `/usr/lib/debug/.build-id/xx/….debug` | the same, and a link `….build-id/xx/…` to the binary |
//! | says which | `Build-Ids` | provides `debuginfo(build-id) = …` |
//! | documents | a link to the package's | its own |
//! | needs | the package, same version | nothing, so that a core file can be looked at elsewhere |

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use crate::distro::{Distro, Format};
use crate::lifecycle::Lifecycle;
use crate::model::{Content, Entry, EntryKind, Package};
use crate::names::{InstallPath, NameError, PackageName};
use crate::relation::{Comparison, Relation, Relations, Target};

/// Where debuggers look.
const FOLDER: &str = "/usr/lib/debug/.build-id";

/// What was taken out of one binary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Symbols {
    /// What both have in common, in hexadecimal digits.
    pub build_id: String,
    /// The file.
    pub file: PathBuf,
}

/// The symbols of all binaries, by the path of what is packed in their place.
pub type SymbolsByBinary = BTreeMap<PathBuf, Symbols>;

/// What the package of symbols for `parent` is called.
///
/// # Errors
/// When the name is none.
pub fn name(parent: &PackageName, format: Format) -> Result<PackageName, NameError> {
    match format {
        Format::Deb => format!("{parent}-dbgsym"),
        Format::Rpm => format!("{parent}-debuginfo"),
    }
    .parse()
}

/// The package of symbols for what `parent` installs, but for its documents; nothing when `parent` installs no binary with symbols.
///
/// # Errors
/// When a name is none: a build id that is too short.
pub fn package_of(parent: &Package, distro: &Distro, symbols: &SymbolsByBinary) -> Result<Option<Package>, NameError> {
    let format = distro.format();
    let (mut contents, mut build_ids) = (BTreeMap::new(), BTreeSet::new());
    for (binary, entry) in &parent.contents {
        let EntryKind::File(Content::Path(path)) = &entry.kind else { continue };
        let Some(found) = symbols.get(path) else { continue };
        build_ids.insert(found.build_id.clone());
        contents.extend(files(found, binary, format)?);
    }
    if build_ids.is_empty() {
        return Ok(None);
    }
    Ok(Some(Package {
        name: name(&parent.name, format)?,
        summary: format!("debug symbols for {}", parent.name),
        description: vec![format!(
            "With these symbols, a debugger names the line of the source for each frame of {}, in the running program and in a core file.",
            parent.name
        )],
        section: "debug".to_owned(),
        relations: relations(parent, format),
        contents,
        lifecycle: Lifecycle::default(),
        build_ids: build_ids.into_iter().collect(),
        ..parent.clone()
    }))
}

/// Where debuggers look for the symbols of `binary`; for rpm also the link by which they find the binary of a core file, which Debian's packages do without.
fn files(symbols: &Symbols, binary: &InstallPath, format: Format) -> Result<Vec<(InstallPath, Entry)>, NameError> {
    let (first, rest) = symbols.build_id.split_at_checked(2).unwrap_or((&symbols.build_id, ""));
    let folder = format!("{FOLDER}/{first}");
    let debug = EntryKind::File(Content::Path(symbols.file.clone()));
    let mut made = vec![
        (FOLDER.parse()?, Entry::folder()),
        (folder.parse()?, Entry::folder()),
        (format!("{folder}/{rest}.debug").parse()?, Entry { kind: debug, mode: 0o644, ..Entry::folder() }),
    ];
    if format == Format::Rpm {
        let up = "../".repeat(folder.matches('/').count());
        let link = EntryKind::Symlink(format!("{up}{}", binary.relative()));
        made.push((format!("{folder}/{rest}").parse()?, Entry { kind: link, mode: 0o777, ..Entry::folder() }));
    }
    Ok(made)
}

fn relations(parent: &Package, format: Format) -> Relations {
    let exactly = (Comparison::Equal, parent.version.to_string());
    let first = Target { name: parent.name.to_string(), constraint: Some(exactly) };
    let depends = if format == Format::Deb { vec![Relation { first, alternatives: Vec::new() }] } else { Vec::new() };
    Relations { depends, ..Relations::default() }
}

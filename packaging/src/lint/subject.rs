//! A package as rules see it, whether it is about to be written or was written by somebody.

use crate::distro::{Distro, Format, Glibc};
use crate::model::{EntryKind, Package, Role};
use crate::scripts::{self, DebScripts, RpmScriptlets};

/// What a package holds.
#[derive(Debug, Clone)]
pub struct Subject {
    /// Its name.
    pub name: String,
    /// deb or rpm.
    pub format: Format,
    /// The line that lists show.
    pub summary: String,
    /// Paragraphs, or lines that are folded already.
    pub description: Vec<String>,
    /// Everything that is installed.
    pub items: Vec<Item>,
    /// What runs as root.
    pub scripts: Vec<Script>,
    /// Owners that exist when it is installed.
    pub known_users: Vec<String>,
    /// It carries a list of changes outside its files, as rpms do.
    pub has_changelog: bool,
    /// Of the distro that it is for, if that is known.
    pub glibc: Option<Glibc>,
    /// The same.
    pub systemd: Option<u32>,
}

/// One installed thing.
#[derive(Debug, Clone)]
pub struct Item {
    /// Absolute path.
    pub path: String,
    /// What it is.
    pub kind: ItemKind,
    /// Permission bits, the special three included.
    pub mode: u32,
    /// Owner by name.
    pub owner: String,
    /// Group by name.
    pub group: String,
    /// The user's edits survive.
    pub config: bool,
}

/// What an [`Item`] is.
#[derive(Debug, Clone)]
pub enum ItemKind {
    /// A directory.
    Directory,
    /// A file with its content.
    File(Vec<u8>),
    /// A link to this target.
    Symlink(String),
    /// A device, a pipe, a hard link or something else that no package here should hold.
    Other(String),
}

/// One script.
#[derive(Debug, Clone)]
pub struct Script {
    /// `postinst`, `%post`.
    pub name: String,
    /// Its text; in a deb with the line that names the interpreter.
    pub text: String,
}

/// Whoever may own a file: root, and the user that wallarm-common makes.
const USERS: [&str; 2] = ["root", "wallarm"];
/// The group of NGINX's workers, which NGINX's own package or the base system makes.
const NGINX_GROUPS: [&str; 2] = ["nginx", "www-data"];

impl Subject {
    /// A package that is about to be written.
    pub(super) fn of(package: &Package, distro: &Distro) -> std::io::Result<Self> {
        let mut items = Vec::with_capacity(package.contents.len());
        for (path, entry) in &package.contents {
            items.push(Item {
                path: path.to_string(),
                kind: match &entry.kind {
                    EntryKind::Directory => ItemKind::Directory,
                    EntryKind::File(content) => ItemKind::File(content.read()?),
                    EntryKind::Symlink(target) => ItemKind::Symlink(target.clone()),
                },
                mode: entry.mode,
                owner: entry.owner.clone(),
                group: entry.group.clone(),
                config: entry.role == Role::Config,
            });
        }
        let made = package.lifecycle.user.iter().map(|user| user.name.clone());
        let nginx = package.lifecycle.module.iter().map(|module| module.group.clone());
        Ok(Self {
            name: package.name.to_string(),
            format: distro.format(),
            summary: package.summary.clone(),
            description: package.description.clone(),
            items,
            scripts: scripts_of(package, distro.format()),
            known_users: made.chain(nginx).chain(USERS.map(str::to_owned)).collect(),
            has_changelog: !package.changelog.0.is_empty(),
            glibc: Some(distro.glibc),
            systemd: Some(distro.systemd),
        })
    }

    /// The items that are files, with their content.
    pub(super) fn files(&self) -> impl Iterator<Item = (&Item, &[u8])> {
        self.items.iter().filter_map(|item| match &item.kind {
            ItemKind::File(content) => Some((item, content.as_slice())),
            _ => None,
        })
    }
}

/// For a package file, which does not tell whom the packages that it needs make.
pub(super) fn known_users() -> Vec<String> {
    USERS.into_iter().chain(NGINX_GROUPS).map(str::to_owned).collect()
}

fn scripts_of(package: &Package, format: Format) -> Vec<Script> {
    let named = match format {
        Format::Deb => {
            let DebScripts { preinst, postinst, prerm, postrm } = scripts::debian(&package.name, &package.lifecycle);
            vec![("preinst", preinst), ("postinst", postinst), ("prerm", prerm), ("postrm", postrm)]
        }
        Format::Rpm => {
            let RpmScriptlets { pre, post, preun, postun, trigger_in } =
                scripts::rpm(&package.name, &package.lifecycle);
            vec![("%pre", pre), ("%post", post), ("%preun", preun), ("%postun", postun), ("%triggerin", trigger_in)]
        }
    };
    let script = |(name, text): (&str, Option<String>)| Some(Script { name: name.to_owned(), text: text? });
    named.into_iter().filter_map(script).collect()
}

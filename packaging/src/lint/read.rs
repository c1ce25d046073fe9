//! A package file that somebody wrote, as a [`Subject`]. It is untrusted: every size is bounded before anything is read into memory.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;
use formats::deb822::Paragraph;
use formats::rpm_header::{self, Header, Rpm, Tag};
use formats::{ar, cpio, xz};
use tar::EntryType;

use super::subject::{Item, ItemKind, Script, Subject, known_users};
use crate::distro::Format;

/// Most bytes that an archive may unpack to here: everything is held in memory at a time.
const UNPACKED_MAX: u64 = 1 << 30;
/// The scripts of a deb.
const SCRIPTS: [&str; 5] = ["config", "postinst", "postrm", "preinst", "prerm"];
/// The scriptlets of an rpm.
const SCRIPTLETS: [(Tag, &str); 4] =
    [(Tag::PRE_IN, "%pre"), (Tag::POST_IN, "%post"), (Tag::PRE_UN, "%preun"), (Tag::POST_UN, "%postun")];
/// rpm's mark of a configuration file.
const CONFIG_FLAG: u32 = 1;

/// Why a file could not be looked into.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// It cannot be read, or an archive in it cannot be unpacked.
    #[error("{path}: {part}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What of it.
        part: &'static str,
        /// What went wrong.
        source: io::Error,
    },
    /// It is named neither as a deb nor as an rpm.
    #[error("{0} ends neither in .deb nor in .rpm")]
    Kind(PathBuf),
    /// A deb without the archive in question, or compressed in a way that not all systems read.
    #[error("{path}: no {member} compressed by gzip or xz")]
    Member {
        /// The file.
        path: PathBuf,
        /// Which one.
        member: &'static str,
    },
    /// The control file is broken.
    #[error("{path}: control file: {why}")]
    Control {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// The outer archive of a deb is broken.
    #[error("{path}: {source}")]
    Ar {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: ar::Error,
    },
    /// The headers of an rpm are broken.
    #[error("{path}: {source}")]
    Header {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: rpm_header::Error,
    },
    /// The payload of an rpm is broken.
    #[error("{path}: {source}")]
    Payload {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: cpio::Error,
    },
}

/// Reads a package by the ending of its name.
///
/// # Errors
/// Any [`ReadError`].
pub fn read(path: &Path) -> Result<Subject, ReadError> {
    let file = File::open(path).map_err(|source| ReadError::Io { path: path.to_owned(), part: "file", source })?;
    match path.extension().and_then(|ending| ending.to_str()) {
        Some("deb") => deb(path, BufReader::new(file)),
        Some("rpm") => rpm(path, BufReader::new(file)),
        _ => Err(ReadError::Kind(path.to_owned())),
    }
}

fn deb(path: &Path, from: impl Read) -> Result<Subject, ReadError> {
    let broken = |source| ReadError::Ar { path: path.to_owned(), source };
    let mut archive = ar::Reader::new(from).map_err(broken)?;
    let (mut control, mut data) = (None, None);
    while let Some(member) = archive.next_member().map_err(broken)? {
        let name = member.header().name.clone();
        match name.split_once(".tar") {
            Some(("control", suffix)) => control = Some(tar_items(path, "control.tar", suffix, member)?),
            Some(("data", suffix)) => data = Some(tar_items(path, "data.tar", suffix, member)?),
            _ => {}
        }
    }
    let missing = |member| ReadError::Member { path: path.to_owned(), member };
    let (control, mut items) =
        (control.ok_or_else(|| missing("control.tar"))?, data.ok_or_else(|| missing("data.tar"))?);
    let text = |name: &str| {
        let item = control.iter().find(|item| item.path == format!("/{name}"))?;
        match &item.kind {
            ItemKind::File(content) => Some(String::from_utf8_lossy(content).into_owned()),
            _ => None,
        }
    };
    let wrong = |why: String| ReadError::Control { path: path.to_owned(), why };
    let fields = text("control").ok_or_else(|| wrong("is missing".to_owned()))?;
    let fields = Paragraph::parse(&fields).map_err(|error| wrong(error.to_string()))?;
    let conffiles: BTreeSet<String> = text("conffiles").unwrap_or_default().lines().map(str::to_owned).collect();
    for item in &mut items {
        item.config = conffiles.contains(&item.path);
    }
    let listed = conffiles.iter().filter(|path| !items.iter().any(|item| item.path == **path));
    // A conffile that is not there shows as what it is: something that is no file.
    let absent: Vec<Item> = listed.map(|path| absent_conffile(path)).collect();
    items.extend(absent);
    let description = fields.get("Description").unwrap_or_default();
    let (summary, rest) = description.split_once('\n').unwrap_or((description, ""));
    let script = |name: &&str| Some(Script { name: (*name).to_owned(), text: text(name)? });
    Ok(Subject {
        name: fields.get("Package").unwrap_or_default().to_owned(),
        format: Format::Deb,
        summary: summary.to_owned(),
        description: rest.lines().map(str::to_owned).collect(),
        items,
        scripts: SCRIPTS.iter().filter_map(script).collect(),
        known_users: known_users(),
        has_changelog: false,
        glibc: None,
        systemd: None,
    })
}

fn absent_conffile(path: &str) -> Item {
    let root = || "root".to_owned();
    let kind = ItemKind::Other("nothing: the package does not hold it".to_owned());
    Item { path: path.to_owned(), kind, mode: 0o644, owner: root(), group: root(), config: true }
}

/// Everything in an archive but its root.
fn tar_items(path: &Path, member: &'static str, suffix: &str, from: impl Read) -> Result<Vec<Item>, ReadError> {
    let failed = |source| ReadError::Io { path: path.to_owned(), part: member, source };
    let bytes = match suffix {
        "" => bounded(from),
        ".gz" => bounded(MultiGzDecoder::new(from)),
        ".xz" => xz::reader(from).and_then(bounded),
        _ => return Err(ReadError::Member { path: path.to_owned(), member }),
    };
    let bytes = bytes.map_err(failed)?;
    let mut archive = tar::Archive::new(bytes.as_slice());
    let mut items = Vec::new();
    for entry in archive.entries().map_err(failed)? {
        let mut entry = entry.map_err(failed)?;
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let inside = name.strip_prefix("./").unwrap_or(&name).trim_end_matches('/').to_owned();
        if inside.is_empty() || inside == "." {
            continue;
        }
        items.push(tar_item(&mut entry, format!("/{inside}")).map_err(failed)?);
    }
    Ok(items)
}

fn tar_item(entry: &mut tar::Entry<'_, impl Read>, path: String) -> io::Result<Item> {
    let header = entry.header();
    let name = |text: Option<&[u8]>| String::from_utf8_lossy(text.unwrap_or_default()).into_owned();
    let (owner, group, mode) = (name(header.username_bytes()), name(header.groupname_bytes()), header.mode()?);
    let kind = match header.entry_type() {
        EntryType::Directory => ItemKind::Directory,
        EntryType::Regular | EntryType::Continuous => {
            let mut content = Vec::new();
            entry.read_to_end(&mut content)?;
            ItemKind::File(content)
        }
        EntryType::Symlink => {
            let target = entry.link_name_bytes().unwrap_or_default();
            ItemKind::Symlink(String::from_utf8_lossy(&target).into_owned())
        }
        other => ItemKind::Other(format!("{other:?}")),
    };
    Ok(Item { path, kind, mode: mode & 0o7777, owner, group, config: false })
}

fn bounded(from: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(UNPACKED_MAX + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > UNPACKED_MAX {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "unpacks to more than 1 GiB"));
    }
    Ok(bytes)
}

fn rpm(path: &Path, mut from: impl Read) -> Result<Subject, ReadError> {
    let broken = |source| ReadError::Header { path: path.to_owned(), source };
    let rpm = Rpm::read(&mut from).map_err(broken)?;
    let header = &rpm.header;
    let failed = |source| ReadError::Io { path: path.to_owned(), part: "payload", source };
    let payload = match header.string(Tag::PAYLOAD_COMPRESSOR).map_err(broken)?.unwrap_or("gzip") {
        "xz" => xz::reader(from).and_then(bounded),
        "gzip" => bounded(MultiGzDecoder::new(from)),
        _ => return Err(ReadError::Member { path: path.to_owned(), member: "payload" }),
    };
    let mut items = payload_items(path, &payload.map_err(failed)?)?;
    facts_of_header(header, &mut items).map_err(broken)?;
    let text = |tag| header.strings(tag).map(|texts| texts.first().copied().unwrap_or_default().to_owned());
    let mut scripts = Vec::new();
    for (tag, name) in SCRIPTLETS {
        if let Some(text) = header.string(tag).map_err(broken)? {
            scripts.push(Script { name: name.to_owned(), text: text.to_owned() });
        }
    }
    Ok(Subject {
        name: header.string(Tag::NAME).map_err(broken)?.unwrap_or_default().to_owned(),
        format: Format::Rpm,
        summary: text(Tag::SUMMARY).map_err(broken)?,
        description: text(Tag::DESCRIPTION).map_err(broken)?.lines().map(str::to_owned).collect(),
        items,
        scripts,
        known_users: known_users(),
        has_changelog: header.contains(Tag::CHANGELOG_TEXT),
        glibc: None,
        systemd: None,
    })
}

fn payload_items(path: &Path, payload: &[u8]) -> Result<Vec<Item>, ReadError> {
    let broken = |source| ReadError::Payload { path: path.to_owned(), source };
    let mut archive = cpio::Reader::new(payload);
    let mut items = Vec::new();
    while let Some(entry) = archive.next_entry().map_err(broken)? {
        let mut content = Vec::new();
        let read = archive.read_to_end(&mut content);
        read.map_err(|source| ReadError::Io { path: path.to_owned(), part: "payload", source })?;
        let kind = match entry.mode & 0o170_000 {
            0o040_000 => ItemKind::Directory,
            0o100_000 => ItemKind::File(content),
            0o120_000 => ItemKind::Symlink(String::from_utf8_lossy(&content).into_owned()),
            other => ItemKind::Other(format!("a file of type {other:o}")),
        };
        let inside = entry.name.strip_prefix('.').unwrap_or(&entry.name).to_owned();
        let (owner, group) = (String::new(), String::new());
        items.push(Item { path: inside, kind, mode: entry.mode & 0o7777, owner, group, config: false });
    }
    Ok(items)
}

/// Owners and marks stand in the header only.
fn facts_of_header(header: &Header, items: &mut [Item]) -> Result<(), rpm_header::Error> {
    let (names, folders) = (header.strings(Tag::BASE_NAMES)?, header.strings(Tag::DIR_NAMES)?);
    let (indexes, flags) = (header.u32s(Tag::DIR_INDEXES)?, header.u32s(Tag::FILE_FLAGS)?);
    let (users, groups) = (header.strings(Tag::FILE_USERS)?, header.strings(Tag::FILE_GROUPS)?);
    for (at, name) in names.iter().enumerate() {
        let folder = indexes.get(at).and_then(|index| folders.get(*index as usize)).copied().unwrap_or_default();
        let path = format!("{folder}{name}");
        if let Some(item) = items.iter_mut().find(|item| item.path == path) {
            item.owner = users.get(at).copied().unwrap_or_default().to_owned();
            item.group = groups.get(at).copied().unwrap_or_default().to_owned();
            item.config = flags.get(at).is_some_and(|flags| flags & CONFIG_FLAG != 0);
        }
    }
    Ok(())
}

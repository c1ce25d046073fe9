//! Reading a tree from a folder or over HTTP.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs::{self, File};
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use walkdir::WalkDir;

use super::SuiteKind;
use crate::destination::Folder;
use crate::publish::{Pending, STATE_FOLDER, generation, is_immutable};
use crate::{Error, Sha256Hex, TreePath};

/// Most bytes that an index or signature may have; the index of all of Debian has 60 MB.
const INDEX_MAX: u64 = 1 << 30;

/// Where a tree lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// In a folder.
    Folder(PathBuf),
    /// Behind an `http://` or `https://` address, without a slash at its end.
    Url(String),
}

impl Source {
    /// Tells an address from a folder by its scheme.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        if text.starts_with("http://") || text.starts_with("https://") {
            Self::Url(text.trim_end_matches('/').to_owned())
        } else {
            Self::Folder(PathBuf::from(text))
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(path) => path.display().fmt(out),
            Self::Url(address) => out.write_str(address),
        }
    }
}

/// A tree that can be read.
pub(super) struct Tree {
    place: Place,
    files: BTreeSet<String>,
    irregular: BTreeSet<String>,
    pending: Pending,
    older: BTreeMap<String, Sha256Hex>,
}

enum Place {
    Folder(PathBuf),
    Http { address: String, agent: ureq::Agent },
}

impl Tree {
    pub(super) fn open(source: &Source) -> Result<Self, Error> {
        match source {
            Source::Folder(root) => Self::open_folder(root),
            Source::Url(address) => {
                let agent = ureq::Agent::config_builder()
                    .timeout_connect(Some(Duration::from_secs(30)))
                    .timeout_recv_response(Some(Duration::from_secs(60)))
                    .build()
                    .new_agent();
                Ok(Self {
                    place: Place::Http { address: address.clone(), agent },
                    files: BTreeSet::new(),
                    irregular: BTreeSet::new(),
                    pending: Pending::default(),
                    older: BTreeMap::new(),
                })
            }
        }
    }

    fn open_folder(root: &Path) -> Result<Self, Error> {
        let (mut files, mut irregular) = (BTreeSet::new(), BTreeSet::new());
        let state = root.join(STATE_FOLDER);
        for entry in WalkDir::new(root).into_iter().filter_entry(|entry| entry.path() != state) {
            let entry = entry.map_err(|error| {
                let path = error.path().unwrap_or(root).to_owned();
                Error::io("read", &path)(error.into())
            })?;
            let Ok(path) = entry.path().strip_prefix(root) else { continue };
            let path = path.to_string_lossy().into_owned();
            match entry.file_type() {
                kind if kind.is_file() => drop(files.insert(path)),
                kind if kind.is_dir() => {}
                _ => drop(irregular.insert(path)),
            }
        }
        let pending = Pending::load(root).unwrap_or_default();
        let older = older(root)?;
        Ok(Self { place: Place::Folder(root.to_owned()), files, irregular, pending, older })
    }

    /// Suites that the folder holds: wherever a `Release` or a `repomd.xml` lies.
    pub(super) fn suites(&self) -> Vec<(SuiteKind, TreePath)> {
        let marks =
            [("/InRelease", SuiteKind::Apt), ("/Release", SuiteKind::Apt), ("/repodata/repomd.xml", SuiteKind::Yum)];
        let found = |path: &String| {
            let (folder, kind) = marks.iter().find_map(|(mark, kind)| Some((path.strip_suffix(mark)?, *kind)))?;
            Some((kind, TreePath::new(folder).ok()?))
        };
        let suites: BTreeSet<_> = self.files.iter().filter_map(found).collect();
        suites.into_iter().collect()
    }

    /// Every regular file of a folder; nothing for an address, which cannot be listed.
    pub(super) fn files(&self) -> impl Iterator<Item = &String> {
        self.files.iter()
    }

    /// What the generations on record refer to under names that never change, with its digest.
    pub(super) fn older(&self) -> impl Iterator<Item = (&String, &Sha256Hex)> {
        self.older.iter()
    }

    /// Links, devices and the like.
    pub(super) fn irregular(&self) -> impl Iterator<Item = &String> {
        self.irregular.iter()
    }

    /// Whether an interrupted publisher put exactly this content in place.
    pub(super) fn is_on_its_way(&self, path: &str, sha256: &str) -> bool {
        self.pending.put.get(path).is_some_and(|expected| expected.contains(sha256))
    }

    /// Whether an interrupted publisher had to do with this file at all.
    pub(super) fn is_half_published(&self, path: &str) -> bool {
        self.pending.put.contains_key(path) || self.pending.remove.contains(path)
    }

    /// Reads an index or signature; `None` when there is no such file.
    pub(super) fn read(&self, path: &str) -> io::Result<Option<Vec<u8>>> {
        let Some(file) = self.open_file(path)? else { return Ok(None) };
        let mut bytes = Vec::new();
        file.take(INDEX_MAX + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > INDEX_MAX {
            return Err(io::Error::other("an index of more than 1 GiB"));
        }
        Ok(Some(bytes))
    }

    /// Opens a file for reading from front to back; `None` when there is none.
    pub(super) fn open_file(&self, path: &str) -> io::Result<Option<Box<dyn Read>>> {
        // Paths come from indexes that anyone may have written: none may lead out of the tree.
        if TreePath::new(path).is_err() {
            return Err(io::Error::other("not a path within a repository"));
        }
        match &self.place {
            Place::Folder(root) => open_in_folder(&root.join(path)),
            Place::Http { address, agent } => fetch(agent, &format!("{address}/{}", path.replace('^', "%5E"))),
        }
    }
}

/// See [`Tree::older`].
fn older(root: &Path) -> Result<BTreeMap<String, Sha256Hex>, Error> {
    let folder = Folder::new(root);
    let mut older = BTreeMap::new();
    for repository in generation::repositories(&folder)? {
        for record in generation::read_all(&folder, &repository)?.into_values() {
            for file in record.files_if_any(&folder)?.into_iter().flatten() {
                let file = file?;
                if is_immutable(&file.path) {
                    older.insert(file.path.as_str().to_owned(), file.sha256);
                }
            }
        }
    }
    Ok(older)
}

fn open_in_folder(path: &Path) -> io::Result<Option<Box<dyn Read>>> {
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_file() => Ok(Some(Box::new(BufReader::with_capacity(1 << 16, File::open(path)?)))),
        Ok(_) => Err(io::Error::other("not a regular file")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn fetch(agent: &ureq::Agent, url: &str) -> io::Result<Option<Box<dyn Read>>> {
    match agent.get(url).call() {
        Ok(response) => Ok(Some(Box::new(BufReader::with_capacity(1 << 16, response.into_body().into_reader())))),
        Err(ureq::Error::StatusCode(404)) => Ok(None),
        Err(error) => Err(io::Error::other(error)),
    }
}

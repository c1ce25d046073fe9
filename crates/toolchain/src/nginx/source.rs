//! Where the source of an NGINX version comes from: given, cached, in a crate, on Debian's mirrors, on nginx.org.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::fetch::{Network, beside};
use super::{Recipe, hex, vendored};

/// Says which version a source is: `#define NGINX_VERSION "1.28.3"`.
const VERSION_HEADER: &str = "src/core/nginx.h";

/// Why a source was refused or could not be had.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// What was given is no source of NGINX.
    #[error(
        "{path} is no NGINX source ({why}): give nginx-<version>.tar.gz as nginx.org publishes it, or its unpacked folder"
    )]
    Given {
        /// What was given.
        path: PathBuf,
        /// What is missing.
        why: String,
    },
    /// An archive is not the one that is pinned.
    #[error(
        "{path} is not the archive that is pinned for NGINX {version}: its SHA-256 is {found}, expected {pinned}; remove it, or give the right one"
    )]
    Checksum {
        /// The archive.
        path: PathBuf,
        /// Of which version it should be.
        version: String,
        /// Its digest.
        found: String,
        /// The pinned one.
        pinned: String,
    },
    /// It is nowhere.
    #[error("the source of NGINX {version} cannot be had: {}", list(tried))]
    Unavailable {
        /// Which version.
        version: String,
        /// Everything that was tried.
        tried: Vec<Attempt>,
    },
    /// A file or folder cannot be read or written.
    #[error("{path}: {source}")]
    Io {
        /// Which one.
        path: PathBuf,
        /// The system's word.
        source: io::Error,
    },
}

/// One place where a source was looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// Where.
    pub place: &'static str,
    /// Why it is not there.
    pub why: String,
}

fn list(tried: &[Attempt]) -> String {
    tried.iter().map(|attempt| format!("{}: {}", attempt.place, attempt.why)).collect::<Vec<_>>().join("; ")
}

/// A source that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// An archive, checked if its digest is pinned.
    Archive(PathBuf),
    /// A folder.
    Folder(PathBuf),
}

impl Source {
    /// What changes when the source does.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(super) fn digest(&self) -> Result<String, SourceError> {
        match self {
            Self::Archive(path) => sha256_of(path),
            Self::Folder(path) => folder_digest(path),
        }
    }

    /// Lays the source out in `folder`, which is made.
    ///
    /// # Errors
    /// When it cannot be read, or `folder` not be written.
    pub(super) fn lay_out(&self, folder: &Path) -> Result<(), SourceError> {
        match self {
            Self::Archive(path) => unpack(path, folder).map_err(at(path)),
            Self::Folder(path) => copy(path, folder).map_err(at(path)),
        }
    }
}

/// Finds sources, and remembers what a run has learnt about the network.
#[derive(Debug)]
pub struct Sources {
    workspace: PathBuf,
    cache: PathBuf,
    given: Vec<(String, Source)>,
    network: Network,
}

impl Sources {
    /// Looks at what was `given` by the user. Archives are kept in `cache`; crates are those that the checkout `workspace` pins.
    ///
    /// # Errors
    /// When something that was given is no source of NGINX.
    pub fn new(workspace: &Path, cache: &Path, given: &[PathBuf]) -> Result<Self, SourceError> {
        let inspect = |path: &PathBuf| {
            let source = if path.is_dir() { Source::Folder(path.clone()) } else { Source::Archive(path.clone()) };
            let version = version_of(&source).map_err(|why| SourceError::Given { path: path.clone(), why })?;
            Ok((version, source))
        };
        let given = given.iter().map(inspect).collect::<Result<_, _>>()?;
        Ok(Self { workspace: workspace.to_owned(), cache: cache.to_owned(), given, network: Network::default() })
    }

    /// The source of a version, from the first place that has it.
    ///
    /// # Errors
    /// When it is nowhere, with every place that was tried, or when an archive is not the pinned one.
    pub fn obtain(&self, recipe: &Recipe) -> Result<Source, SourceError> {
        if let Some((_, source)) = self.given.iter().find(|(version, _)| *version == recipe.version) {
            if let Source::Archive(path) = source {
                verify(path, recipe)?;
            }
            return Ok(source.clone());
        }
        let cached = self.cache.join(recipe.archive_name());
        if cached.is_file() {
            verify(&cached, recipe)?;
            return Ok(Source::Archive(cached));
        }
        let mut tried = vec![Attempt { place: "cache", why: format!("there is no {}", cached.display()) }];
        if let Some(name) = &recipe.crate_name {
            match vendored::folder(&self.workspace, name) {
                Ok(folder) => return Ok(Source::Folder(folder)),
                Err(why) => tried.push(Attempt { place: "crate", why }),
            }
        }
        self.fetch(recipe, &cached, tried)
    }

    fn fetch(&self, recipe: &Recipe, cached: &Path, mut tried: Vec<Attempt>) -> Result<Source, SourceError> {
        let partial = beside(cached);
        if recipe.sha256.is_some() {
            std::fs::create_dir_all(&self.cache).map_err(at(&self.cache))?;
            if recipe.debian {
                match self.network.fetch_from_debian(&recipe.version, &partial) {
                    Ok(()) => return keep(&partial, cached, recipe),
                    Err(why) => tried.push(Attempt { place: "Debian", why }),
                }
            }
            match self.network.fetch_from_nginx_org(&recipe.archive_name(), &partial) {
                Ok(()) => return keep(&partial, cached, recipe),
                Err(why) => tried.push(Attempt { place: "nginx.org", why }),
            }
        } else {
            let why = "packaging/nginx.toml pins no SHA-256 for it, so nothing is fetched".to_owned();
            tried.push(Attempt { place: "nginx.org", why });
        }
        Err(SourceError::Unavailable { version: recipe.version.clone(), tried })
    }
}

/// Gives a fetched archive its name, if it is the pinned one.
fn keep(partial: &Path, cached: &Path, recipe: &Recipe) -> Result<Source, SourceError> {
    let kept = verify(partial, recipe).and_then(|()| std::fs::rename(partial, cached).map_err(at(cached)));
    if kept.is_err() {
        // Nobody looks for it under this name; the error that counts is the other one.
        let _ = std::fs::remove_file(partial);
    }
    kept.map(|()| Source::Archive(cached.to_owned()))
}

fn verify(archive: &Path, recipe: &Recipe) -> Result<(), SourceError> {
    let Some(pinned) = &recipe.sha256 else { return Ok(()) };
    let found = sha256_of(archive)?;
    if found == *pinned {
        return Ok(());
    }
    let (path, version) = (archive.to_owned(), recipe.version.clone());
    Err(SourceError::Checksum { path, version, found, pinned: pinned.clone() })
}

fn at(path: &Path) -> impl Fn(io::Error) -> SourceError {
    let path = path.to_owned();
    move |source| SourceError::Io { path: path.clone(), source }
}

fn sha256_of(path: &Path) -> Result<String, SourceError> {
    let mut hasher = Sha256::new();
    let mut file = File::open(path).map_err(at(path))?;
    io::copy(&mut file, &mut hasher).map_err(at(path))?;
    Ok(hex(&hasher.finalize()))
}

/// Over the names and contents of what is compiled and of what configures it.
fn folder_digest(folder: &Path) -> Result<String, SourceError> {
    let mut hasher = Sha256::new();
    for part in ["auto", "configure", "src"] {
        for path in files_below(&folder.join(part)).map_err(at(folder))? {
            let name = path.strip_prefix(folder).unwrap_or(&path);
            hasher.update(name.as_os_str().as_encoded_bytes());
            hasher.update(std::fs::read(&path).map_err(at(&path))?);
        }
    }
    Ok(hex(&hasher.finalize()))
}

/// Every file at or below `path`, sorted; none if it is not there.
fn files_below(path: &Path) -> io::Result<Vec<PathBuf>> {
    if path.is_file() {
        return Ok(vec![path.to_owned()]);
    }
    let mut found = Vec::new();
    if path.is_dir() {
        for entry in std::fs::read_dir(path)? {
            found.extend(files_below(&entry?.path())?);
        }
    }
    found.sort();
    Ok(found)
}

fn archive(path: &Path) -> io::Result<tar::Archive<flate2::read::GzDecoder<File>>> {
    Ok(tar::Archive::new(flate2::read::GzDecoder::new(File::open(path)?)))
}

/// A path inside an archive without its first part, `nginx-<version>/`.
fn inside(path: &Path) -> PathBuf {
    path.components().skip(1).collect()
}

fn unpack(path: &Path, folder: &Path) -> io::Result<()> {
    for entry in archive(path)?.entries()? {
        let mut entry = entry?;
        let relative = inside(&entry.path()?);
        let plain = relative.components().all(|part| matches!(part, std::path::Component::Normal(_)));
        if entry.header().entry_type().is_file() && plain {
            let to = folder.join(relative);
            to.parent().map_or(Ok(()), std::fs::create_dir_all)?;
            entry.unpack(to)?;
        }
    }
    Ok(())
}

fn copy(from: &Path, folder: &Path) -> io::Result<()> {
    for part in ["auto", "conf", "configure", "src"] {
        for path in files_below(&from.join(part))? {
            let to = folder.join(path.strip_prefix(from).unwrap_or(&path));
            to.parent().map_or(Ok(()), std::fs::create_dir_all)?;
            std::fs::copy(&path, to)?;
        }
    }
    Ok(())
}

fn version_of(source: &Source) -> Result<String, String> {
    let missing = || format!("it has no {VERSION_HEADER}");
    let text = match source {
        Source::Folder(folder) => std::fs::read_to_string(folder.join(VERSION_HEADER)).map_err(|_| missing())?,
        Source::Archive(path) => header_in(path).map_err(|error| error.to_string())?.ok_or_else(missing)?,
    };
    let line = text.lines().find_map(|line| line.trim().strip_prefix("#define NGINX_VERSION"));
    let version = line.map(|rest| rest.trim().trim_matches('"').to_owned());
    version.ok_or_else(|| format!("{VERSION_HEADER} does not define NGINX_VERSION"))
}

fn header_in(path: &Path) -> io::Result<Option<String>> {
    for entry in archive(path)?.entries()? {
        let mut entry = entry?;
        if inside(&entry.path()?) == Path::new(VERSION_HEADER) {
            let mut text = String::new();
            entry.read_to_string(&mut text)?;
            return Ok(Some(text));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source_folder(root: &Path, version: &str) -> PathBuf {
        let folder = root.join(format!("nginx-{version}"));
        std::fs::create_dir_all(folder.join("src/core")).unwrap();
        std::fs::write(folder.join("src/core/nginx.h"), format!("#define NGINX_VERSION      \"{version}\"\n")).unwrap();
        std::fs::write(folder.join("configure"), "#!/bin/sh\n").unwrap();
        folder
    }

    fn pack(folder: &Path, name: &Path) -> PathBuf {
        let file = File::create(name).unwrap();
        let mut builder = tar::Builder::new(flate2::write::GzEncoder::new(file, flate2::Compression::fast()));
        builder.append_dir_all(folder.file_name().unwrap(), folder).unwrap();
        builder.into_inner().unwrap().finish().unwrap();
        name.to_owned()
    }

    fn recipe(version: &str, sha256: Option<String>) -> Recipe {
        Recipe {
            version: version.to_owned(),
            sha256,
            crate_name: None,
            debian: false,
            arguments: Vec::new(),
            signature: String::new(),
        }
    }

    #[test]
    fn a_given_archive_or_folder_is_taken_for_the_version_that_it_has_inside() {
        let root = tempfile::tempdir().unwrap();
        let folder = source_folder(root.path(), "1.2.3");
        let archive = pack(&source_folder(root.path(), "1.2.4"), &root.path().join("any-name.tgz"));
        let sources = Sources::new(root.path(), root.path(), &[folder.clone(), archive.clone()]).unwrap();
        assert_eq!(sources.obtain(&recipe("1.2.3", None)).unwrap(), Source::Folder(folder));
        assert_eq!(sources.obtain(&recipe("1.2.4", None)).unwrap(), Source::Archive(archive.clone()));
        let out = root.path().join("out");
        Source::Archive(archive).lay_out(&out).unwrap();
        assert!(out.join("configure").is_file() && out.join("src/core/nginx.h").is_file());
    }

    #[test]
    fn an_archive_with_another_digest_is_refused_with_both() {
        let root = tempfile::tempdir().unwrap();
        let archive = pack(&source_folder(root.path(), "1.2.3"), &root.path().join("nginx-1.2.3.tar.gz"));
        let pinned = "00".repeat(32);
        for sources in [
            Sources::new(root.path(), root.path(), &[archive]).unwrap(),
            Sources::new(root.path(), root.path(), &[]).unwrap(),
        ] {
            let error = sources.obtain(&recipe("1.2.3", Some(pinned.clone()))).unwrap_err().to_string();
            assert!(error.contains(&pinned) && error.contains("nginx-1.2.3.tar.gz"), "{error}");
        }
    }

    #[test]
    fn nothing_is_fetched_without_a_pinned_digest() {
        let root = tempfile::tempdir().unwrap();
        let error = Sources::new(root.path(), root.path(), &[])
            .unwrap()
            .obtain(&recipe("1.2.3", None))
            .unwrap_err()
            .to_string();
        assert!(error.contains("cache: there is no") && error.contains("pins no SHA-256"), "{error}");
    }

    #[test]
    fn something_else_than_a_source_is_refused() {
        let root = tempfile::tempdir().unwrap();
        let error = Sources::new(root.path(), root.path(), &[root.path().to_owned()]).unwrap_err().to_string();
        assert!(error.contains("is no NGINX source") && error.contains("nginx-<version>.tar.gz"), "{error}");
    }

    #[test]
    fn the_digest_of_a_folder_follows_its_files() {
        let root = tempfile::tempdir().unwrap();
        let folder = source_folder(root.path(), "1.2.3");
        let before = Source::Folder(folder.clone()).digest().unwrap();
        std::fs::write(folder.join("configure"), "#!/bin/sh\nexit 1\n").unwrap();
        assert_ne!(Source::Folder(folder).digest().unwrap(), before);
    }
}

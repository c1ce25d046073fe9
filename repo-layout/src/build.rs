//! Laying out a whole tree.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::Serialize;
use signing::{SecretKey, UtcTime};

use crate::apt::{self, AptPackage};
use crate::destination::{Content, Destination, Folder};
use crate::publish::{Phase, Published, Publisher, Transaction, until_won};
use crate::yum::{self, YumPackage};
use crate::{AptSuite, Digests, Error, Event, Generation, Listener, Site, TreePath, YumRepository, pool};

/// The public key at the root of a tree, binary: `apt-key add`, `gpg --import` and `signed-by=` all take it.
pub const KEY_FILE: &str = "wallarm.gpg";

/// The same key, armoured, for `rpm --import`.
pub const KEY_FILE_ARMORED: &str = "wallarm.asc";

/// What was laid out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// One row a suite or repository.
    pub suites: Vec<SuiteSummary>,
    /// Files that were written; zero when everything was in place already.
    pub written: usize,
}

/// One suite or repository of a [`Summary`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SuiteSummary {
    /// Its folder within the tree.
    pub path: TreePath,
    /// Number of packages.
    pub packages: usize,
    /// Bytes of all packages.
    pub bytes: u64,
}

/// What all parts of one build share.
struct Context<'a> {
    signer: &'a SecretKey,
    when: SystemTime,
    now: SystemTime,
    listener: &'a dyn Listener,
}

impl<'a> Context<'a> {
    fn new(publisher: &'a Publisher<'_>, listener: &'a dyn Listener) -> Self {
        let when = publisher.when;
        Self { signer: publisher.key, when, now: SystemTime::now().max(when), listener }
    }
}

/// Lays out `site` in a folder that is the caller's alone, and signs it; [`publish()`] is for those that have readers.
///
/// `when` becomes the date of every index and signature: give the commit's time. Suites that lie in the folder but not
/// in the site are left alone. Memory holds the packages' headers, never their content.
///
/// # Errors
/// See [`Error`]. Nothing was published then, unless the error came from renaming into place, which the next run
/// completes.
pub fn build(
    site: &Site,
    destination: &Path,
    signer: &SecretKey,
    when: SystemTime,
    listener: &dyn Listener,
) -> Result<Summary, Error> {
    publish(site, &Folder::new(destination), &Publisher::alone(signer, when), listener)
}

/// Lays out `site` at a destination and signs it, beside any number of other publishers.
///
/// The site takes the place of what is there, whatever that is; who adds to that calls [`update()`].
///
/// # Errors
/// See [`Error`]. Readers see the old state then, whole, or the new one.
pub fn publish(
    site: &Site,
    destination: &dyn Destination,
    publisher: &Publisher<'_>,
    listener: &dyn Listener,
) -> Result<Summary, Error> {
    let context = Context::new(publisher, listener);
    // Everything is read and checked before the destination is touched.
    let packages = Packages::read(site, &context)?;
    until_won(publisher, || {
        let mut transaction = Transaction::begin(destination, publisher, listener)?;
        let suites = lay_out(site, &packages, &mut transaction, &context)?;
        Ok(Summary { suites, written: transaction.commit()? })
    })
}

/// Lays out what `change` makes of the present state, and computes that anew each time another publisher was quicker.
///
/// `change` is asked with a way to look at what is published of a repository; only what it has looked at counts as the
/// state that it rests on.
///
/// # Errors
/// As [`publish()`], and those of `change`.
pub fn update(
    destination: &dyn Destination,
    publisher: &Publisher<'_>,
    listener: &dyn Listener,
    change: impl Fn(&mut dyn FnMut(&TreePath) -> Result<Option<Generation>, Error>) -> Result<Site, Error>,
) -> Result<Summary, Error> {
    until_won(publisher, || update_once(destination, publisher, listener, &change))
}

/// One try of [`update()`].
pub(crate) fn update_once(
    destination: &dyn Destination,
    publisher: &Publisher<'_>,
    listener: &dyn Listener,
    change: impl Fn(&mut dyn FnMut(&TreePath) -> Result<Option<Generation>, Error>) -> Result<Site, Error>,
) -> Result<Summary, Error> {
    let context = Context::new(publisher, listener);
    let mut transaction = Transaction::begin(destination, publisher, listener)?;
    let site = change(&mut |repository| {
        let Published { generation, .. } = transaction.published(repository)?;
        Ok(generation)
    })?;
    let packages = Packages::read(&site, &context)?;
    let suites = lay_out(&site, &packages, &mut transaction, &context)?;
    Ok(Summary { suites, written: transaction.commit()? })
}

/// The packages of a site, read and checked, in its order.
struct Packages {
    apt: Vec<Vec<AptPackage>>,
    yum: Vec<Vec<YumPackage>>,
}

impl Packages {
    fn read(site: &Site, context: &Context<'_>) -> Result<Self, Error> {
        let count = site.suites.iter().map(|suite| suite.packages.len()).sum::<usize>()
            + site.yum.iter().map(|one| one.packages.len() + one.bootstrap.len()).sum::<usize>();
        context.listener.event(&Event::Packages { count });
        let apt = site.suites.iter().map(|suite| read_suite(suite, context)).collect::<Result<Vec<_>, _>>()?;
        let yum = site.yum.iter().map(|one| read_repository(one, context)).collect::<Result<Vec<_>, _>>()?;
        Ok(Self { apt, yum })
    }
}

fn lay_out(
    site: &Site,
    packages: &Packages,
    transaction: &mut Transaction<'_>,
    context: &Context<'_>,
) -> Result<Vec<SuiteSummary>, Error> {
    put_key(transaction, context.signer)?;
    let mut suites = Vec::new();
    for (suite, packages) in site.suites.iter().zip(&packages.apt) {
        put_suite(transaction, suite, packages, context)?;
        suites.push(summary(suite.folder()?, packages.iter().map(|package| package.digests.size)));
    }
    for (repository, packages) in site.yum.iter().zip(&packages.yum) {
        put_repository(transaction, repository, packages, context)?;
        suites.push(summary(repository.path.clone(), packages.iter().map(|package| package.digests.size)));
    }
    Ok(suites)
}

fn summary(path: TreePath, sizes: impl Iterator<Item = u64>) -> SuiteSummary {
    let (packages, bytes) = sizes.fold((0, 0), |(count, sum), size| (count + 1, sum + size));
    SuiteSummary { path, packages, bytes }
}

fn put_key(transaction: &mut Transaction<'_>, signer: &SecretKey) -> Result<(), Error> {
    let binary = signer.public().to_binary()?;
    let armored = signer.public().to_armored()?;
    transaction.put(Phase::Packages, &TreePath::new(KEY_FILE)?, &Content::Bytes(&binary))?;
    transaction.put(Phase::Packages, &TreePath::new(KEY_FILE_ARMORED)?, &Content::Bytes(armored.as_bytes()))
}

fn read_suite(suite: &AptSuite, context: &Context<'_>) -> Result<Vec<AptPackage>, Error> {
    let packages = pool::on_all_cores(&suite.packages, |path| {
        let package = AptPackage::read(path)?;
        if package.architecture != "all" && !suite.architectures.contains(&package.architecture) {
            return Err(Error::Architecture {
                path: path.clone(),
                found: package.architecture,
                suite: suite.folder()?,
                served: suite.architectures.join(", "),
            });
        }
        context.listener.event(&Event::PackageRead);
        Ok(package)
    })?;
    unique(packages, |package| (&package.file_name, &package.digests, &package.source))
}

fn read_repository(repository: &YumRepository, context: &Context<'_>) -> Result<Vec<YumPackage>, Error> {
    let paths: Vec<&PathBuf> = repository.packages.iter().chain(&repository.bootstrap).collect();
    let packages = pool::on_all_cores(&paths, |path| {
        let package = YumPackage::read(path, context.signer.public(), context.now)?;
        if package.architecture != "noarch" && package.architecture != repository.architecture {
            return Err(Error::Architecture {
                path: path.to_path_buf(),
                found: package.architecture,
                suite: repository.path.clone(),
                served: repository.architecture.clone(),
            });
        }
        context.listener.event(&Event::PackageRead);
        Ok(package)
    })?;
    unique(packages, |package| (&package.file_name, &package.digests, &package.source))
}

/// Sorts packages by file name and keeps one of each; the same file given twice is no mistake, two different ones are.
///
/// File names leave the epoch out, so two epochs of one version clash here too: they could not lie side by side.
fn unique<P: Clone>(packages: Vec<P>, key: impl Fn(&P) -> (&String, &Digests, &PathBuf)) -> Result<Vec<P>, Error> {
    let mut kept: BTreeMap<String, P> = BTreeMap::new();
    for package in packages {
        let (name, digests, source) = key(&package);
        if let Some(first) = kept.get(name) {
            let (_, first_digests, first_source) = key(first);
            if first_digests != digests {
                return Err(Error::Twins { first: first_source.clone(), second: source.clone() });
            }
            continue;
        }
        kept.insert(name.clone(), package);
    }
    Ok(kept.into_values().collect())
}

fn put_suite(
    transaction: &mut Transaction<'_>,
    suite: &AptSuite,
    packages: &[AptPackage],
    context: &Context<'_>,
) -> Result<(), Error> {
    let folder = suite.folder()?;
    let index_error = |source| Error::Index { suite: folder.clone(), source };
    let pool = folder.join("pool")?;
    for package in packages {
        let content = Content::Copy { source: &package.source, digests: &package.digests };
        transaction.put(Phase::Packages, &pool.join(&package.file_name)?, &content)?;
    }
    let text = apt::packages::index(packages, &suite.suite).map_err(index_error)?;
    let indexes = apt::packages::with_compressed(&text)
        .map_err(Error::io("compress the index for", Path::new(folder.as_str())))?;
    let mut listed = Vec::new();
    for (name, bytes) in &indexes {
        let digests = Digests::of(bytes);
        for (kind, digest) in [("SHA256", digests.sha256.as_str()), ("SHA512", digests.sha512.as_str())] {
            let path = folder.join(&format!("by-hash/{kind}/{digest}"))?;
            transaction.put(Phase::ByHash, &path, &Content::Bytes(bytes))?;
        }
        transaction.put(Phase::Indexes, &folder.join(name)?, &Content::Bytes(bytes))?;
        listed.push((*name, digests));
    }
    let release = apt::release::release(suite, UtcTime::from(context.when), &listed).map_err(index_error)?.to_string();
    let sign_error = |source| Error::Sign { suite: folder.clone(), source };
    let detached = context.signer.sign_detached_armored(release.as_bytes(), context.when).map_err(sign_error)?;
    let clear = context.signer.sign_cleartext(&release, context.when).map_err(sign_error)?;
    transaction.put(Phase::Release, &folder.join("Release")?, &Content::Bytes(release.as_bytes()))?;
    transaction.put(Phase::Release, &folder.join("Release.gpg")?, &Content::Bytes(detached.as_bytes()))?;
    transaction.put(Phase::Visible, &folder.join("InRelease")?, &Content::Bytes(clear.as_bytes()))?;

    transaction.remove_others(&pool, |name| name.ends_with(".deb"))?;
    for kind in ["SHA256", "SHA512"] {
        transaction.remove_others(&folder.join(&format!("by-hash/{kind}"))?, |_| true)?;
    }
    Ok(())
}

fn put_repository(
    transaction: &mut Transaction<'_>,
    repository: &YumRepository,
    packages: &[YumPackage],
    context: &Context<'_>,
) -> Result<(), Error> {
    let folder = &repository.path;
    let pool = folder.join("Packages")?;
    for package in packages {
        let content = Content::Copy { source: &package.source, digests: &package.digests };
        transaction.put(Phase::Packages, &pool.join(&package.file_name)?, &content)?;
        if repository.bootstrap.iter().any(|path| pool::file_name(path) == package.file_name) {
            transaction.put(Phase::Packages, &folder.join(&package.file_name)?, &content)?;
        }
    }
    let write_error = |source| Error::io("write the index of", Path::new(folder.as_str()))(source);
    let indexes = yum::indexes(packages).map_err(write_error)?;
    let repomd = yum::repomd::write(&indexes, UtcTime::from(context.when)).map_err(write_error)?;
    let signature = context
        .signer
        .sign_detached_armored(&repomd, context.when)
        .map_err(|source| Error::Sign { suite: folder.clone(), source })?;
    let mut files: Vec<(String, &[u8])> =
        indexes.iter().map(|index| (index.name.clone(), index.bytes.as_slice())).collect();
    files.push(("repomd.xml".to_owned(), &repomd));
    files.push(("repomd.xml.asc".to_owned(), signature.as_bytes()));
    transaction.put_folder(&folder.join("repodata")?, &files)?;

    transaction.remove_others(&pool, |name| name.ends_with(".rpm"))?;
    transaction.remove_others(folder, |name| name.ends_with(".rpm"))
}

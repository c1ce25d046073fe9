//! Laying out a whole tree.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::SystemTime;

use serde::Serialize;
use signing::{Signer, UtcTime};

use crate::apt::{self, Apt};
use crate::index::Family as _;
use crate::lay_out::{LaidOut, LayOut};
use crate::page::{self, Pages};
use crate::publish::{Content, Phase, Transaction};
use crate::yum::{self, Index, Yum};
use crate::{AptSuite, Checksum, Error, Event, Front, KeyReport, Listener, Site, TreePath, YumRepository};

/// The public keys at the root of a tree, one after the other, binary: `apt-key add`, `gpg --import` and `signed-by=` all take it.
pub const KEY_FILE: &str = "wallarm.gpg";

/// The same keys, armoured, for `rpm --import`.
pub const KEY_FILE_ARMORED: &str = "wallarm.asc";

/// What was laid out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// The keys that signed.
    pub keys: Vec<KeyReport>,
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
    /// How many of them were read in this run; the others were known.
    pub read: usize,
    /// Bytes of all packages.
    pub bytes: u64,
}

/// How a tree is laid out.
#[derive(Clone, Copy)]
pub struct Job<'a> {
    /// Signs the indexes; rpms have to be signed by it already.
    pub signer: &'a dyn Signer,
    /// Becomes the date of every index and signature: give the commit's time.
    pub when: SystemTime,
    /// A folder for what was read and compressed, so that the next run has less to do. It can be removed at any time.
    pub caches: Option<&'a Path>,
    /// Is told what happens.
    pub listener: &'a dyn Listener,
}

impl Job<'_> {
    /// When signatures have to be valid: a commit of the future is one of today.
    fn now(&self) -> SystemTime {
        SystemTime::now().max(self.when)
    }
}

/// Lays out `site` in the folder `destination` and signs it.
///
/// Suites that lie in the folder but not in the site are left alone. Memory holds the names of the packages, and the
/// headers of a few hundred of them at a time.
///
/// # Errors
/// See [`Error`]. Nothing was published then, unless the error came from renaming into place, which the next run
/// completes.
pub fn build(site: &Site, destination: &Path, job: &Job<'_>) -> Result<Summary, Error> {
    let count = site.suites.iter().map(|suite| suite.packages.files()).sum::<usize>()
        + site.yum.iter().map(|one| one.packages.files()).sum::<usize>();
    job.listener.event(&Event::Packages { count });
    let mut transaction = Transaction::begin(destination, job.listener)?;
    put_key(&mut transaction, job.signer)?;
    let pages = site.front.as_ref().map(|front| Pages { front, signer: job.signer, when: job.when.into() });
    let mut suites = Vec::new();
    for suite in &site.suites {
        let (folder, laid) = (suite.folder()?, put_suite(&mut transaction, suite, destination, job)?);
        if let Some(pages) = &pages {
            pages.put_repository(&mut transaction, &folder, page::Kind::Apt, &laid.rows)?;
        }
        suites.push(summary(&folder, &laid));
    }
    for repository in &site.yum {
        let laid = put_repository(&mut transaction, repository, destination, job)?;
        if let Some(pages) = &pages {
            pages.put_repository(&mut transaction, &repository.path, page::Kind::Yum, &laid.rows)?;
        }
        suites.push(summary(&repository.path, &laid));
    }
    if let Some(pages) = &pages {
        pages.put_root(&mut transaction, &present(pages.front, &suites, destination))?;
    }
    let keys = job.signer.keyring().iter().map(|key| KeyReport::of(key, job.now())).collect();
    Ok(Summary { keys, suites, written: transaction.commit()? })
}

/// What the tree has when all is published: this site's, and what lies there already and has commands.
fn present(front: &Front, suites: &[SuiteSummary], destination: &Path) -> BTreeSet<TreePath> {
    let is_there = |path: &&TreePath| {
        let folder = path.under(destination);
        folder.join("InRelease").is_file() || folder.join("repodata/repomd.xml").is_file()
    };
    let others = front.systems.iter().map(|system| &system.repository).filter(is_there);
    suites.iter().map(|suite| &suite.path).chain(others).cloned().collect()
}

fn summary(path: &TreePath, laid: &LaidOut) -> SuiteSummary {
    SuiteSummary { path: path.clone(), packages: laid.rows.count, read: laid.read, bytes: laid.rows.bytes }
}

fn put_key(transaction: &mut Transaction<'_>, signer: &dyn Signer) -> Result<(), Error> {
    let binary = signer.keyring().to_binary()?;
    let armored = signer.keyring().to_armored()?;
    transaction.put(Phase::Packages, &TreePath::new(KEY_FILE)?, &Content::Bytes(&binary))?;
    transaction.put(Phase::Packages, &TreePath::new(KEY_FILE_ARMORED)?, &Content::Bytes(armored.as_bytes()))
}

fn put_suite(
    transaction: &mut Transaction<'_>,
    suite: &AptSuite,
    root: &Path,
    job: &Job<'_>,
) -> Result<LaidOut, Error> {
    let folder = suite.folder()?;
    let family = Apt { suite, keys: job.signer.keyring(), now: job.now() };
    let lay_out = LayOut {
        family: &family,
        selection: &suite.packages,
        root,
        caches: job.caches,
        ask_for: &[],
        listener: job.listener,
    };
    let laid = lay_out.run(transaction)?;
    let mut listed = Vec::new();
    for (name, document) in Apt::DOCUMENTS.iter().zip(&laid.documents) {
        for file in &document.files {
            let (name, digests) = (format!("{name}{}", file.suffix), &file.digests);
            let content = Content::Aside { file: &file.aside, checksum: &digests.checksum() };
            for (kind, digest) in [("SHA256", digests.sha256.as_str()), ("SHA512", digests.sha512.as_str())] {
                transaction.put(Phase::ByHash, &folder.join(&format!("by-hash/{kind}/{digest}"))?, &content)?;
            }
            transaction.put(Phase::Indexes, &folder.join(&name)?, &content)?;
            listed.push((name, digests.clone()));
        }
    }
    let index_error = |source| Error::Index { suite: folder.clone(), source };
    let release = apt::release::release(suite, UtcTime::from(job.when), &listed).map_err(index_error)?.to_string();
    let sign_error = |source| Error::Sign { suite: folder.clone(), source };
    let detached = job.signer.sign_detached_armored(release.as_bytes(), job.when).map_err(sign_error)?;
    let clear = job.signer.sign_cleartext(&release, job.when).map_err(sign_error)?;
    transaction.put(Phase::Release, &folder.join("Release")?, &Content::Bytes(release.as_bytes()))?;
    transaction.put(Phase::Release, &folder.join("Release.gpg")?, &Content::Bytes(detached.as_bytes()))?;
    transaction.put(Phase::Visible, &folder.join("InRelease")?, &Content::Bytes(clear.as_bytes()))?;

    transaction.remove_others(&folder.join(Apt::PACKAGES)?, |name| name.ends_with(Apt::EXTENSION))?;
    for kind in ["SHA256", "SHA512"] {
        transaction.remove_others(&folder.join(&format!("by-hash/{kind}"))?, |_| true)?;
    }
    Ok(laid)
}

fn put_repository(
    transaction: &mut Transaction<'_>,
    repository: &YumRepository,
    root: &Path,
    job: &Job<'_>,
) -> Result<LaidOut, Error> {
    let folder = &repository.path;
    let family = Yum { repository, keys: job.signer.keyring(), now: job.now() };
    let lay_out = LayOut {
        family: &family,
        selection: &repository.packages,
        root,
        caches: job.caches,
        ask_for: &repository.bootstrap.iter().map(|one| one.package.clone()).collect::<Vec<_>>(),
        listener: job.listener,
    };
    let laid = lay_out.run(transaction)?;
    for one in &repository.bootstrap {
        let of_name = laid.asked_for.iter().filter(|(entry, _)| entry.name == one.package);
        let Some((entry, content)) = of_name.max_by(|(a, _), (b, _)| Yum::compare(&a.version, &b.version)) else {
            continue;
        };
        let checksum = Checksum { size: entry.size, sha256: entry.sha256.clone() };
        let content = Content::Copy { source: content, checksum: &checksum };
        transaction.put(Phase::Packages, &folder.join(&one.file_name)?, &content)?;
    }
    let mut indexes = Vec::new();
    let mut contents = Vec::new();
    for (kind, document) in Yum::DOCUMENTS.iter().zip(&laid.documents) {
        for file in &document.files {
            let index = Index { kind, packed: file.digests.checksum(), open: document.open.checksum() };
            contents.push((index.file_name(), file.aside.clone(), index.packed.clone()));
            indexes.push(index);
        }
    }
    let write_error = |source| Error::io("write the index of", Path::new(folder.as_str()))(source);
    let repomd = yum::repomd::write(&indexes, UtcTime::from(job.when)).map_err(write_error)?;
    let signature = job
        .signer
        .sign_detached_armored(repomd.as_bytes(), job.when)
        .map_err(|source| Error::Sign { suite: folder.clone(), source })?;
    let mut files: Vec<(String, Content<'_>)> = contents
        .iter()
        .map(|(name, aside, checksum)| (name.clone(), Content::Aside { file: aside, checksum }))
        .collect();
    files.push(("repomd.xml".to_owned(), Content::Bytes(repomd.as_bytes())));
    files.push(("repomd.xml.asc".to_owned(), Content::Bytes(signature.as_bytes())));
    transaction.put_folder(&folder.join("repodata")?, &files)?;

    transaction.remove_others(&folder.join(Yum::PACKAGES)?, |name| name.ends_with(Yum::EXTENSION))?;
    transaction.remove_others(folder, |name| name.ends_with(Yum::EXTENSION))?;
    Ok(laid)
}

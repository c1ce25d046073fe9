//! Laying out a whole tree.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::SystemTime;

use serde::Serialize;
use signing::{Signer, UtcTime};

use crate::apt::{self, Apt, FileIndexes, Vouched};
use crate::destination::{Content, Destination, Folder};
use crate::index::Family;
use crate::lay_out::{LaidOut, LayOut};
use crate::page::{self, Pages};
use crate::publish::{FileRecord, Phase, Publisher, Transaction, put_release, until_won};
use crate::yum::{self, Index, Yum};
use crate::{
    AptSuite, Checksum, Digests, Error, Event, Front, KeyReport, Listener, Selection, Site, TreePath, YumRepository,
};

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

/// How a tree that nobody else publishes to is laid out.
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

/// Lays out `site` in a folder that is the caller's alone, and signs it; [`publish()`] is for those that have readers.
///
/// Suites that lie in the folder but not in the site are left alone. Memory holds the headers of a few hundred packages at a time, and
/// does not grow with their number.
///
/// # Errors
/// See [`Error`]. Nothing was published then, unless the error came from renaming into place, which the next run
/// completes.
pub fn build(site: &Site, destination: &Path, job: &Job<'_>) -> Result<Summary, Error> {
    let publisher = Publisher { caches: job.caches, ..Publisher::alone(job.signer, job.when) };
    publish(site, &Folder::new(destination), &publisher, job.listener)
}

/// Lays out `site` at a destination and signs it, beside any number of other publishers.
///
/// A repository of the site takes the place of what is there, unless its selection is a change of that: this is then computed
/// anew each time another publisher was quicker.
///
/// # Errors
/// See [`Error`]. Readers see the old state then, whole, or the new one.
pub fn publish(
    site: &Site,
    destination: &dyn Destination,
    publisher: &Publisher<'_>,
    listener: &dyn Listener,
) -> Result<Summary, Error> {
    let count = site.suites.iter().map(|suite| suite.packages.files()).sum::<usize>()
        + site.yum.iter().map(|one| one.packages.files()).sum::<usize>();
    listener.event(&Event::Packages { count });
    until_won(publisher, || {
        let mut transaction = Transaction::begin(destination, publisher, listener)?;
        lay_out(site, destination, &mut transaction, &Context::new(publisher, listener))
            .and_then(|suites| finish(suites, transaction, publisher))
    })
}

/// What all parts of one publication share.
pub(crate) struct Context<'a> {
    pub(crate) signer: &'a dyn Signer,
    pub(crate) when: SystemTime,
    /// When signatures have to be valid: a commit of the future is one of today.
    pub(crate) now: SystemTime,
    pub(crate) caches: Option<&'a Path>,
    pub(crate) listener: &'a dyn Listener,
}

impl<'a> Context<'a> {
    fn new(publisher: &'a Publisher<'_>, listener: &'a dyn Listener) -> Self {
        let when = publisher.when;
        Self { signer: publisher.key, when, now: SystemTime::now().max(when), caches: publisher.caches, listener }
    }
}

fn finish(
    suites: Vec<SuiteSummary>,
    transaction: Transaction<'_>,
    publisher: &Publisher<'_>,
) -> Result<Summary, Error> {
    let now = SystemTime::now().max(publisher.when);
    let keys = publisher.key.keyring().iter().map(|key| KeyReport::of(key, now)).collect();
    Ok(Summary { keys, suites, written: transaction.commit()? })
}

fn lay_out(
    site: &Site,
    destination: &dyn Destination,
    transaction: &mut Transaction<'_>,
    context: &Context<'_>,
) -> Result<Vec<SuiteSummary>, Error> {
    put_key(transaction, context.signer)?;
    let pages = site.front.as_ref().map(|front| Pages { front, signer: context.signer, when: context.when.into() });
    let mut suites = Vec::new();
    for suite in &site.suites {
        let (folder, laid) = (suite.folder()?, put_suite(transaction, suite, destination, context)?);
        if let Some(pages) = &pages {
            pages.put_repository(transaction, &folder, page::Kind::Apt, &laid.rows)?;
        }
        suites.push(summary(&folder, &laid));
    }
    for repository in &site.yum {
        let laid = put_repository(transaction, repository, destination, context)?;
        if let Some(pages) = &pages {
            pages.put_repository(transaction, &repository.path, page::Kind::Yum, &laid.rows)?;
        }
        suites.push(summary(&repository.path, &laid));
    }
    if let Some(pages) = &pages {
        pages.put_root(transaction, &present(pages.front, &suites, destination)?)?;
    }
    Ok(suites)
}

/// What the tree has when all is published: this site's, and what lies there already and has commands.
fn present(front: &Front, suites: &[SuiteSummary], destination: &dyn Destination) -> Result<BTreeSet<TreePath>, Error> {
    let mut present: BTreeSet<TreePath> = suites.iter().map(|suite| suite.path.clone()).collect();
    for repository in front.systems.iter().map(|system| &system.repository) {
        for entry in ["InRelease", "repodata/repomd.xml"] {
            if !present.contains(repository) && destination.stat(&repository.join(entry)?)?.is_some() {
                present.insert(repository.clone());
            }
        }
    }
    Ok(present)
}

fn summary<Sum>(path: &TreePath, laid: &LaidOut<Sum>) -> SuiteSummary {
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
    destination: &dyn Destination,
    context: &Context<'_>,
) -> Result<LaidOut<Digests>, Error> {
    let folder = suite.folder()?;
    let family = Apt { suite, keys: context.signer.keyring(), now: context.now };
    let vouched = vouched(transaction, &suite.packages, &family, destination)?;
    let lay_out = LayOut {
        family: &family,
        selection: &suite.packages,
        vouched: vouched.as_ref(),
        destination,
        caches: context.caches,
        ask_for: &[],
        listener: context.listener,
    };
    let mut beside = begin_beside(transaction, suite, destination, vouched.as_ref(), context)?;
    let laid = lay_out.run(transaction, &mut beside)?;
    let beside = beside.finish()?;
    let documents = Apt::DOCUMENTS.iter().copied().zip(&laid.documents);
    let documents = documents.chain(beside.iter().map(|(name, document)| (name.as_str(), document)));
    let listed = put_indexes(transaction, &folder, documents)?;
    let index_error = |source| Error::Index { suite: folder.clone(), source };
    let release = apt::release::release(suite, UtcTime::from(context.when), &listed).map_err(index_error)?.to_string();
    put_release(transaction, &folder, &release, context.signer, context.when)?;

    transaction.remove_others(&folder.join(Apt::PACKAGES)?, |name| name.ends_with(Apt::EXTENSION))?;
    transaction.remove_others(&folder, apt::is_index)?;
    for kind in ["SHA256", "SHA512"] {
        transaction.remove_others(&folder.join(&format!("by-hash/{kind}"))?, |_| true)?;
    }
    Ok(laid)
}

/// Each form of each index under its name and its digests; gives what `Release` lists.
fn put_indexes<'d>(
    transaction: &mut Transaction<'_>,
    folder: &TreePath,
    documents: impl Iterator<Item = (&'d str, &'d apt::Document)>,
) -> Result<Vec<(String, Digests)>, Error> {
    let mut listed = Vec::new();
    let mut put = BTreeSet::new();
    for (name, document) in documents {
        for file in &document.files {
            let (name, digests) = (format!("{name}{}", file.suffix), &file.digests);
            let content = Content::Aside { file: &file.aside, checksum: &digests.checksum() };
            for (kind, digest) in [("SHA256", digests.sha256.as_str()), ("SHA512", digests.sha512.as_str())] {
                // Two indexes may say the same: those of architectures whose packages are for all.
                let path = folder.join(&format!("by-hash/{kind}/{digest}"))?;
                if put.insert(path.clone()) {
                    transaction.put(Phase::ByHash, &path, &content)?;
                }
            }
            transaction.put(Phase::Indexes, &folder.join(&name)?, &content)?;
            listed.push((name, digests.clone()));
        }
    }
    Ok(listed)
}

/// What vouches for the state that a change rests on: what is published now. Should that be another state by then, the commit fails.
fn vouched<F: Family>(
    transaction: &mut Transaction<'_>,
    selection: &Selection,
    family: &F,
    destination: &dyn Destination,
) -> Result<Option<F::Vouched>, Error> {
    let entry_point = match selection {
        Selection::Change(_) => transaction.published(&family.folder()?)?.entry,
        Selection::Exactly(_) | Selection::InPlace => None,
    };
    entry_point.map(|entry_point| family.vouched(destination, &entry_point.bytes)).transpose()
}

/// The indexes beside `Packages`. A change begins with what is published of them.
fn begin_beside<'d>(
    transaction: &Transaction<'_>,
    suite: &AptSuite,
    destination: &'d dyn Destination,
    vouched: Option<&'d Vouched>,
    context: &Context<'_>,
) -> Result<FileIndexes<'d>, Error> {
    let folder = suite.folder()?;
    let workspace = folder.join("documents")?.under(&transaction.workspace());
    let caches = context.caches.map(|caches| folder.under(caches));
    FileIndexes::begin(suite, destination, vouched, workspace, caches)
}

fn put_repository(
    transaction: &mut Transaction<'_>,
    repository: &YumRepository,
    destination: &dyn Destination,
    context: &Context<'_>,
) -> Result<LaidOut<Checksum>, Error> {
    let folder = &repository.path;
    let family = Yum { repository, keys: context.signer.keyring(), now: context.now };
    let vouched = vouched(transaction, &repository.packages, &family, destination)?;
    let lay_out = LayOut {
        family: &family,
        selection: &repository.packages,
        vouched: vouched.as_ref(),
        destination,
        caches: context.caches,
        ask_for: &repository.bootstrap.iter().map(|one| one.package.clone()).collect::<Vec<_>>(),
        listener: context.listener,
    };
    let laid = lay_out.run(transaction, &mut ())?;
    for one in &repository.bootstrap {
        let of_name = laid.asked_for.iter().filter(|(entry, _)| entry.name == one.package);
        let Some((entry, content)) = of_name.max_by(|(a, _), (b, _)| Yum::compare(&a.version, &b.version)) else {
            continue;
        };
        let path = folder.join(&one.file_name)?;
        let checksum = Checksum { size: entry.size, sha256: entry.sha256.clone() };
        match content {
            Some(source) => {
                transaction.put(Phase::Packages, &path, &Content::Copy { source, checksum: &checksum })?;
            }
            // Published, as its package is.
            None => transaction.retain(&FileRecord { path, size: checksum.size, sha256: checksum.sha256 })?,
        }
    }
    let mut indexes = Vec::new();
    let mut contents = Vec::new();
    for (kind, document) in Yum::DOCUMENTS.iter().zip(&laid.documents) {
        for file in &document.files {
            let index = Index { kind, packed: file.digests.clone(), open: document.open.clone() };
            contents.push((index.file_name(), file.aside.clone(), index.packed.clone()));
            indexes.push(index);
        }
    }
    let write_error = |source| Error::io("write the index of", Path::new(folder.as_str()))(source);
    let repomd = yum::repomd::write(&indexes, UtcTime::from(context.when)).map_err(write_error)?;
    let signature = context
        .signer
        .sign_detached_armored(repomd.as_bytes(), context.when)
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

//! Laying out one repository: its packages are read or known, put aside, and written into its documents.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use crate::destination::{Content, Destination, make_parent};
use crate::digest::Sums;
use crate::index::{Beside, Document, Entry, EntryCache, Family, IndexWriter, Known, Remembered, Stamp};
use crate::page::Rows;
use crate::publish::{FileRecord, Phase, Transaction};
use crate::selection::Selection;
use crate::sequence::{Item, Origin, Sequence};
use crate::{Checksum, Error, Event, Listener, TreePath, pool};

/// Packages that are looked at together: enough to keep all cores busy, few enough to hold in memory.
const WINDOW: usize = 256;

/// What a family's indexes list of each document.
type Sum<F> = <<F as Family>::Sums as Sums>::Sum;

/// Where a package lies, and what the transaction has to do with it.
#[derive(Debug)]
enum Lies {
    /// In its place, as the present state has it; a file of this machine in a folder only.
    Published(Option<PathBuf>),
    /// In its place in a folder, as was seen just now.
    InPlace(PathBuf),
    /// Written aside, to be put into its place.
    Aside(PathBuf),
    /// Elsewhere on this machine, to be sent.
    Elsewhere(PathBuf),
}

impl Lies {
    /// Where it can be read on this machine, if anywhere.
    fn into_path(self) -> Option<PathBuf> {
        match self {
            Self::Published(path) => path,
            Self::InPlace(path) | Self::Aside(path) | Self::Elsewhere(path) => Some(path),
        }
    }
}

/// What one repository will be.
#[derive(Debug)]
pub(crate) struct LaidOut<Sum> {
    /// Its documents, in the order of [`Family::DOCUMENTS`].
    pub(crate) documents: Vec<Document<Sum>>,
    /// Its packages, as a page shows them.
    pub(crate) rows: Rows,
    /// How many packages were read, as opposed to known.
    pub(crate) read: usize,
    /// Entries of packages by the names that were asked for, with their files where this machine has them.
    pub(crate) asked_for: Vec<(Entry, Option<PathBuf>)>,
}

/// One repository on its way.
pub(crate) struct LayOut<'a, F: Family> {
    /// What it is.
    pub(crate) family: &'a F,
    /// Which packages it shall have.
    pub(crate) selection: &'a Selection,
    /// What vouches for the present state, where a change rests on it.
    pub(crate) vouched: Option<&'a F::Vouched>,
    /// Where the tree goes.
    pub(crate) destination: &'a dyn Destination,
    /// Where caches are kept, if anywhere.
    pub(crate) caches: Option<&'a Path>,
    /// Names of packages whose files are asked for.
    pub(crate) ask_for: &'a [String],
    /// Is told of each package that was read.
    pub(crate) listener: &'a dyn Listener,
}

/// A package that was looked at.
struct Seen {
    entry: Entry,
    lies: Lies,
    /// What the cache is to keep, unless it has it: the file that this came from, and the one that it becomes.
    news: Option<(Stamp, Option<Stamp>)>,
    was_read: bool,
}

impl<F: Family> LayOut<'_, F> {
    /// Reads, puts aside and indexes everything. No reader sees anything of it before the transaction is committed.
    /// What else is made of the packages, `beside` is shown.
    pub(crate) fn run(
        &self,
        transaction: &mut Transaction<'_>,
        beside: &mut impl Beside,
    ) -> Result<LaidOut<Sum<F>>, Error> {
        let folder = self.family.folder()?;
        let packages_folder = folder.join(F::PACKAGES)?;
        let workspace = transaction.workspace();
        let mut sequence = Sequence::of(self.selection, self.family, self.destination, self.vouched, &workspace)?;
        beside.begin(&sequence.gone);
        let cache_of = |name: &str| self.caches.map(|caches| folder.under(caches).join(name));
        let mut known = EntryCache::open(cache_of("entries").as_deref());
        let mut writers = self.begin_documents(transaction, &folder, sequence.count)?;
        let mut laid = LaidOut { documents: Vec::new(), rows: Rows::default(), read: 0, asked_for: Vec::new() };
        loop {
            let mut window = Vec::new();
            while window.len() < WINDOW
                && let Some(item) = sequence.next()?
            {
                let remembered = known.take(&item.file_name);
                window.push((item, remembered));
            }
            if window.is_empty() {
                break;
            }
            let seen = {
                let (transaction, beside) = (&*transaction, &*beside);
                pool::on_all_cores(&window, |(item, remembered)| {
                    let at = packages_folder.join(&item.file_name)?;
                    let seen = self.look_at(item, remembered.as_ref(), &at, transaction, beside)?;
                    if matches!(item.origin, Origin::File(_)) {
                        self.listener.event(&Event::PackageRead);
                    }
                    Ok::<_, Error>(seen)
                })?
            };
            self.write(&seen, &mut writers)?;
            for (seen, (item, remembered)) in seen.into_iter().zip(window) {
                self.check_order(&seen.entry, &item, &sequence, &folder)?;
                let at = packages_folder.join(&item.file_name)?;
                self.put(&seen, at, transaction)?;
                beside.package(&seen.entry)?;
                laid.rows.push(&seen.entry, F::PACKAGES);
                laid.read += usize::from(seen.was_read);
                if self.ask_for.contains(&seen.entry.name) {
                    laid.asked_for.push((seen.entry.clone(), seen.lies.into_path()));
                }
                self.remember(&mut known, seen.entry, seen.news, remembered.as_ref());
            }
        }
        laid.documents = self.end_documents(writers)?;
        known.finish();
        Ok(laid)
    }

    fn begin_documents(
        &self,
        transaction: &Transaction<'_>,
        folder: &TreePath,
        count: usize,
    ) -> Result<Vec<IndexWriter<F::Sums>>, Error> {
        let begin = |(number, name): (usize, &&str)| {
            let aside = folder.join(&format!("documents/{name}"))?.under(&transaction.workspace());
            let cache = self.caches.map(|caches| folder.under(caches).join(name));
            let mut writer = IndexWriter::begin(&aside, F::FORMS, cache.as_deref())?;
            writer.frame(&self.family.head(number, count));
            Ok(writer)
        };
        F::DOCUMENTS.iter().enumerate().map(begin).collect()
    }

    /// Writes a window of packages into every document, each on its own.
    fn write(&self, window: &[Seen], writers: &mut [IndexWriter<F::Sums>]) -> Result<(), Error> {
        pool::each_of_few(writers, |document, writer| {
            let mut packages = window.iter().map(|seen| &seen.entry);
            packages
                .try_for_each(|entry| writer.package(&entry.file_name, |out| self.family.text(document, entry, out)))
        })
    }

    fn end_documents(&self, writers: Vec<IndexWriter<F::Sums>>) -> Result<Vec<Document<Sum<F>>>, Error> {
        let end = |(number, mut writer): (usize, IndexWriter<F::Sums>)| {
            writer.frame(&self.family.tail(number));
            writer.finish()
        };
        writers.into_iter().enumerate().map(end).collect()
    }

    /// Hands a package to the transaction.
    fn put(&self, seen: &Seen, at: TreePath, transaction: &mut Transaction<'_>) -> Result<(), Error> {
        let file = FileRecord { path: at, size: seen.entry.size, sha256: seen.entry.sha256.clone() };
        match &seen.lies {
            Lies::Published(_) => transaction.retain(&file),
            Lies::InPlace(_) => transaction.keep(&file),
            Lies::Aside(_) => transaction.admit(Phase::Packages, &file),
            Lies::Elsewhere(source) => {
                let checksum = Checksum { size: file.size, sha256: file.sha256 };
                transaction.put(Phase::Packages, &file.path, &Content::Copy { source, checksum: &checksum })
            }
        }
    }

    /// One package: known or read, in its place or put aside.
    fn look_at(
        &self,
        item: &Item,
        remembered: Option<&Remembered>,
        at: &TreePath,
        transaction: &Transaction<'_>,
        beside: &impl Beside,
    ) -> Result<Seen, Error> {
        let seen = match &item.origin {
            Origin::Published(entry) => {
                let path = transaction.folder().map(|folder| at.under(folder.root()));
                let mut entry = Entry::clone(entry);
                beside.complete(&mut entry, remembered, at)?;
                Seen { entry, lies: Lies::Published(path), news: None, was_read: false }
            }
            Origin::File(path) => self.look_at_file(path, remembered, at, transaction)?,
        };
        for twin in &item.twins {
            let file = pool::open_regular(twin)?;
            if Checksum::read(file).map_err(Error::io("read", twin))?.sha256 != seen.entry.sha256 {
                let first = match &item.origin {
                    Origin::File(path) => path.clone(),
                    Origin::Published(_) => PathBuf::from(at.as_str()),
                };
                return Err(Error::Twins { first, second: twin.clone() });
            }
        }
        Ok(seen)
    }

    fn look_at_file(
        &self,
        path: &Path,
        remembered: Option<&Remembered>,
        at: &TreePath,
        transaction: &Transaction<'_>,
    ) -> Result<Seen, Error> {
        let source = Stamp::of(path).ok_or_else(|| Error::not_regular(path))?;
        let circumstances = self.family.circumstances();
        let known = remembered.and_then(Remembered::known);
        let known = known.filter(|known| known.source == source && known.circumstances == circumstances);
        let was_read = known.is_none();
        let (entry, placed_before) = match known {
            Some(known) => (known.entry, known.placed),
            None => (self.family.read(path)?, None),
        };
        self.family.check(&entry, path)?;
        let seen = |entry, lies, placed: Option<Stamp>| {
            let is_news = was_read || placed != placed_before;
            Seen { entry, lies, news: is_news.then_some((source, placed)), was_read }
        };
        let Some(folder) = transaction.folder() else {
            return Ok(seen(entry, Lies::Elsewhere(path.to_owned()), None));
        };
        let target = at.under(folder.root());
        let now = if target == path { Some(source) } else { Stamp::of(&target) }.map(Stamp::across_rename);
        let same_file = now.is_some() && now == Some(source.across_rename());
        let as_placed = now.is_some() && now == placed_before;
        if same_file || as_placed || holds(&target, &entry) {
            return Ok(seen(entry, Lies::InPlace(target), now));
        }
        let aside = at.under(&transaction.workspace());
        copy(path, &aside)?;
        let placed = Stamp::of(&aside).map(Stamp::across_rename);
        if Stamp::of(path) != Some(source) {
            return Err(Error::Changed { path: path.to_owned() });
        }
        Ok(seen(entry, Lies::Aside(aside), placed))
    }

    /// A package that is added must not be older than what is published of it.
    fn check_order(&self, entry: &Entry, item: &Item, sequence: &Sequence<'_>, suite: &TreePath) -> Result<(), Error> {
        let Origin::File(path) = &item.origin else { return Ok(()) };
        let newest = sequence.newest.get(&(entry.name.clone(), entry.architecture.clone()));
        match newest.filter(|newest| F::compare(&entry.version, newest).is_lt()) {
            None => Ok(()),
            Some(newest) => Err(Error::Older {
                path: path.clone(),
                name: entry.name.clone(),
                published: newest.clone(),
                suite: suite.clone(),
            }),
        }
    }

    /// Keeps what was read for the next run; what was published and not looked at stays known as it was.
    fn remember(
        &self,
        cache: &mut EntryCache,
        entry: Entry,
        news: Option<(Stamp, Option<Stamp>)>,
        remembered: Option<&Remembered>,
    ) {
        match (news, remembered) {
            (Some((source, placed)), _) => {
                cache.keep(&Known { source, placed, circumstances: self.family.circumstances(), entry });
            }
            (None, Some(remembered)) => cache.keep_as_it_was(remembered),
            (None, None) => {}
        }
    }
}

fn copy(source: &Path, aside: &Path) -> Result<(), Error> {
    make_parent(aside)?;
    let mut from = pool::open_regular(source)?;
    let mut to = File::create(aside).map_err(Error::io("write", aside))?;
    io::copy(&mut from, &mut to).map_err(Error::io("write", aside))?;
    Ok(())
}

/// Whether a file holds just this package; any trouble in reading it means that it has to be written.
fn holds(target: &Path, entry: &Entry) -> bool {
    let same_size = std::fs::symlink_metadata(target).is_ok_and(|found| found.is_file() && found.len() == entry.size);
    same_size && File::open(target).and_then(Checksum::read).is_ok_and(|found| found.sha256 == entry.sha256)
}

//! What a suite has beside `Packages`: the files of its packages, and their descriptions.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::Document;
use super::contents::{self, Contents};
use super::package;
use super::translation::{self, Translation};
use super::vouched::Vouched;
use crate::destination::Destination;
use crate::index::{Beside, Entry, Remembered};
use crate::{AptSuite, Error, TreePath};

/// These indexes on their way.
pub(crate) struct FileIndexes<'a> {
    destination: &'a dyn Destination,
    /// What a change rests on.
    published: Option<&'a Vouched>,
    /// Where they are written.
    workspace: PathBuf,
    /// Where caches are kept, if anywhere.
    caches: Option<PathBuf>,
    contents: Vec<(String, Contents)>,
    translation: Option<Translation>,
    gone: BTreeSet<String>,
}

impl<'a> FileIndexes<'a> {
    /// Begins those that the suite shall have, for a change of what `published` vouches for, or from nothing.
    pub(crate) fn begin(
        suite: &AptSuite,
        destination: &'a dyn Destination,
        published: Option<&'a Vouched>,
        workspace: PathBuf,
        caches: Option<PathBuf>,
    ) -> Result<Self, Error> {
        let architectures: BTreeSet<&String> = suite.architectures.iter().collect();
        let mut contents = Vec::new();
        for architecture in architectures.into_iter().filter(|_| suite.contents) {
            let name = contents::name(architecture);
            let is_published = published.is_some_and(|vouched| vouched.lists(&name));
            contents.push((name, Contents::begin(architecture, is_published, &workspace)));
        }
        let cache = caches.as_ref().map(|caches| caches.join(translation::NAME));
        let begin = || Translation::begin(&workspace.join(translation::NAME), cache.as_deref());
        let translation = suite.contents.then(begin).transpose()?;
        Ok(Self { destination, published, workspace, caches, contents, translation, gone: BTreeSet::new() })
    }

    /// Gives the indexes with their names.
    pub(crate) fn finish(self) -> Result<Vec<(String, Document)>, Error> {
        let mut all = Vec::new();
        for (name, contents) in self.contents {
            let cache = self.caches.as_ref().map(|caches| caches.join(&name));
            let published = self.published.map(|vouched| vouched.open(self.destination, &name));
            let (published, gone) = (published.transpose()?.flatten(), self.gone.clone());
            let document = contents.finish(&self.workspace.join(&name), cache.as_deref(), published, gone)?;
            all.push((name, document));
        }
        if let Some(translation) = self.translation {
            all.push((translation::NAME.to_owned(), translation.finish()?));
        }
        Ok(all)
    }
}

impl Beside for FileIndexes<'_> {
    fn begin(&mut self, gone: &BTreeSet<String>) {
        self.gone.clone_from(gone);
    }

    /// Its files are asked for where the published index does not tell them. What an earlier run has read of it is as good as the
    /// package.
    fn complete(&self, entry: &mut Entry, remembered: Option<&Remembered>, at: &TreePath) -> Result<(), Error> {
        let told = self.contents.iter().all(|(_, contents)| contents.knows(entry));
        if self.contents.is_empty() || (told && !self.gone.contains(&entry.name)) {
            return Ok(());
        }
        let known = remembered.and_then(Remembered::known).map(|known| known.entry);
        let same = known.as_ref().filter(|known| known.sha256 == entry.sha256);
        let files = match same.and_then(contents::files_of) {
            Some(files) => files.to_owned(),
            None => self.files_of_published(entry, at)?,
        };
        entry.parts.push(files);
        Ok(())
    }

    fn package(&mut self, entry: &Entry) -> Result<(), Error> {
        self.contents.iter_mut().try_for_each(|(_, contents)| contents.package(entry))?;
        self.translation.as_mut().map_or(Ok(()), |translation| translation.package(entry))
    }
}

impl FileIndexes<'_> {
    fn files_of_published(&self, entry: &Entry, at: &TreePath) -> Result<String, Error> {
        let file = self.destination.open(at)?.ok_or_else(|| Error::Gone { path: at.clone() })?;
        let (_, files, digests) = package::read_stream(file, Path::new(at.as_str()), true)?;
        files.filter(|_| digests.sha256 == entry.sha256).ok_or_else(|| Error::Published {
            path: at.clone(),
            why: "it is not the package that Packages lists".to_owned(),
        })
    }
}

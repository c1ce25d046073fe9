//! Where repositories are, and who publishes them.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::Result;
use repo_layout::destination::{self, Destination, Folder};
use repo_layout::{Event, Listener, Listing, Publisher, Site, Summary};
use signing::Signer;

use crate::cli::{KeyArgs, ReadTarget, WriteTarget};
use crate::keys;
use crate::report::Step;
use crate::session::Session;

/// A place, and what signs there.
pub struct Target {
    /// The place.
    pub destination: Box<dyn Destination>,
    /// What signs; for a place that is only looked at, whose signatures count.
    pub signer: Box<dyn Signer>,
    terms: Terms,
}

/// How to publish there.
enum Terms {
    /// The place is ours alone: nothing old stays.
    Alone,
    /// Others publish and read there.
    Shared { publisher: Option<String>, wait: Duration, replace: bool },
}

impl Target {
    /// A tree that only this checkout writes to.
    pub fn alone(folder: &Path, key: &KeyArgs, session: &Session) -> Result<Self> {
        let destination = Box::new(Folder::new(folder));
        Ok(Self { destination, signer: keys::load(key, session)?, terms: Terms::Alone })
    }

    /// What the command line names.
    pub fn to_write(args: &WriteTarget, session: &Session) -> Result<Self> {
        let Some(address) = &args.to else {
            return Self::alone(&default_folder(session), &args.key, session);
        };
        let wait = Duration::from_secs(args.wait);
        let terms = Terms::Shared { publisher: args.publisher.clone(), wait, replace: args.replace };
        Ok(Self { destination: destination::open(address)?, signer: keys::load(&args.key, session)?, terms })
    }

    /// What the command line names.
    pub fn to_read(args: &ReadTarget, session: &Session) -> Result<Self> {
        let destination = match &args.at {
            Some(address) => destination::open(address)?,
            None => Box::new(Folder::new(default_folder(session))),
        };
        Ok(Self { destination, signer: keys::load_any(&args.key, session)?, terms: Terms::Alone })
    }

    /// How people write the place.
    pub fn name(&self, session: &Session) -> String {
        self.destination.as_folder().map_or_else(|| self.destination.name(), |folder| session.shown(folder.root()))
    }

    /// Who publishes, and how.
    pub fn publisher<'a>(&'a self, caches: &'a Path, when: SystemTime) -> Publisher<'a> {
        let caches = Some(caches);
        match &self.terms {
            Terms::Alone => Publisher { caches, ..Publisher::alone(self.signer.as_ref(), when) },
            Terms::Shared { publisher, wait, replace } => {
                let usual = Publisher::new(self.signer.as_ref(), when);
                let name = publisher.clone().unwrap_or_else(|| usual.name.clone());
                Publisher { name, wait: *wait, replace: *replace, caches, ..usual }
            }
        }
    }

    /// Puts what a site says into place.
    pub fn publish(&self, site: &Site, what: &str, session: &Session) -> Result<Summary> {
        let count = site.suites.iter().map(|suite| suite.packages.files()).sum::<usize>()
            + site.yum.iter().map(|one| one.packages.files()).sum::<usize>();
        let step = Reading(session.progress.counted(what, count));
        let caches = caches(session);
        let publisher = self.publisher(&caches, session.epoch_time()?);
        let summary = repo_layout::publish(site, self.destination.as_ref(), &publisher, &step)?;
        step.0.done();
        Ok(summary)
    }

    /// What the signed indexes of a site's repositories list.
    pub fn listings(&self, site: &Site, session: &Session) -> Result<Vec<Listing>> {
        let now = SystemTime::now().max(session.epoch_time()?);
        Ok(repo_layout::listings(site, self.destination.as_ref(), self.signer.keyring(), now)?)
    }
}

/// Where repositories are laid out when nothing is named.
fn default_folder(session: &Session) -> PathBuf {
    session.folder(None, "repo")
}

/// Where the reading of packages and the compressing of indexes is kept for the next run.
pub fn caches(session: &Session) -> PathBuf {
    session.target.join("repo-cache")
}

/// Moves a bar for each package that was read.
struct Reading(Step);

impl Listener for Reading {
    fn event(&self, event: &Event<'_>) {
        if *event == Event::PackageRead {
            self.0.advance();
        }
    }
}

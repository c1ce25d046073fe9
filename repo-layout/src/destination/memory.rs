//! A destination in memory, for tests: with a clock of its own, and a place where a test can step in before each request.

use std::collections::BTreeMap;
use std::io::{Cursor, Read};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::{Condition, Content, Destination, Listed, Stat, Tag, Versioned};
use crate::{Error, Sha256Hex, TreePath};

/// One file.
#[derive(Debug, Clone)]
struct Stored {
    bytes: Vec<u8>,
    modified: SystemTime,
}

/// The files, and the time.
#[derive(Debug, Clone, Default)]
struct State {
    files: BTreeMap<TreePath, Stored>,
    clock: Duration,
}

/// Is asked before each request, by its name: a test may wait there, or end the publisher.
pub(crate) type Before<'a> = &'a (dyn Fn(&str) -> Result<(), Error> + Sync);

/// The files of all publishers.
#[derive(Default)]
pub(crate) struct Memory {
    state: Mutex<State>,
}

impl Memory {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets time pass.
    pub(crate) fn wait(&self, time: Duration) {
        self.state().clock += time;
    }

    /// Every file.
    pub(crate) fn files(&self) -> BTreeMap<TreePath, Vec<u8>> {
        self.state().files.iter().map(|(path, stored)| (path.clone(), stored.bytes.clone())).collect()
    }

    /// As one publisher sees it.
    pub(crate) fn seen_by<'a>(&'a self, before: Before<'a>) -> Seen<'a> {
        Seen { memory: self, before }
    }
}

/// A [`Memory`] with a step before each request.
pub(crate) struct Seen<'a> {
    memory: &'a Memory,
    before: Before<'a>,
}

/// As object storage does it, where equal bytes have equal tags.
fn tag(bytes: &[u8]) -> Tag {
    Tag { e_tag: Some(Sha256Hex::of(bytes).as_str().to_owned()), version: None }
}

impl Destination for Memory {
    fn name(&self) -> String {
        "memory".to_owned()
    }

    fn now(&self) -> Result<SystemTime, Error> {
        Ok(UNIX_EPOCH + Duration::from_secs(1_790_000_000) + self.state().clock)
    }

    fn read(&self, path: &TreePath) -> Result<Option<Versioned>, Error> {
        let bytes = self.state().files.get(path).map(|stored| stored.bytes.clone());
        Ok(bytes.map(|bytes| Versioned { tag: tag(&bytes), bytes }))
    }

    fn open(&self, path: &TreePath) -> Result<Option<Box<dyn Read + Send>>, Error> {
        Ok(self.read(path)?.map(|found| Box::new(Cursor::new(found.bytes)) as Box<dyn Read + Send>))
    }

    fn stat(&self, path: &TreePath) -> Result<Option<Stat>, Error> {
        Ok(self.state().files.get(path).map(|stored| Stat {
            size: stored.bytes.len() as u64,
            sha256: Some(Sha256Hex::of(&stored.bytes)),
            modified: stored.modified,
        }))
    }

    fn each(&self, folder: &TreePath, show: &mut dyn FnMut(Listed) -> Result<(), Error>) -> Result<(), Error> {
        let below = format!("{folder}/");
        let files = self.state().files.clone();
        for (path, stored) in files.into_iter().filter(|(path, _)| path.as_str().starts_with(&below)) {
            show(Listed { path, size: stored.bytes.len() as u64, modified: stored.modified })?;
        }
        Ok(())
    }

    fn put(&self, path: &TreePath, content: &Content<'_>, condition: &Condition) -> Result<Option<Tag>, Error> {
        let bytes = match content {
            Content::Bytes(bytes) => bytes.to_vec(),
            Content::Copy { source, .. } | Content::Aside { file: source, .. } => {
                std::fs::read(source).map_err(Error::io("read", source))?
            }
        };
        let modified = self.now()?;
        let mut state = self.state();
        let found = state.files.get(path).map(|stored| tag(&stored.bytes));
        let holds = match condition {
            Condition::Always => true,
            Condition::Absent => found.is_none(),
            Condition::Unchanged(expected) => found.as_ref() == Some(expected),
        };
        if !holds {
            return Ok(None);
        }
        let new = tag(&bytes);
        state.files.insert(path.clone(), Stored { bytes, modified });
        Ok(Some(new))
    }

    fn copy(&self, from: &TreePath, to: &TreePath) -> Result<(), Error> {
        let modified = self.now()?;
        let mut state = self.state();
        let Some(bytes) = state.files.get(from).map(|stored| stored.bytes.clone()) else {
            let source = std::io::Error::from(std::io::ErrorKind::NotFound);
            return Err(Error::io("copy", std::path::Path::new(from.as_str()))(source));
        };
        state.files.insert(to.clone(), Stored { bytes, modified });
        Ok(())
    }

    fn remove(&self, path: &TreePath) -> Result<(), Error> {
        self.state().files.remove(path);
        Ok(())
    }
}

impl Destination for Seen<'_> {
    fn name(&self) -> String {
        self.memory.name()
    }

    fn now(&self) -> Result<SystemTime, Error> {
        self.memory.now()
    }

    fn read(&self, path: &TreePath) -> Result<Option<Versioned>, Error> {
        (self.before)(&format!("read {path}"))?;
        self.memory.read(path)
    }

    fn open(&self, path: &TreePath) -> Result<Option<Box<dyn Read + Send>>, Error> {
        (self.before)(&format!("open {path}"))?;
        self.memory.open(path)
    }

    fn stat(&self, path: &TreePath) -> Result<Option<Stat>, Error> {
        (self.before)(&format!("stat {path}"))?;
        self.memory.stat(path)
    }

    fn each(&self, folder: &TreePath, show: &mut dyn FnMut(Listed) -> Result<(), Error>) -> Result<(), Error> {
        (self.before)(&format!("list {folder}"))?;
        self.memory.each(folder, show)
    }

    fn put(&self, path: &TreePath, content: &Content<'_>, condition: &Condition) -> Result<Option<Tag>, Error> {
        (self.before)(&format!("put {path}"))?;
        self.memory.put(path, content, condition)
    }

    fn copy(&self, from: &TreePath, to: &TreePath) -> Result<(), Error> {
        (self.before)(&format!("copy {from}"))?;
        self.memory.copy(from, to)
    }

    fn remove(&self, path: &TreePath) -> Result<(), Error> {
        (self.before)(&format!("remove {path}"))?;
        self.memory.remove(path)
    }
}

/// What every destination promises, whatever it is.
pub(crate) fn behaves(destination: &dyn Destination) {
    let path = |text: &str| TreePath::new(text).unwrap();
    let put = |name: &str, text: &'static str, condition: &Condition| {
        destination.put(&path(name), &Content::Bytes(text.as_bytes()), condition).unwrap()
    };
    let text = |name: &str| destination.read(&path(name)).unwrap().map(|found| String::from_utf8(found.bytes).unwrap());
    assert_eq!(text("a/one"), None);
    assert_eq!(destination.stat(&path("a/one")).unwrap(), None);
    assert!(destination.open(&path("a/one")).unwrap().is_none());
    assert_eq!(destination.list(&path("a")).unwrap(), []);

    let first = put("a/one", "1", &Condition::Absent).unwrap();
    assert_eq!(put("a/one", "2", &Condition::Absent), None, "there is one");
    let second = put("a/one", "22", &Condition::Unchanged(first.clone())).unwrap();
    assert_eq!(put("a/one", "3", &Condition::Unchanged(first)), None, "it is another one by now");
    assert_eq!(text("a/one").as_deref(), Some("22"));
    assert_eq!(destination.read(&path("a/one")).unwrap().unwrap().tag, second);
    assert_eq!(destination.stat(&path("a/one")).unwrap().unwrap().size, 2);
    assert_eq!(put("a/none", "1", &Condition::Unchanged(second)), None, "there is none");

    put("a/b+c~d/two", "x", &Condition::Always).unwrap();
    put("ab/three", "x", &Condition::Always).unwrap();
    let listed: Vec<_> =
        destination.list(&path("a")).unwrap().into_iter().map(|one| (one.path.to_string(), one.size)).collect();
    assert_eq!(listed, [("a/b+c~d/two".to_owned(), 1), ("a/one".to_owned(), 2)]);

    destination.copy(&path("a/one"), &path("a/copy")).unwrap();
    let mut copied = String::new();
    destination.open(&path("a/copy")).unwrap().unwrap().read_to_string(&mut copied).unwrap();
    assert_eq!(copied, "22");
    assert!(destination.copy(&path("a/none"), &path("a/copy")).is_err());

    destination.remove(&path("a/copy")).unwrap();
    destination.remove(&path("a/copy")).unwrap();
    assert_eq!(text("a/copy"), None);
}

#[test]
fn memory_does_what_every_destination_does() {
    behaves(&Memory::default());
}

//! What is finished: a JSON file that is replaced whole, under a lock.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use serde::{Deserialize, Serialize};

use super::Facts;

const SCHEMA: u32 = 1;

/// The record of one folder of work. Held by one run at a time.
pub struct Journal {
    path: PathBuf,
    content: Content,
    lock: File,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    schema: u32,
    steps: BTreeMap<String, Finished>,
}

/// A step that was finished.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Finished {
    /// What it was made from.
    pub inputs: Facts,
    /// What it left behind.
    pub outputs: Facts,
    /// What it said.
    pub remark: String,
}

impl Journal {
    /// Opens the journal of a folder, which is made if it is not there.
    ///
    /// # Errors
    /// When another run holds it, or when it is damaged: it is never guessed what was finished.
    pub fn open(folder: &Path) -> Result<Self> {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let lock_path = folder.join(".lock");
        let lock = File::create(&lock_path).with_context(|| format!("cannot write {}", lock_path.display()))?;
        if lock.try_lock().is_err() {
            bail!("another run works in {}; wait until it is done", folder.display());
        }
        let path = folder.join("state.json");
        let content = match fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .with_context(|| format!("{} is damaged; remove it, and every step is done again", path.display()))?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                Content { schema: SCHEMA, steps: BTreeMap::new() }
            }
            Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
        };
        if content.schema != SCHEMA {
            bail!("{} is of another version of this program; remove it, and every step is done again", path.display());
        }
        Ok(Self { path, content, lock })
    }

    /// What a step has left, if it was ever finished.
    pub fn of(&self, step: &str) -> Option<&Finished> {
        self.content.steps.get(step)
    }

    /// From now on the step counts as finished.
    ///
    /// # Errors
    /// When the file cannot be written; it is the old one then.
    pub fn finish(&mut self, step: &str, finished: Finished) -> Result<()> {
        self.content.steps.insert(step.to_owned(), finished);
        self.write()
    }

    /// The step does not count as finished any more: it is about to be run again.
    ///
    /// # Errors
    /// As [`Journal::finish`].
    pub fn forget(&mut self, step: &str) -> Result<()> {
        match self.content.steps.remove(step) {
            Some(_) => self.write(),
            None => Ok(()),
        }
    }

    fn write(&self) -> Result<()> {
        let folder = self.path.parent().unwrap_or(Path::new("."));
        let write = || -> std::io::Result<()> {
            let mut aside = tempfile::NamedTempFile::new_in(folder)?;
            aside.write_all(&serde_json::to_vec_pretty(&self.content)?)?;
            aside.as_file().sync_all()?;
            aside.persist(&self.path)?;
            File::open(folder)?.sync_all()
        };
        write().with_context(|| format!("cannot write {}", self.path.display()))
    }
}

impl Drop for Journal {
    /// Closing the file is not enough to let go: a child process that was just begun shares it until it becomes another program.
    fn drop(&mut self) {
        let _ = self.lock.unlock();
    }
}

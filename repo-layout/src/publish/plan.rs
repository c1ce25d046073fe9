//! What a transaction is going to publish, repository by repository.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use signing::UtcTime;

use super::generation::{Generation, Published};
use super::{FileRecord, Phase, Publisher};
use crate::destination::{Content, headers};
use crate::sorted::{Sheet, SheetWriter, Sieve, Sorter};
use crate::{Error, TreePath};

/// Files that are held in memory, bytes.
pub(super) const LOAD: usize = 1 << 20;

/// Every file of a transaction, as it comes.
pub(crate) struct Plan {
    workspace: PathBuf,
    /// A line each, with a number of its own: the same file twice is two lines.
    files: Sorter,
    count: u64,
    drafts: BTreeMap<TreePath, Draft>,
}

/// A repository of a transaction.
#[derive(Debug, Default)]
pub(super) struct Draft {
    /// The file that makes it visible.
    entry: Option<FileRecord>,
    /// What was signed.
    statement: String,
    /// The signature beside it, where that is the last to change.
    signature: Option<String>,
}

impl Plan {
    /// Begins; what memory does not hold is put into `workspace`.
    pub(super) fn new(workspace: &Path) -> Self {
        let files = Sorter::new(workspace, LOAD);
        Self { workspace: workspace.to_owned(), files, count: 0, drafts: BTreeMap::new() }
    }

    /// Takes a file up.
    pub(super) fn add(&mut self, phase: Phase, path: &TreePath, content: &Content<'_>) -> Result<(), Error> {
        let record = FileRecord { path: path.clone(), size: content.size(), sha256: content.sha256() };
        self.retain(&record)?;
        let (Some(folder), Content::Bytes(bytes)) = (path.parent(), content) else { return Ok(()) };
        let text = || String::from_utf8_lossy(bytes).into_owned();
        match (phase, path.file_name()) {
            (Phase::Release, "Release") => self.drafts.entry(folder).or_default().statement = text(),
            (Phase::Visible, "InRelease") => self.drafts.entry(folder).or_default().entry = Some(record),
            (Phase::Visible, "repomd.xml") => {
                let draft = self.drafts.entry(folder.parent().unwrap_or(folder)).or_default();
                (draft.entry, draft.statement) = (Some(record), text());
            }
            (Phase::Visible, "repomd.xml.asc") => {
                self.drafts.entry(folder.parent().unwrap_or(folder)).or_default().signature = Some(text());
            }
            _ => {}
        }
        Ok(())
    }

    /// Takes a file up that lies there already.
    pub(super) fn retain(&mut self, file: &FileRecord) -> Result<(), Error> {
        self.count += 1;
        self.files.push(format!("{} {}", file.line(), self.count))
    }

    /// Ends it; an error when a path is there twice. Gives those of the `removable` paths, too, that are no part of it.
    pub(super) fn end(mut self, removable: &Sheet) -> Result<(WholePlan, Sheet), Error> {
        let mut others = Sieve::new(removable)?;
        let drafts = std::mem::take(&mut self.drafts).into_iter();
        let begun = drafts.filter_map(|(repository, draft)| {
            let entry = draft.entry?;
            let part = Part {
                repository,
                entry,
                statement: draft.statement,
                signature: draft.signature,
                files: Sheet::default(),
            };
            Some((part, SheetWriter::new(&self.workspace)))
        });
        let (mut parts, mut writers): (Vec<Part>, Vec<SheetWriter>) = begun.unzip();
        let mut last: Option<TreePath> = None;
        for line in self.files.finish(None)? {
            let file = FileRecord::of_line(&line?)?;
            if last.as_ref() == Some(&file.path) {
                return Err(Error::Overlap { path: file.path });
            }
            others.meet(file.path.as_str())?;
            if let Some(at) = owner(&parts, &file.path)
                && let (Some(part), Some(writer)) = (parts.get(at), writers.get_mut(at))
                && part.entry.path != file.path
            {
                writer.push(&file.line())?;
            }
            last = Some(file.path);
        }
        for (part, writer) in parts.iter_mut().zip(writers) {
            part.files = writer.finish()?;
        }
        Ok((WholePlan { parts, workspace: self.workspace }, others.finish()?))
    }
}

/// The place of the repository that a file belongs to; `None` for those at the root of the tree.
fn owner(parts: &[Part], path: &TreePath) -> Option<usize> {
    let inside = parts.iter().enumerate().filter(|(_, part)| path.is_below(&part.repository));
    inside.max_by_key(|(_, part)| part.repository.as_str().len()).map(|(at, _)| at)
}

/// A plan to which nothing is added any more.
pub(super) struct WholePlan {
    parts: Vec<Part>,
    /// Where further lines can be put.
    pub(super) workspace: PathBuf,
}

/// One repository of a plan.
pub(super) struct Part {
    /// Its folder.
    pub(super) repository: TreePath,
    /// The file that makes it visible.
    pub(super) entry: FileRecord,
    /// Every other file, a [line](FileRecord::line) each.
    pub(super) files: Sheet,
    statement: String,
    signature: Option<String>,
}

impl WholePlan {
    /// Its repositories, by path.
    pub(super) fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// The repository that a file belongs to; `None` for those at the root of the tree.
    pub(super) fn repository_of(&self, path: &TreePath) -> Option<&TreePath> {
        owner(&self.parts, path).and_then(|at| self.parts.get(at)).map(|part| &part.repository)
    }
}

impl Part {
    /// The generation that it is going to be, to replace `published`.
    pub(super) fn generation(
        &self,
        number: u64,
        published: &Published,
        publisher: &Publisher<'_>,
        now: SystemTime,
    ) -> Generation {
        Generation {
            repository: self.repository.clone(),
            number,
            parent: published.generation.as_ref().map(|generation| generation.number),
            published: UtcTime::from(now).seconds(),
            dated: UtcTime::from(publisher.when).seconds(),
            publisher: publisher.name.clone(),
            entry: self.entry.clone(),
            statement: self.statement.clone(),
            signature: self.signature.clone(),
        }
    }
}

/// Refuses what would turn back time: apt keeps the newer `Release` and says nothing.
pub(super) fn check_date(new: &Generation, published: &Published) -> Result<(), Error> {
    match &published.generation {
        Some(old) if new.dated < old.dated => Err(Error::Backwards {
            repository: new.repository.clone(),
            published: date(old.dated),
            given: date(new.dated),
        }),
        _ => Ok(()),
    }
}

fn date(seconds: u64) -> String {
    UtcTime::from(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)).release_date()
}

/// Whether a file of this name never changes.
pub(crate) fn is_immutable(path: &TreePath) -> bool {
    headers(path).cache_control.contains("immutable")
}

//! `Contents-<architecture>`: which packages have a file of this name, by path.
//!
//! Packages come by name and lines by path, so what packages have is sorted. A change takes over what is published, but for
//! the packages of which one goes: a line names packages without their versions, and does not tell whether another one that
//! stays has the file, too.

use std::collections::{BTreeSet, VecDeque};
use std::path::Path;

use formats::contents::{Line, name_of, package};

use super::vouched::Lines;
use super::{Document, IndexWriter, control};
use crate::Error;
use crate::index::{Entry, Forms};
use crate::sorted::{Run, Sorter};

/// apt and apt-file read gzip everywhere.
const FORMS: Forms = Forms { plain: true, xz: false };

/// Lines that are held in memory, bytes.
const LOAD: usize = 2 << 20;

/// Between path and package in a sorted line: no path has a lesser byte, so that lines are in the order of paths.
const SEPARATOR: char = '\0';

/// The index of this name is for an architecture.
pub(crate) fn name(architecture: &str) -> String {
    format!("Contents-{architecture}")
}

/// Whether the index for `architecture` has the files of a package of another.
pub(crate) fn takes(architecture: &str, of: &str) -> bool {
    of == "all" || of == architecture
}

/// What an entry has beside its control data: the paths of its files, a line each.
pub(crate) fn files_of(entry: &Entry) -> Option<&str> {
    entry.parts.get(1).map(String::as_str)
}

/// The index for one architecture on its way.
pub(crate) struct Contents {
    architecture: String,
    is_published: bool,
    sorter: Sorter,
}

impl Contents {
    /// Begins it; a published one will be taken over where there is one. Lines that memory does not hold are put into `workspace`.
    pub(crate) fn begin(architecture: &str, is_published: bool, workspace: &Path) -> Self {
        Self { architecture: architecture.to_owned(), is_published, sorter: Sorter::new(workspace, LOAD) }
    }

    /// Whether what is published tells the files of a published package, as far as they belong here.
    pub(crate) fn knows(&self, entry: &Entry) -> bool {
        self.is_published || !takes(&self.architecture, &entry.architecture)
    }

    /// Takes the next package, unless what is published tells its files.
    pub(crate) fn package(&mut self, entry: &Entry) -> Result<(), Error> {
        let Some(files) = files_of(entry).filter(|_| takes(&self.architecture, &entry.architecture)) else {
            return Ok(());
        };
        let package = package(control::field(entry.part(0), "Section"), &entry.name);
        files.lines().try_for_each(|path| self.sorter.push(format!("{path}{SEPARATOR}{package}")))
    }

    /// Writes the files to `aside` and names like it. Of what is `published`, the packages whose names are `gone` are left out.
    pub(crate) fn finish(
        self,
        aside: &Path,
        cache: Option<&Path>,
        published: Option<Lines>,
        gone: BTreeSet<String>,
    ) -> Result<Document, Error> {
        let published = published.map(|lines| stays(lines, gone));
        let mut writer = IndexWriter::begin(aside, FORMS, cache)?;
        let mut grouped = Grouped::default();
        for line in self.sorter.finish(published)? {
            grouped.take(&line?, &mut writer)?;
        }
        grouped.flush(&mut writer)?;
        writer.finish()
    }
}

/// The packages of one path.
#[derive(Default)]
struct Grouped {
    path: String,
    packages: Vec<String>,
}

impl Grouped {
    fn take(&mut self, line: &str, writer: &mut IndexWriter) -> Result<(), Error> {
        let (path, package) = line.split_once(SEPARATOR).unwrap_or((line, ""));
        if self.path != path {
            self.flush(writer)?;
            path.clone_into(&mut self.path);
        }
        self.packages.push(package.to_owned());
        Ok(())
    }

    fn flush(&mut self, writer: &mut IndexWriter) -> Result<(), Error> {
        if self.packages.is_empty() {
            return Ok(());
        }
        let line = Line { path: &self.path, packages: self.packages.iter().map(String::as_str).collect() };
        writer.package(&self.path, |text| line.write(text))?;
        self.packages.clear();
        Ok(())
    }
}

/// The sorted lines of a published index, without the packages of these names.
fn stays(mut lines: Lines, gone: BTreeSet<String>) -> Run {
    let mut waiting = VecDeque::new();
    let mut before = String::new();
    let mut ended = false;
    Box::new(std::iter::from_fn(move || {
        while waiting.is_empty() && !ended {
            match next_line(&mut lines, &mut before, &gone, &mut waiting) {
                Ok(more) => ended = !more,
                Err(error) => {
                    ended = true;
                    return Some(Err(error));
                }
            }
        }
        waiting.pop_front().map(Ok)
    }))
}

/// Takes a line apart, which has to follow the one `before`; `false` at the end of what was whole.
fn next_line(
    lines: &mut Lines,
    before: &mut String,
    gone: &BTreeSet<String>,
    to: &mut VecDeque<String>,
) -> Result<bool, Error> {
    let mut text = String::new();
    if !lines.read(&mut text)? {
        return Ok(false);
    }
    let line = text.strip_suffix('\n').ok_or_else(|| lines.wrong("it ends within a line"))?;
    let line = Line::parse(line).map_err(|error| lines.wrong(&error.to_string()))?;
    let own = line.packages.is_sorted() && line.path > before.as_str();
    if !own {
        return Err(lines.wrong("its lines are not in order, so another program wrote it"));
    }
    line.path.clone_into(before);
    let staying = line.packages.iter().filter(|package| !gone.contains(name_of(package)));
    to.extend(staying.map(|package| format!("{}{SEPARATOR}{package}", line.path)));
    Ok(true)
}

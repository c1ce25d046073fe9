//! Sorting more lines than memory holds: full loads are sorted and written to files, and all of these merged.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::path::{Path, PathBuf};

use super::{Sheet, SheetWriter};
use crate::Error;

/// Lines in rising order.
pub(crate) type Run = Box<dyn Iterator<Item = Result<String, Error>>>;

/// Lines being collected.
pub(crate) struct Sorter {
    folder: PathBuf,
    load: usize,
    lines: Vec<String>,
    bytes: usize,
    aside: Vec<Sheet>,
}

impl Sorter {
    /// Begins; a `load` of so many bytes is held in memory, the others go to files without a name in `folder`, which is made when it is
    /// needed.
    pub(crate) fn new(folder: &Path, load: usize) -> Self {
        Self { folder: folder.to_owned(), load, lines: Vec::new(), bytes: 0, aside: Vec::new() }
    }

    /// Takes a line, without a line feed anywhere in it.
    pub(crate) fn push(&mut self, line: String) -> Result<(), Error> {
        self.bytes += line.len() + size_of::<String>();
        self.lines.push(line);
        if self.bytes < self.load { Ok(()) } else { self.put_aside() }
    }

    /// All lines, and those of `also`, in rising order, each once.
    pub(crate) fn finish(mut self, also: Option<Run>) -> Result<Merged, Error> {
        self.lines.sort_unstable();
        let mut runs: Vec<Run> = self.aside.iter().map(|sheet| Box::new(sheet.lines()) as Run).collect();
        runs.push(Box::new(self.lines.into_iter().map(Ok)));
        runs.extend(also);
        Merged::of(runs)
    }

    /// All lines so far, in rising order, each once; collecting begins anew.
    pub(crate) fn sheet(&mut self) -> Result<Sheet, Error> {
        let full = std::mem::replace(self, Self::new(&self.folder, self.load));
        let mut writer = SheetWriter::new(&self.folder);
        full.finish(None)?.try_for_each(|line| writer.push(&line?))?;
        writer.finish()
    }

    fn put_aside(&mut self) -> Result<(), Error> {
        self.lines.sort_unstable();
        self.lines.dedup();
        let mut writer = SheetWriter::new(&self.folder);
        self.lines.drain(..).try_for_each(|line| writer.push(&line))?;
        self.aside.push(writer.finish()?);
        self.bytes = 0;
        Ok(())
    }
}

/// Several runs as one. After an error it ends.
pub(crate) struct Merged {
    runs: Vec<Run>,
    /// The next line of each run, the first one on top.
    next: BinaryHeap<Reverse<(String, usize)>>,
}

impl Merged {
    fn of(mut runs: Vec<Run>) -> Result<Self, Error> {
        let mut next = BinaryHeap::with_capacity(runs.len());
        for (number, run) in runs.iter_mut().enumerate() {
            next.extend(run.next().transpose()?.map(|line| Reverse((line, number))));
        }
        Ok(Self { runs, next })
    }

    /// The next line in order, perhaps once more.
    fn take(&mut self) -> Result<Option<String>, Error> {
        let Some(mut top) = self.next.peek_mut() else { return Ok(None) };
        let Reverse((line, number)) = &mut *top;
        match self.runs.get_mut(*number).and_then(Iterator::next).transpose()? {
            Some(following) => Ok(Some(std::mem::replace(line, following))),
            None => Ok(Some(std::collections::binary_heap::PeekMut::pop(top).0.0)),
        }
    }

    fn take_others(&mut self) -> Result<Option<String>, Error> {
        let line = self.take()?;
        while line.is_some() && self.next.peek().map(|Reverse((next, _))| next) == line.as_ref() {
            self.take()?;
        }
        Ok(line)
    }
}

impl Iterator for Merged {
    type Item = Result<String, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let line = self.take_others();
        if line.is_err() {
            self.next.clear();
        }
        line.transpose()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn lines() -> impl Strategy<Value = Vec<String>> {
        proptest::collection::vec("[a-c]{0,3}", 0..60)
    }

    proptest! {
        #[test]
        fn lines_come_in_order_and_once_whatever_memory_holds(given in lines(), published in lines(), load in 1_usize..400) {
            let folder = tempfile::tempdir().unwrap();
            let mut sorter = Sorter::new(&folder.path().join("below"), load);
            for line in &given {
                sorter.push(line.clone()).unwrap();
            }
            let mut also = published.clone();
            also.sort();
            let sorted = sorter.finish(Some(Box::new(also.into_iter().map(Ok)))).unwrap();
            let found: Vec<String> = sorted.map(Result::unwrap).collect();
            let expected: BTreeSet<String> = given.into_iter().chain(published).collect();
            prop_assert_eq!(found, expected.into_iter().collect::<Vec<_>>());
        }
    }

    #[test]
    fn an_error_ends_the_lines() {
        let mut sorter = Sorter::new(Path::new("none"), 1000);
        sorter.push("b".to_owned()).unwrap();
        let broken = [Ok("a".to_owned()), Err(Error::TreePath { path: "broken".to_owned() }), Ok("c".to_owned())];
        let mut merged = sorter.finish(Some(Box::new(broken.into_iter()))).unwrap();
        assert!(merged.next().unwrap().is_err());
        assert!(merged.next().is_none());
    }
}

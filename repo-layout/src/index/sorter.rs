//! Sorting more lines than memory holds: full loads are sorted and written to files, and all of these merged.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, BufWriter, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use crate::Error;

/// Lines that are held in memory, bytes.
const LOAD: usize = 8 << 20;

/// Lines in rising order.
pub(crate) type Run = Box<dyn Iterator<Item = Result<String, Error>>>;

/// Lines being collected.
pub(crate) struct Sorter {
    folder: PathBuf,
    load: usize,
    lines: Vec<String>,
    bytes: usize,
    aside: Vec<File>,
}

impl Sorter {
    /// Begins; files that have no name go to `folder`, which is made when it is needed.
    pub(crate) fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), load: LOAD, lines: Vec::new(), bytes: 0, aside: Vec::new() }
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
        let mut runs: Vec<Run> = self.aside.into_iter().map(|file| read_back(file, self.folder.clone())).collect();
        runs.push(Box::new(self.lines.into_iter().map(Ok)));
        runs.extend(also);
        Merged::of(runs)
    }

    fn put_aside(&mut self) -> Result<(), Error> {
        self.lines.sort_unstable();
        self.lines.dedup();
        let write_error = |source| Error::io("write sorted lines to", &self.folder)(source);
        fs::create_dir_all(&self.folder).map_err(write_error)?;
        let mut file = BufWriter::new(tempfile::tempfile_in(&self.folder).map_err(write_error)?);
        for line in self.lines.drain(..) {
            file.write_all(line.as_bytes()).and_then(|()| file.write_all(b"\n")).map_err(write_error)?;
        }
        let mut file = file.into_inner().map_err(|error| write_error(error.into_error()))?;
        file.rewind().map_err(write_error)?;
        self.aside.push(file);
        self.bytes = 0;
        Ok(())
    }
}

fn read_back(file: File, folder: PathBuf) -> Run {
    let lines = BufReader::with_capacity(1 << 16, file).lines();
    Box::new(lines.map(move |line| line.map_err(|error| Error::io("read sorted lines from", &folder)(error))))
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
            let mut sorter = Sorter { load, ..Sorter::new(&folder.path().join("below")) };
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
        let mut sorter = Sorter::new(Path::new("none"));
        sorter.push("b".to_owned()).unwrap();
        let broken = [Ok("a".to_owned()), Err(Error::TreePath { path: "broken".to_owned() }), Ok("c".to_owned())];
        let mut merged = sorter.finish(Some(Box::new(broken.into_iter()))).unwrap();
        assert!(merged.next().unwrap().is_err());
        assert!(merged.next().is_none());
    }
}

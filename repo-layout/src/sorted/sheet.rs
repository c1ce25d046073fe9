//! Lines that are in order, in a file without a name.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{At, Keyed, path_of};
use crate::Error;

/// Bytes read or written at once.
const BUFFER: usize = 1 << 15;

/// Lines that can be read any number of times. They are gone with the last copy of this value, however the process ends.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sheet {
    file: Option<Arc<File>>,
    folder: PathBuf,
    bytes: u64,
}

impl Sheet {
    /// Whether there is no line.
    pub(crate) fn is_empty(&self) -> bool {
        self.file.is_none()
    }

    /// Bytes of all lines with their line feeds.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Where the file lies.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The lines from the first one on.
    pub(crate) fn lines(&self) -> Lines {
        let from = |file: &Arc<File>| BufReader::with_capacity(BUFFER, At { file: Arc::clone(file), place: 0 });
        Lines { from: self.file.as_ref().map(from), folder: self.folder.clone() }
    }
}

/// The lines of a sheet.
pub(crate) struct Lines {
    from: Option<BufReader<At<Arc<File>>>>,
    folder: PathBuf,
}

impl Iterator for Lines {
    type Item = Result<String, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut line = String::new();
        match self.from.as_mut()?.read_line(&mut line) {
            Ok(0) => None,
            Ok(_) => {
                line.truncate(line.len() - 1);
                Some(Ok(line))
            }
            Err(error) => {
                self.from = None;
                Some(Err(Error::io("read sorted lines from", &self.folder)(error)))
            }
        }
    }
}

impl Keyed for String {
    fn key(&self) -> &str {
        path_of(self)
    }
}

/// A sheet on its way. Its lines have to come in order.
pub(crate) struct SheetWriter {
    file: Option<BufWriter<File>>,
    folder: PathBuf,
    bytes: u64,
}

impl SheetWriter {
    /// Begins one; its file goes to `folder`, which is made when there is a line.
    pub(crate) fn new(folder: &Path) -> Self {
        Self { file: None, folder: folder.to_owned(), bytes: 0 }
    }

    /// Takes a line, without a line feed anywhere in it.
    pub(crate) fn push(&mut self, line: &str) -> Result<(), Error> {
        let write_error = |source| Error::io("write sorted lines to", &self.folder)(source);
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(BufWriter::with_capacity(BUFFER, unnamed(&self.folder).map_err(write_error)?)),
        };
        self.bytes += line.len() as u64 + 1;
        file.write_all(line.as_bytes()).and_then(|()| file.write_all(b"\n")).map_err(write_error)
    }

    /// Gives the lines.
    pub(crate) fn finish(self) -> Result<Sheet, Error> {
        let file = self.file.map(|file| file.into_inner().map_err(std::io::IntoInnerError::into_error)).transpose();
        let file = file.map_err(Error::io("write sorted lines to", &self.folder))?;
        Ok(Sheet { file: file.map(Arc::new), folder: self.folder, bytes: self.bytes })
    }
}

/// A file that is gone when it is closed.
fn unnamed(folder: &Path) -> std::io::Result<File> {
    fs::create_dir_all(folder)?;
    tempfile::tempfile_in(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sheet_is_read_as_often_as_it_is_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = SheetWriter::new(&folder.path().join("below"));
        ["a 1", "b", ""].iter().for_each(|line| writer.push(line).unwrap());
        let sheet = writer.finish().unwrap();
        let (mut first, second) = (sheet.lines(), sheet.lines());
        assert_eq!(first.next().unwrap().unwrap(), "a 1");
        assert_eq!(second.map(Result::unwrap).collect::<Vec<_>>(), ["a 1", "b", ""]);
        assert_eq!(first.map(Result::unwrap).collect::<Vec<_>>(), ["b", ""]);
        assert_eq!((sheet.bytes(), sheet.is_empty()), (7, false));
    }

    #[test]
    fn an_empty_sheet_needs_no_file() {
        let folder = tempfile::tempdir().unwrap();
        let sheet = SheetWriter::new(&folder.path().join("below")).finish().unwrap();
        assert!(sheet.is_empty() && sheet.lines().next().is_none());
        assert!(!folder.path().join("below").exists());
    }
}

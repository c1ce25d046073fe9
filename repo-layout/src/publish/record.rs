//! The record of a generation as it is stored, written and read file by file: it names every file of a repository.
//!
//! ```text
//! {"repository":…,"number":7,…,"statement":"…","files":[{"path":…,"size":…,"sha256":…},…]}
//! ```
//!
//! One line of JSON, whose files come last and by rising path. What stands before them is read alone by whoever asks for no more.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Seek as _, Write as _};
use std::path::Path;

use super::{FileRecord, Generation};
use crate::destination::{Destination, make_parent};
use crate::sorted::Sheet;
use crate::{Error, TreePath};

/// What stands between the two parts. No JSON text holds it: there, a quotation mark has a backslash before it.
const FILES: &[u8] = b",\"files\":[";

/// The longest first part that is believed, bytes: it holds a `Release` or a `repomd.xml`.
const LONGEST_HEAD: u64 = 16 << 20;

/// The longest text of one file that is believed, bytes.
const LONGEST_FILE: u64 = 1 << 16;

/// Bytes read at once.
const BUFFER: usize = 1 << 15;

/// Writes a record to `aside`: `files` has a line for each file, by rising path.
pub(super) fn write(generation: &Generation, files: &Sheet, aside: &Path) -> Result<(), Error> {
    make_parent(aside)?;
    let mut to = BufWriter::new(File::create(aside).map_err(Error::io("write", aside))?);
    let head = serde_json::to_vec(generation).map_err(|error| Error::io("write", aside)(error.into()))?;
    let open = head.strip_suffix(b"}").unwrap_or(&head);
    let mut text = [open, FILES].concat();
    for line in files.lines() {
        let file = FileRecord::of_line(&line?)?;
        serde_json::to_writer(&mut text, &file).map_err(|error| Error::io("write", aside)(error.into()))?;
        to.write_all(&text).map_err(Error::io("write", aside))?;
        text.clear();
        text.push(b',');
    }
    // Behind the last file stands no comma.
    let end = text.strip_suffix(b",").filter(|rest| rest.is_empty()).unwrap_or(&text);
    to.write_all(end).and_then(|()| to.write_all(b"]}\n")).and_then(|()| to.flush()).map_err(Error::io("write", aside))
}

/// Reads what stands before the files; `None` when there is no such record.
pub(super) fn head(destination: &dyn Destination, path: &TreePath) -> Result<Option<Generation>, Error> {
    let Some(from) = destination.open(path)? else { return Ok(None) };
    read_head(&mut BufReader::with_capacity(BUFFER, from), destination, path).map(Some)
}

/// Opens the files of a record; `None` when there is no such record. From object storage it is fetched whole before the first file is
/// given, since nobody knows how long the caller takes from one to the next.
pub(super) fn files(destination: &dyn Destination, path: &TreePath) -> Result<Option<(Generation, Files)>, Error> {
    let Some(mut from) = destination.open(path)? else { return Ok(None) };
    if destination.as_folder().is_none() {
        let mut fetched = tempfile::tempfile().map_err(Error::io("make a file in", &std::env::temp_dir()))?;
        let copied = io::copy(&mut from, &mut fetched).and_then(|_| fetched.rewind());
        copied.map_err(|source| unread(destination, path, source))?;
        from = Box::new(fetched);
    }
    let mut from = BufReader::with_capacity(BUFFER, from);
    let head = read_head(&mut from, destination, path)?;
    Ok(Some((head, Files { from, path: path.clone(), last: None, ended: false })))
}

fn unread(destination: &dyn Destination, path: &TreePath, source: io::Error) -> Error {
    match destination.as_folder() {
        Some(folder) => Error::io("read", &path.under(folder.root()))(source),
        None => Error::Destination {
            action: "read",
            object: format!("{}/{path}", destination.name()),
            advice: "nothing that readers see has changed; see that the storage is well, and run again",
            source: source.into(),
        },
    }
}

fn unusable(path: &TreePath, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::State { path: path.to_string(), source: source.into() }
}

fn read_head(from: &mut impl BufRead, destination: &dyn Destination, path: &TreePath) -> Result<Generation, Error> {
    let mut from = from.take(LONGEST_HEAD);
    let mut head = Vec::new();
    while !head.ends_with(FILES) {
        if from.read_until(b'[', &mut head).map_err(|source| unread(destination, path, source))? == 0 {
            return Err(unusable(path, "it lists no files"));
        }
    }
    head.truncate(head.len() - FILES.len());
    head.push(b'}');
    serde_json::from_slice(&head).map_err(|source| unusable(path, source))
}

/// The files of a generation but for its entry point, by rising path. Ends after an error.
pub struct Files {
    from: BufReader<Box<dyn Read + Send>>,
    path: TreePath,
    last: Option<TreePath>,
    ended: bool,
}

impl Files {
    /// The text up to the end of the next file, without the comma before it; `None` behind the last one.
    fn text(&mut self) -> Result<Option<Vec<u8>>, Error> {
        let mut text = Vec::new();
        let read = (&mut self.from).take(LONGEST_FILE).read_until(b'}', &mut text);
        read.map_err(Error::io("read", Path::new(self.path.as_str())))?;
        match (text.strip_prefix(b","), &self.last) {
            (Some(next), Some(_)) => Ok(Some(next.to_owned())),
            (None, _) if text == b"]}" => Ok(None),
            (None, None) => Ok(Some(text)),
            _ => Err(unusable(&self.path, "it ends before its files do")),
        }
    }

    fn read(&mut self) -> Result<Option<FileRecord>, Error> {
        let Some(text) = self.text()? else { return Ok(None) };
        let file: FileRecord = serde_json::from_slice(&text).map_err(|source| unusable(&self.path, source))?;
        if self.last.as_ref().is_some_and(|last| *last >= file.path) {
            return Err(unusable(&self.path, format!("{} is not in order", file.path)));
        }
        self.last = Some(file.path.clone());
        Ok(Some(file))
    }
}

impl Iterator for Files {
    type Item = Result<FileRecord, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let file = self.read().transpose();
        self.ended = !matches!(file, Some(Ok(_)));
        file
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::Serialize;

    use super::*;
    use crate::destination::{Condition, Content, Folder, memory::Memory};
    use crate::sorted::Sorter;
    use crate::{STATE_FOLDER, Sha256Hex};

    /// A record as it was written when all of its files were held in memory.
    #[derive(Serialize)]
    struct Whole<'a> {
        #[serde(flatten)]
        head: &'a Generation,
        files: &'a [FileRecord],
    }

    fn generation(statement: &str, signature: Option<&str>) -> Generation {
        let entry = FileRecord { path: TreePath::new("s/InRelease").unwrap(), size: 1, sha256: Sha256Hex::of(b"x") };
        Generation {
            repository: TreePath::new("s").unwrap(),
            number: 7,
            parent: Some(5),
            published: 1,
            dated: 2,
            publisher: "Some \"body\"".to_owned(),
            entry,
            statement: statement.to_owned(),
            signature: signature.map(str::to_owned),
        }
    }

    fn file(name: &str) -> FileRecord {
        let path = TreePath::new(format!("s/pool/{name}")).unwrap();
        FileRecord { path, size: name.len() as u64, sha256: Sha256Hex::of(name.as_bytes()) }
    }

    /// What is read of a record with these bytes, from a folder and from what is none.
    fn read(bytes: &[u8]) -> Result<(Generation, Vec<FileRecord>), Error> {
        let path = TreePath::new(format!("{STATE_FOLDER}/generations/s/7.json")).unwrap();
        let root = tempfile::tempdir().unwrap();
        let of = |destination: &dyn Destination| {
            destination.put(&path, &Content::Bytes(bytes), &Condition::Always)?;
            let head = head(destination, &path)?.unwrap();
            let (again, files) = files(destination, &path)?.unwrap();
            assert_eq!(again, head);
            Ok::<_, Error>((head, files.collect::<Result<Vec<_>, _>>()?))
        };
        let (in_folder, elsewhere) = (of(&Folder::new(root.path())), of(&Memory::default()));
        assert_eq!(in_folder.as_ref().ok(), elsewhere.as_ref().ok());
        in_folder
    }

    fn written(generation: &Generation, files: &[FileRecord]) -> Vec<u8> {
        let folder = tempfile::tempdir().unwrap();
        let mut sorter = Sorter::new(folder.path(), 500);
        files.iter().for_each(|file| sorter.push(file.line()).unwrap());
        let aside = folder.path().join("record");
        write(generation, &sorter.sheet().unwrap(), &aside).unwrap();
        std::fs::read(aside).unwrap()
    }

    proptest! {
        #[test]
        fn a_record_is_the_json_that_it_always_was_and_is_read_back(
            names in proptest::collection::btree_set("[a-z0-9.+~-]{1,8}x", 0..20),
            statement in r#".*|.*,"files":\[.*"#,
            signature in proptest::option::of(".*"),
        ) {
            let generation = generation(&statement, signature.as_deref());
            let files: Vec<FileRecord> = names.iter().map(|name| file(name)).collect();
            let bytes = written(&generation, &files);
            let mut whole = serde_json::to_vec(&Whole { head: &generation, files: &files }).unwrap();
            whole.push(b'\n');
            prop_assert_eq!(String::from_utf8_lossy(&bytes), String::from_utf8_lossy(&whole));
            prop_assert_eq!(read(&bytes).unwrap(), (generation, files));
        }

        #[test]
        fn a_record_that_is_cut_off_or_damaged_is_an_error_or_another_record(cut in 0_usize..600, bit in 0_u8..8) {
            let files = [file("a"), file("b"), file("c")];
            let bytes = written(&generation("text", None), &files);
            let cut = cut % (bytes.len() - 2);
            prop_assert!(read(&bytes[..cut]).is_err());
            let mut damaged = bytes.clone();
            damaged[cut] ^= 1 << bit;
            if let Ok((_, read)) = read(&damaged) {
                prop_assert_eq!(read.len(), files.len());
            }
        }
    }

    #[test]
    fn files_that_are_not_in_order_are_refused() {
        let whole = Whole { head: &generation("", None), files: &[file("b"), file("a")] };
        let refused = read(&serde_json::to_vec(&whole).unwrap()).unwrap_err();
        assert!(matches!(refused, Error::State { .. }), "{refused}");
    }
}

//! A cache's file: a first line that says what it is, then records. Each run writes it anew and renames.

use std::fs::{self, File};
use std::io::{BufReader, BufWriter, Read as _, Write as _};
use std::path::{Path, PathBuf};

use super::record::{Record, Sealed};

/// Bytes read or written at once.
const BUFFER: usize = 1 << 18;

/// The cache of an earlier run, behind its first line; `None` without one, and when another version wrote it.
pub(crate) fn open(path: &Path, magic: &[u8]) -> Option<BufReader<File>> {
    let mut from = BufReader::with_capacity(BUFFER, File::open(path).ok()?);
    let mut found = vec![0; magic.len()];
    from.read_exact(&mut found).ok()?;
    (found == magic).then_some(from)
}

/// The cache of this run on its way. A cache that cannot be written is none: the next run is slower, and right.
pub(crate) struct Keeper(Option<Open>);

struct Open {
    path: PathBuf,
    aside: PathBuf,
    file: BufWriter<File>,
}

impl Keeper {
    /// Begins the file that will be at `path`.
    pub(crate) fn begin(path: Option<&Path>, magic: &[u8]) -> Self {
        Self(path.and_then(|path| Open::begin(path, magic)))
    }

    /// Adds a record, and makes it empty for the next one, also if nothing is kept.
    pub(crate) fn put(&mut self, record: &mut Record) {
        let written = self.0.as_mut().map(|open| record.write(&mut open.file));
        record.clear();
        if written.is_some_and(|result| result.is_err()) {
            self.0 = None;
        }
    }

    /// Adds a record as an earlier run wrote it.
    pub(crate) fn put_again(&mut self, sealed: &Sealed) {
        let written = self.0.as_mut().map(|open| sealed.write(&mut open.file));
        if written.is_some_and(|result| result.is_err()) {
            self.0 = None;
        }
    }

    /// Puts the file in the place of the old one.
    pub(crate) fn finish(mut self) {
        if let Some(mut open) = self.0.take()
            && open.file.flush().is_ok()
        {
            let _ = fs::rename(&open.aside, &open.path);
        }
    }
}

impl Open {
    fn begin(path: &Path, magic: &[u8]) -> Option<Self> {
        fs::create_dir_all(path.parent()?).ok()?;
        let aside = path.with_extension(format!("new-{}", std::process::id()));
        let mut file = BufWriter::with_capacity(BUFFER, File::create(&aside).ok()?);
        file.write_all(magic).ok()?;
        Some(Self { path: path.to_owned(), aside, file })
    }
}

/// What did not come to its end leaves nothing behind.
impl Drop for Open {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.aside);
    }
}

//! Writing one document: its text goes in package by package, its published forms come out as files.

use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::thread;

use super::piece_cache::{self, Key, Packed, PieceCache};
use super::{gzip, pieces, xz};
use crate::digest::Sums;
use crate::index::xz::Block;
use crate::{Error, pool};

/// Bytes of text that are worked on at a time: enough that hashing goes on while a piece is compressed, and little to hold in memory.
const BATCH: usize = 4 << 20;

/// In which forms a document is published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Forms {
    /// As it is.
    pub(crate) plain: bool,
    /// As xz. Every document is published as gzip.
    pub(crate) xz: bool,
}

/// One form of a document, in a file that no reader sees yet.
#[derive(Debug, Clone)]
pub(crate) struct IndexFile<Sum> {
    /// What the name of this form ends in: nothing, `.gz`, `.xz`.
    pub(crate) suffix: &'static str,
    /// Where it lies.
    pub(crate) aside: PathBuf,
    /// Its size and digests.
    pub(crate) digests: Sum,
}

/// A document that is whole.
#[derive(Debug, Clone)]
pub(crate) struct Document<Sum> {
    /// Size and digests of its text.
    pub(crate) open: Sum,
    /// Its forms.
    pub(crate) files: Vec<IndexFile<Sum>>,
}

/// A document on its way, with the sums that its family's indexes list.
pub(crate) struct IndexWriter<S> {
    text: Text<S>,
    gzip: Output<S>,
    xz: Option<Output<S>>,
    blocks: Vec<(u64, u64)>,
    piece: String,
    /// Whether there was no piece yet.
    is_empty: bool,
    /// Pieces that are full and not compressed yet.
    waiting: Vec<String>,
    /// Bytes of those.
    waiting_bytes: usize,
    cache: PieceCache,
}

/// The text of a document: hashed once, whether it is published or not.
enum Text<S> {
    Published(Output<S>),
    Hashed(S),
}

impl<S: Sums> Text<S> {
    fn take(&mut self, piece: &[u8]) -> Result<(), Error> {
        match self {
            Self::Published(plain) => plain.write(piece),
            Self::Hashed(hasher) => {
                hasher.update(piece);
                Ok(())
            }
        }
    }
}

impl<S: Sums + Send> IndexWriter<S> {
    /// Begins a document; its forms are written to `aside` and names like it. What was compressed before is taken from the cache at `cache`.
    pub(crate) fn begin(aside: &Path, forms: Forms, cache: Option<&Path>) -> Result<Self, Error> {
        let mut xz = forms.xz.then(|| Output::create(aside, ".xz")).transpose()?;
        if let Some(xz) = &mut xz {
            xz.write(&xz::header())?;
        }
        Ok(Self {
            text: if forms.plain { Text::Published(Output::create(aside, "")?) } else { Text::Hashed(S::default()) },
            gzip: Output::create(aside, ".gz")?,
            xz,
            blocks: Vec::new(),
            piece: String::new(),
            is_empty: true,
            waiting: Vec::new(),
            waiting_bytes: 0,
            cache: PieceCache::open(cache),
        })
    }

    /// Text that stands before all packages, or behind them.
    pub(crate) fn frame(&mut self, text: &str) {
        self.piece.push_str(text);
    }

    /// What the document says of the next package, appended by `text`.
    pub(crate) fn package(&mut self, file_name: &str, text: impl FnOnce(&mut String)) -> Result<(), Error> {
        let before = self.piece.len();
        text(&mut self.piece);
        if pieces::ends(self.piece.len(), file_name, self.piece.len() - before) {
            self.end_piece()?;
        }
        Ok(())
    }

    /// Compresses what is left and gives the files.
    pub(crate) fn finish(mut self) -> Result<Document<S::Sum>, Error> {
        // An empty document is one empty gzip member, and an xz stream without blocks.
        if !self.piece.is_empty() || self.is_empty {
            self.end_piece()?;
        }
        self.compress()?;
        if let Some(xz) = &mut self.xz {
            xz.write(&xz::trailer(&self.blocks))?;
        }
        self.cache.finish();
        let (open, plain) = match self.text {
            Text::Published(plain) => plain.finish().map(|file| (file.digests.clone(), Some(file)))?,
            Text::Hashed(hasher) => (hasher.finish(), None),
        };
        let packed = [self.gzip].into_iter().chain(self.xz).map(Output::finish);
        Ok(Document { open, files: plain.map(Ok).into_iter().chain(packed).collect::<Result<_, _>>()? })
    }

    fn end_piece(&mut self) -> Result<(), Error> {
        let room = self.piece.len();
        let piece = std::mem::replace(&mut self.piece, String::with_capacity(room));
        self.is_empty = false;
        self.waiting_bytes += piece.len();
        self.waiting.push(piece);
        if self.waiting_bytes >= BATCH { self.compress() } else { Ok(()) }
    }

    /// Hashes the text of a batch on one core while the others compress what is new of it.
    fn compress(&mut self) -> Result<(), Error> {
        let waiting = std::mem::take(&mut self.waiting);
        self.waiting_bytes = 0;
        let (text, cache, with_xz) = (&mut self.text, &self.cache, self.xz.is_some());
        let (hashed, packed) = thread::scope(|scope| {
            let hashed = scope.spawn(|| waiting.iter().try_for_each(|piece| text.take(piece.as_bytes())));
            let packed = pool::on_all_cores(&waiting, |piece| {
                let key = piece_cache::key(piece.as_bytes());
                match cache.get(&key, with_xz) {
                    Some(packed) => Ok((key, packed)),
                    None => pack(piece.as_bytes(), with_xz).map(|packed| (key, packed)),
                }
            });
            (hashed.join().unwrap_or_else(|panic| resume_unwind(panic)), packed)
        });
        hashed?;
        let packed: Vec<(Key, Packed)> = packed.map_err(Error::io("compress", &self.gzip.aside))?;
        for (key, packed) in packed {
            self.cache.keep(&key, &packed);
            self.gzip.write(&packed.gzip)?;
            if let (Some(xz), Some(block)) = (&mut self.xz, packed.xz)
                && block.unpacked > 0
            {
                xz.write(&block.bytes)?;
                self.blocks.push((block.unpadded, block.unpacked));
            }
        }
        Ok(())
    }
}

fn pack(piece: &[u8], with_xz: bool) -> std::io::Result<Packed> {
    Ok(Packed { gzip: gzip::member(piece)?, xz: with_xz.then(|| Block::compress(piece)).transpose()? })
}

/// A file that is hashed while it is written.
struct Output<S> {
    suffix: &'static str,
    aside: PathBuf,
    file: BufWriter<File>,
    hasher: S,
}

impl<S: Sums> Output<S> {
    fn create(aside: &Path, suffix: &'static str) -> Result<Self, Error> {
        let mut path = aside.as_os_str().to_owned();
        path.push(suffix);
        let aside = PathBuf::from(path);
        if let Some(folder) = aside.parent() {
            fs::create_dir_all(folder).map_err(Error::io("make the folder", folder))?;
        }
        let file = BufWriter::with_capacity(1 << 16, File::create(&aside).map_err(Error::io("write", &aside))?);
        Ok(Self { suffix, aside, file, hasher: S::default() })
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.hasher.update(bytes);
        self.file.write_all(bytes).map_err(Error::io("write", &self.aside))
    }

    fn finish(mut self) -> Result<IndexFile<S::Sum>, Error> {
        self.file.flush().map_err(Error::io("write", &self.aside))?;
        Ok(IndexFile { suffix: self.suffix, aside: self.aside, digests: self.hasher.finish() })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::io::Read as _;

    use super::*;
    use crate::Digests;
    use crate::digest::{Hasher, Sha256Hasher};

    const FORMS: Forms = Forms { plain: true, xz: true };

    fn write(
        folder: &Path,
        packages: usize,
        cache: Option<&Path>,
    ) -> (Document<Digests>, BTreeMap<&'static str, Vec<u8>>) {
        let mut writer = IndexWriter::<Hasher>::begin(&folder.join("Packages"), FORMS, cache).unwrap();
        for number in 0..packages {
            let name = format!("package-{number:05}.deb");
            writer.package(&name, |text| text.push_str(&format!("Package: {name}\n{}\n", "x".repeat(900)))).unwrap();
        }
        let document = writer.finish().unwrap();
        let files = document.files.iter().map(|file| (file.suffix, fs::read(&file.aside).unwrap())).collect();
        (document, files)
    }

    fn unpacked(files: &BTreeMap<&'static str, Vec<u8>>) -> [Vec<u8>; 2] {
        let (mut gz, mut xz) = (Vec::new(), Vec::new());
        flate2::read::MultiGzDecoder::new(files[".gz"].as_slice()).read_to_end(&mut gz).unwrap();
        formats::xz::reader(files[".xz"].as_slice()).unwrap().read_to_end(&mut xz).unwrap();
        [gz, xz]
    }

    #[test]
    fn all_forms_unpack_to_the_same_text() {
        for packages in [0, 1, 700, 3000] {
            let folder = tempfile::tempdir().unwrap();
            let (document, files) = write(folder.path(), packages, None);
            assert_eq!(unpacked(&files), [files[""].clone(), files[""].clone()], "{packages} packages");
            assert_eq!(document.open, Digests::of(&files[""]));
            for file in &document.files {
                assert_eq!(file.digests, Digests::of(&files[file.suffix]), "{}", file.suffix);
            }
        }
    }

    #[test]
    fn a_text_that_is_not_published_is_hashed_all_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let forms = Forms { plain: false, xz: false };
        let mut writer = IndexWriter::<Sha256Hasher>::begin(&folder.path().join("primary"), forms, None).unwrap();
        writer.frame("<metadata>");
        writer.package("one.rpm", |text| text.push_str("<package/>")).unwrap();
        writer.frame("</metadata>");
        let document = writer.finish().unwrap();
        assert_eq!(document.open, crate::Checksum::of(b"<metadata><package/></metadata>"));
        assert_eq!(document.files.iter().map(|file| file.suffix).collect::<Vec<_>>(), [".gz"]);
    }

    #[test]
    fn the_bytes_are_the_same_with_and_without_a_cache() {
        let folder = tempfile::tempdir().unwrap();
        let cache = folder.path().join("pieces");
        let cold = write(folder.path(), 3000, None).1;
        for _ in 0..2 {
            assert_eq!(write(folder.path(), 3000, Some(&cache)).1, cold);
        }
    }
}

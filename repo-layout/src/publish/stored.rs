//! Files on their way into object storage, and those that are there, as lines to be sorted.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::PathBuf;
use std::sync::Arc;

use super::{FileRecord, Phase};
use crate::destination::{Content, Listed};
use crate::digest::hex;
use crate::sorted::Keyed;
use crate::{Checksum, Error, Sha256Hex, TreePath};

/// Bytes by digest: the same index goes up under several names.
pub(super) type Bytes = BTreeMap<Sha256Hex, Arc<[u8]>>;

/// What a file shall hold.
#[derive(Debug, Clone)]
pub(super) enum Stored {
    Bytes(Sha256Hex, Arc<[u8]>),
    File {
        source: PathBuf,
        checksum: Checksum,
    },
    /// It lies there already, as an older generation had it.
    There(Checksum),
}

impl Stored {
    pub(super) fn size(&self) -> u64 {
        match self {
            Self::Bytes(_, bytes) => bytes.len() as u64,
            Self::File { checksum, .. } | Self::There(checksum) => checksum.size,
        }
    }

    pub(super) fn sha256(&self) -> &Sha256Hex {
        match self {
            Self::Bytes(sha256, _) => sha256,
            Self::File { checksum, .. } | Self::There(checksum) => &checksum.sha256,
        }
    }

    /// What is to be sent; `None` for what is there.
    pub(super) fn content(&self) -> Option<Content<'_>> {
        match self {
            Self::Bytes(_, bytes) => Some(Content::Bytes(bytes)),
            Self::File { source, checksum } => Some(Content::Copy { source, checksum }),
            Self::There(_) => None,
        }
    }
}

/// A file that is named for good.
#[derive(Debug)]
pub(super) struct Named {
    pub(super) path: TreePath,
    pub(super) phase: Phase,
    pub(super) stored: Stored,
}

impl Named {
    /// As a line: what it shall hold as a file's line says it, its phase, and where that is from: `=` for what lies there, `-` for bytes, or
    /// the path of a file of this machine, in hexadecimal digits, since it may have any character.
    pub(super) fn line(phase: Phase, path: &TreePath, stored: &Stored) -> String {
        let file = FileRecord { path: path.clone(), size: stored.size(), sha256: stored.sha256().clone() };
        let from = match stored {
            Stored::There(_) => "=".to_owned(),
            Stored::Bytes(..) => "-".to_owned(),
            Stored::File { source, .. } => hex(source.as_os_str().as_bytes()),
        };
        format!("{} {} {from}", file.line(), phase.mark())
    }

    /// Reads what [`Named::line`] has written.
    pub(super) fn of_line(line: &str, bytes: &Bytes) -> Result<Self, Error> {
        let FileRecord { path, size, sha256 } = FileRecord::of_line(line)?;
        let read = |sha256: Sha256Hex| {
            let (phase, from) = line.splitn(4, ' ').nth(3)?.split_once(' ')?;
            let stored = match from {
                "=" => Stored::There(Checksum { size, sha256 }),
                "-" => Stored::Bytes(sha256.clone(), Arc::clone(bytes.get(&sha256)?)),
                digits => Stored::File { source: unhex(digits)?, checksum: Checksum { size, sha256 } },
            };
            Some((Phase::of_mark(phase)?, stored))
        };
        match read(sha256) {
            Some((phase, stored)) => Ok(Self { path, phase, stored }),
            None => Err(Error::State { path: path.to_string(), source: "this is no line about it".into() }),
        }
    }
}

impl Keyed for Named {
    fn key(&self) -> &str {
        self.path.as_str()
    }
}

fn unhex(digits: &str) -> Option<PathBuf> {
    let bytes = (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok());
    Some(PathBuf::from(OsString::from_vec(bytes.collect::<Option<_>>()?)))
}

/// A file that is there.
#[derive(Debug)]
pub(super) struct There {
    path: TreePath,
    pub(super) size: u64,
}

impl There {
    pub(super) fn line(listed: &Listed) -> String {
        format!("{} {}", listed.path, listed.size)
    }

    /// Reads what [`There::line`] has written.
    pub(super) fn of_line(line: &str) -> Result<Self, Error> {
        let read = || {
            let (path, size) = line.split_once(' ')?;
            Some(Self { path: TreePath::new(path).ok()?, size: size.parse().ok()? })
        };
        read().ok_or_else(|| Error::State { path: line.to_owned(), source: "this is no line about a file".into() })
    }
}

impl Keyed for There {
    fn key(&self) -> &str {
        self.path.as_str()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_where_its_file_is_from() {
        let path = TreePath::new("s/pool/a.deb").unwrap();
        let (content, checksum): (Arc<[u8]>, _) = (Arc::from(&b"abc"[..]), Checksum::of(b"abc"));
        let bytes = Bytes::from([(checksum.sha256.clone(), Arc::clone(&content))]);
        let odd = PathBuf::from(OsString::from_vec(b"/a b\n\xff/c".to_vec()));
        let all = [
            Stored::There(checksum.clone()),
            Stored::Bytes(checksum.sha256.clone(), content),
            Stored::File { source: odd, checksum },
        ];
        for stored in all {
            let line = Named::line(Phase::ByHash, &path, &stored);
            assert!(!line.contains('\n'));
            let read = Named::of_line(&line, &bytes).unwrap();
            assert_eq!((read.path, read.phase), (path.clone(), Phase::ByHash));
            assert_eq!(format!("{:?}", read.stored), format!("{stored:?}"));
        }
        assert!(Named::of_line("s/pool/a.deb 1 2", &bytes).is_err());
    }
}

//! yum repositories: `repomd.xml` and the three indexes that it vouches for.
//!
//! Format: what createrepo_c writes and libsolv, yum 3.4 and dnf read; there is no other specification.

pub(crate) mod filelists;
pub(crate) mod other;
mod package;
pub(crate) mod primary;
pub(crate) mod repomd;
mod xml;

pub(crate) use package::{YumPackage, file_name_of};

use std::io;

use crate::Sha256Hex;
use crate::apt::packages::gzip;

/// One of the indexes, ready to be written.
#[derive(Debug, Clone)]
pub(crate) struct Index {
    /// What `repomd.xml` calls it.
    pub(crate) kind: &'static str,
    /// File name within `repodata/`: the digest comes first, so that an old `repomd.xml` never meets a new index.
    pub(crate) name: String,
    /// The compressed bytes. gzip, because yum of EL7 reads nothing newer.
    pub(crate) bytes: Vec<u8>,
    /// Digest of the compressed bytes.
    pub(crate) sha256: Sha256Hex,
    /// Digest of the XML.
    pub(crate) open_sha256: Sha256Hex,
    /// Size of the XML in bytes.
    pub(crate) open_size: usize,
}

/// The three indexes of a repository's packages, which are already in the order wanted.
pub(crate) fn indexes(packages: &[YumPackage]) -> io::Result<[Index; 3]> {
    Ok([
        index("primary", &primary::write(packages)?)?,
        index("filelists", &filelists::write(packages)?)?,
        index("other", &other::write(packages)?)?,
    ])
}

fn index(kind: &'static str, xml: &[u8]) -> io::Result<Index> {
    let bytes = gzip(xml)?;
    let sha256 = Sha256Hex::of(&bytes);
    Ok(Index {
        kind,
        name: format!("{sha256}-{kind}.xml.gz"),
        bytes,
        sha256,
        open_sha256: Sha256Hex::of(xml),
        open_size: xml.len(),
    })
}

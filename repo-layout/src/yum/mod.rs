//! yum repositories: `repomd.xml` and the three indexes that it vouches for.
//!
//! Format: what createrepo_c writes and libsolv, yum 3.4 and dnf read; there is no other specification.

mod family;
pub(crate) mod filelists;
pub(crate) mod other;
mod package;
pub(crate) mod primary;
mod published;
pub(crate) mod repodata;
pub(crate) mod repomd;
mod xml;

pub(crate) use family::{Yum, documents};
pub(crate) use package::{YumPackage, file_name_of};
pub(crate) use repomd::Index;
